import CFleetMessages
import CProtobufC
import FleetCore

// Orders about workers.

extension Jessica__V1__WorkerOrder: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__worker_order__init(memory)
    }

    mutating func fill(_ value: WorkerOrder, _ arena: borrowing Arena) throws(WireError) {
        unsafe id = try arena.text(value.id.rawValue, .name, "WorkerOrder.id")
        unsafe is_pod = value.isPod ? 1 : 0
        unsafe ready_within_nanoseconds = try Bounds.nanoseconds(
            value.readyWithin, "WorkerOrder.readyWithin")
        unsafe spec = try arena.make(value.spec, "WorkerOrder.spec")
        unsafe service = try arena.text(
            value.service?.rawValue ?? "", .nameOrNone, "WorkerOrder.service")
    }

    func decoded() throws(WireError) -> WorkerOrder {
        let service = try unsafe Read.text(service, .nameOrNone, "WorkerOrder.service")
        return try unsafe WorkerOrder(
            id: WorkerID(Read.text(id, .name, "WorkerOrder.id")),
            spec: Read.required(spec, "WorkerOrder.spec"),
            service: service.isEmpty ? nil : ServiceName(service),
            isPod: is_pod != 0,
            readyWithin: Bounds.duration(ready_within_nanoseconds, "WorkerOrder.readyWithin"))
    }
}

extension Jessica__V1__WorkerSpec: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__worker_spec__init(memory)
    }

    mutating func fill(_ value: WorkerSpec, _ arena: borrowing Arena) throws(WireError) {
        unsafe image = try arena.text(value.image, .image, "WorkerSpec.image")
        unsafe contract = value.contract.wire
        unsafe slots = try Bounds.number(value.slots, in: WireLimits.slots, "WorkerSpec.slots")
        unsafe memory = try arena.make(
            Bounds.size(value.memory, "WorkerSpec.memory"), "WorkerSpec.memory")
        unsafe gpu = value.gpu ? 1 : 0
        unsafe large_outputs = value.largeOutputs ? 1 : 0
        unsafe n_models = value.models.count
        unsafe models = try arena.texts(value.models, .text, "WorkerSpec.models")
        unsafe n_devices = value.devices.count
        unsafe devices = try arena.texts(value.devices, .text, "WorkerSpec.devices")
        unsafe n_components = value.components.count
        unsafe components = try arena.texts(value.components, .text, "WorkerSpec.components")
        unsafe n_command = value.command.count
        unsafe command = try arena.texts(value.command, .text, "WorkerSpec.command")
        unsafe n_networks = value.networks.count
        unsafe networks = try arena.texts(value.networks, .name, "WorkerSpec.networks")
    }

    func decoded() throws(WireError) -> WorkerSpec {
        try unsafe WorkerSpec(
            image: Read.text(image, .image, "WorkerSpec.image"),
            contract: Contract(wire: contract, "WorkerSpec.contract"),
            slots: Bounds.number(slots, in: WireLimits.slots, "WorkerSpec.slots"),
            memory: Bounds.size(Read.optional(memory), "WorkerSpec.memory"),
            gpu: gpu != 0,
            models: Read.texts(models, n_models, .text, "WorkerSpec.models"),
            devices: Read.texts(devices, n_devices, .text, "WorkerSpec.devices"),
            components: Read.texts(components, n_components, .text, "WorkerSpec.components"),
            command: Read.texts(command, n_command, .text, "WorkerSpec.command"),
            networks: Read.texts(networks, n_networks, .name, "WorkerSpec.networks"),
            largeOutputs: large_outputs != 0)
    }
}
