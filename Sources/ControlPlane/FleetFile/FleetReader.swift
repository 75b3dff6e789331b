import FleetCore
import Settings

/// Walks the tree of a fleet file and notes every mistake; this part reads the top level.
struct FleetReader {
    var mistakes: MistakeList

    /// The keys of the file.
    private static let keys = [
        "fleet", "registry", "models", "storage", "clusters", "roamers", "services", "templates",
        "networks", "limits",
    ]
    /// The Spark's own services: in the file by name only, as the controller does not run them.
    static let sparkServices = [
        "jessica-core", "job-queue", "model-registry", "service-mesh", "api-gateway",
        "fleet-commander", "portainer", "prometheus",
    ]

    mutating func fleet(_ root: YamlNode) -> FleetDraft {
        var draft = FleetDraft()
        guard let entries = root.entries else {
            mistakes.add(line: root.line, "must be a mapping at the top, is \(root.kind)")
            return draft
        }
        for entry in entries {
            let field = FleetField(key: entry.key, line: entry.line, value: entry.value)
            if Self.keys.contains(entry.key) {
                read(field, into: &draft)
            } else if Self.sparkServices.contains(entry.key), entry.value.isNull {
                continue
            } else if looksLikeService(entry.value) {
                service(entry, key: entry.key, into: &draft.services)
            } else if Self.sparkServices.contains(entry.key) {
                mistakes.add(
                    line: entry.line, key: entry.key,
                    "is one of the Spark's own services and must be empty, or have an image")
            } else {
                let hint = Suggestion.hint(
                    for: entry.key, among: Self.keys + Self.sparkServices)
                mistakes.add(line: entry.line, key: entry.key, "unknown key\(hint)")
            }
        }
        return draft
    }

    /// A service stands at the top level in the user's own blocks; it is told by these two keys.
    private func looksLikeService(_ node: YamlNode) -> Bool {
        node.entries?.contains { $0.key == "image" || $0.key == "replicas" } ?? false
    }

    private mutating func read(_ field: FleetField, into draft: inout FleetDraft) {
        guard !field.value.isNull else { return }
        switch field.key {
        case "fleet":
            draft.fleet = text(field, check: FleetText.dnsLabel) ?? draft.fleet
        case "registry":
            draft.registry = text(field, check: FleetText.registry) ?? draft.registry
        case "models": draft.models = models(field)
        case "storage": draft.storage = storage(field)
        case "clusters":
            for entry in named(field) { cluster(entry, into: &draft) }
        case "roamers":
            let fields = fields(of: field, allowed: ["nodes"])
            draft.roamers = fields["nodes"].map { nodes($0) } ?? []
        case "services":
            for entry in named(field) {
                if entry.value.isNull, Self.sparkServices.contains(entry.key) { continue }
                service(entry, key: "services.\(entry.key)", into: &draft.services)
            }
        case "templates":
            for entry in named(field) { template(entry, into: &draft) }
        case "networks":
            for entry in named(field) { network(entry) }
        case "limits": draft.limits = limits(field)
        default: break
        }
    }

    private mutating func models(_ field: FleetField) -> ModelSource? {
        let fields = fields(of: field, allowed: ["source", "mount"])
        let source = required("source", of: field, in: fields, check: FleetText.modelSource)
        let mount = required("mount", of: field, in: fields, check: FleetText.absolutePath)
        guard let source, let mount else { return nil }
        return ModelSource(source: source, mount: mount)
    }

    private mutating func storage(_ field: FleetField) -> StorageSpec? {
        let fields = fields(of: field, allowed: ["endpoint", "bucket"])
        let endpoint = required("endpoint", of: field, in: fields, check: FleetText.endpoint)
        let bucket = required("bucket", of: field, in: fields, check: FleetText.bucket)
        guard let endpoint, let bucket else { return nil }
        return StorageSpec(endpoint: endpoint, bucket: bucket)
    }

    /// Networks are Docker's to make; they are only checked.
    private mutating func network(_ entry: YamlEntry) {
        let field = FleetField(key: "networks.\(entry.key)", line: entry.line, value: entry.value)
        checkName(entry, key: field.key)
        let fields = fields(of: field, allowed: ["driver", "attachable", "internal"])
        if let driver = fields["driver"] { _ = text(driver, check: FleetText.dnsLabel) }
        if let attachable = fields["attachable"] { _ = bool(attachable) }
        if let isInternal = fields["internal"] { _ = bool(isInternal) }
    }
}
