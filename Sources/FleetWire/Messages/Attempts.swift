import CFleetMessages
import CProtobufC
import FleetCore

// Orders about attempts.

extension Jessica__V1__AttemptKey: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__attempt_key__init(memory)
    }

    mutating func fill(_ value: AttemptKey, _ arena: borrowing Arena) throws(WireError) {
        unsafe job = try arena.text(value.job.rawValue, .name, "AttemptKey.job")
        unsafe number = try Bounds.number(
            value.number, in: WireLimits.attempts, "AttemptKey.number")
    }

    func decoded() throws(WireError) -> AttemptKey {
        try unsafe AttemptKey(
            job: JobID(Read.text(job, .name, "AttemptKey.job")),
            number: Bounds.number(number, in: WireLimits.attempts, "AttemptKey.number"))
    }
}

extension Jessica__V1__AttemptOrder: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__attempt_order__init(memory)
    }

    mutating func fill(_ value: AttemptOrder, _ arena: borrowing Arena) throws(WireError) {
        unsafe key = try arena.make(value.key, "AttemptOrder.key")
        unsafe kind = value.kind.wire
        if let reason = value.stop { unsafe stop = reason.wire }
        switch value.place {
        case .worker(let id):
            unsafe worker = try arena.make(id, "AttemptOrder.place")
            unsafe place_case = JESSICA__V1__ATTEMPT_ORDER__PLACE_WORKER
        case .container(let order):
            unsafe container = try arena.make(order, "AttemptOrder.place")
            unsafe place_case = JESSICA__V1__ATTEMPT_ORDER__PLACE_CONTAINER
        }
        unsafe input = try arena.text(value.input, .input, "AttemptOrder.input")
        if let whole = value.stored {
            unsafe stored = try arena.make(whole, "AttemptOrder.stored")
        }
    }

    func decoded() throws(WireError) -> AttemptOrder {
        try unsafe AttemptOrder(
            key: Read.required(key, "AttemptOrder.key"),
            place: place(),
            input: Read.text(input, .input, "AttemptOrder.input"),
            stored: Read.optional(stored),
            kind: JobKind(wire: kind, "AttemptOrder.kind"),
            stop: StopReason(wire: stop))
    }

    /// The union as an enum; which member is valid is known here only.
    private func place() throws(WireError) -> AttemptPlace {
        switch unsafe place_case {
        case JESSICA__V1__ATTEMPT_ORDER__PLACE_WORKER:
            .worker(try unsafe Read.required(worker, "AttemptOrder.place"))
        case JESSICA__V1__ATTEMPT_ORDER__PLACE_CONTAINER:
            .container(try unsafe Read.required(container, "AttemptOrder.place"))
        default:
            throw WireError(
                .missing, "AttemptOrder.place", "it is required, and of a kind known here")
        }
    }
}

extension Jessica__V1__StoredInput: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__stored_input__init(memory)
    }

    mutating func fill(_ value: StoredInput, _ arena: borrowing Arena) throws(WireError) {
        unsafe size = UInt64(
            try Bounds.size(
                UInt64(clamping: value.size), atMost: StoredInput.sizeLimit, "StoredInput.size"))
        unsafe digest = try arena.text(value.digest, .name, "StoredInput.digest")
    }

    func decoded() throws(WireError) -> StoredInput {
        try unsafe StoredInput(
            size: Bounds.size(size, atMost: StoredInput.sizeLimit, "StoredInput.size"),
            digest: Read.text(digest, .name, "StoredInput.digest"))
    }
}

extension Jessica__V1__WorkerPlace: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__worker_place__init(memory)
    }
    mutating func fill(_ value: WorkerID, _ arena: borrowing Arena) throws(WireError) {
        unsafe id = try arena.text(value.rawValue, .name, "WorkerPlace.id")
    }
    func decoded() throws(WireError) -> WorkerID {
        try unsafe WorkerID(Read.text(id, .name, "WorkerPlace.id"))
    }
}

extension Jessica__V1__ContainerOrder: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__container_order__init(memory)
    }

    mutating func fill(_ value: ContainerOrder, _ arena: borrowing Arena) throws(WireError) {
        unsafe image = try arena.text(value.image, .image, "ContainerOrder.image")
        unsafe memory = try arena.make(
            Bounds.size(value.memory, "ContainerOrder.memory"), "ContainerOrder.memory")
        unsafe n_command = value.command.count
        unsafe command = try arena.texts(value.command, .text, "ContainerOrder.command")
    }

    func decoded() throws(WireError) -> ContainerOrder {
        try unsafe ContainerOrder(
            image: Read.text(image, .image, "ContainerOrder.image"),
            command: Read.texts(command, n_command, .text, "ContainerOrder.command"),
            memory: Bounds.size(Read.optional(memory), "ContainerOrder.memory"))
    }
}
