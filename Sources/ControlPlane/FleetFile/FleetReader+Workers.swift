import FleetCore
import Settings

extension FleetReader {
    /// Reads a service, from `services` or from the top level.
    mutating func service(_ entry: YamlEntry, key: String, into services: inout [ServiceDraft]) {
        let field = FleetField(key: key, line: entry.line, value: entry.value)
        checkName(entry, key: key)
        let fields = fields(
            of: field,
            allowed: [
                "replicas", "image", "startup_time", "gpu", "models", "devices", "components",
                "contract", "slots", "memory", "command", "networks", "large_outputs",
            ])
        let first = services.first { $0.name == entry.key }
        if let first {
            mistakes.add(
                line: entry.line, key: key,
                "a service of this name is already on line \(first.line) (\(first.key))")
        }
        var service = ServiceDraft(
            name: entry.key, line: entry.line, key: key, worker: worker(field, fields, "service"))
        if let field = fields["replicas"] {
            if let number = int(field, in: 1...FleetFile.nodeLimit) {
                service.replicas = FleetPlaced(value: number, line: field.line, key: field.key)
            } else {
                service.replicasReadable = false
            }
        }
        service.startupTime = startupTime(fields)
        if first == nil { services.append(service) }
    }

    /// Reads one entry of `templates`.
    mutating func template(_ entry: YamlEntry, into draft: inout FleetDraft) {
        let key = "templates.\(entry.key)"
        let field = FleetField(key: key, line: entry.line, value: entry.value)
        checkName(entry, key: key)
        let fields = fields(
            of: field,
            allowed: [
                "image", "startup_time", "contract", "slots", "memory", "gpu", "models", "devices",
                "components", "command", "networks", "large_outputs",
            ])
        var template = TemplateDraft(
            name: entry.key, line: entry.line, worker: worker(field, fields, "template"))
        template.startupTime = startupTime(fields) ?? template.startupTime
        draft.templates.append(template)
    }

    /// How long a service or template usually takes to start, as far as that is written.
    private mutating func startupTime(_ fields: [String: FleetField]) -> Duration? {
        fields["startup_time"].flatMap {
            duration($0, in: .milliseconds(1)...(.seconds(86_400)))
        }
    }

    /// The container of a service or template.
    private mutating func worker(
        _ parent: FleetField, _ fields: [String: FleetField], _ what: String
    ) -> WorkerSpec {
        var worker = WorkerSpec(image: "")
        if let field = fields["image"] {
            worker.image = text(field, check: ImageReference.problem) ?? ""
        } else if parent.value.isNull || parent.value.entries != nil {
            mistakes.add(line: parent.line, key: parent.key, "the \(what) has no image")
        }
        if let field = fields["contract"] {
            worker.contract = choice(field, Contract.self) ?? worker.contract
        }
        if let field = fields["slots"] {
            worker.slots = int(field, in: 1...1024) ?? worker.slots
        }
        if let field = fields["memory"] { worker.memory = size(field, in: 1...(1 << 50)) }
        if let field = fields["gpu"] { worker.gpu = bool(field) ?? worker.gpu }
        if let field = fields["models"] {
            worker.models = unique(texts(field, limit: 1000, check: FleetText.model))
        }
        if let field = fields["devices"] {
            worker.devices = unique(texts(field, limit: 100, check: FleetText.device))
        }
        if let field = fields["components"] {
            worker.components = unique(texts(field, limit: 100, check: FleetText.word))
        }
        if let field = fields["command"] {
            worker.command = texts(field, limit: 1000, check: FleetText.argument).map(\.value)
            if ContainerOrder.bytes(of: worker.command) > ContainerOrder.commandLimit {
                mistakes.add(
                    line: field.line, key: field.key,
                    "must have at most \(ContainerOrder.commandLimit >> 10) KiB in all")
            }
        }
        if let field = fields["networks"] {
            worker.networks = unique(texts(field, limit: 10, check: FleetText.network))
        }
        if let field = fields["large_outputs"] {
            worker.largeOutputs = bool(field) ?? false
            if worker.largeOutputs, worker.contract != .cog {
                mistakes.add(
                    line: field.line, key: field.key,
                    "only with contract cog: it says how cog's workers hand their files over")
            }
        }
        let listed = worker.models + worker.devices + worker.components
        if ContainerOrder.bytes(of: listed) > Self.workerTextLimit {
            mistakes.add(
                line: parent.line, key: parent.key,
                "has more than \(Self.workerTextLimit >> 10) KiB of models, devices and components")
        }
        if worker.contract == .exec { refuseOfJobs(worker, fields) }
        return worker
    }

    /// Bytes of a worker's lists: it goes to its node in one message, with all else that the node shall run.
    private static let workerTextLimit = 64 << 10

    /// A job's own container gets none of these: to take them in silence would be a promise.
    private mutating func refuseOfJobs(_ worker: WorkerSpec, _ fields: [String: FleetField]) {
        let lists = [
            ("models", worker.models), ("devices", worker.devices), ("networks", worker.networks),
        ]
        for (name, list) in lists where !list.isEmpty {
            guard let field = fields[name] else { continue }
            mistakes.add(
                line: field.line, key: field.key,
                "not with contract exec: a job's own container gets no \(name) that are named here, "
                    + "but the GPU and the models' folder where its node has them")
        }
    }

    private mutating func unique(_ items: [FleetPlaced<String>]) -> [String] {
        var lines: [String: Int] = [:]
        return items.filter { item in
            guard let first = lines.updateValue(item.line, forKey: item.value) else { return true }
            mistakes.add(
                line: item.line, key: item.key,
                "\(Shown.quoted(item.value)) is already listed (line \(first))")
            return false
        }.map(\.value)
    }
}
