import FleetCore

/// A value with its place in the file.
struct FleetPlaced<Value> {
    var value: Value
    let line: Int
    let key: String
}

/// The fleet as written, before its parts are checked against each other.
struct FleetDraft {
    var fleet = "jessica"
    var registry = ""
    var models: ModelSource?
    var storage: StorageSpec?
    var clusters: [ClusterDraft] = []
    var roamers: [FleetPlaced<String>] = []
    var services: [ServiceDraft] = []
    var templates: [TemplateDraft] = []
    var limits: [LimitSpec] = []

    var spec: FleetSpec {
        FleetSpec(
            fleet: fleet, registry: registry, models: models, storage: storage,
            clusters: clusters.map(\.spec), roamers: roamers.map { NodeName($0.value) },
            services: services.map(\.spec), templates: templates.map(\.spec),
            limits: limits)
    }
}

/// A cluster as written.
struct ClusterDraft {
    let name: String
    let line: Int
    let key: String
    var nodes: [FleetPlaced<String>] = []
    var kinds: [FleetPlaced<JobKind>] = []
    var service: FleetPlaced<String>?
    var template: FleetPlaced<String>?
    var scaling = ScalingSpec()

    var spec: ClusterSpec {
        ClusterSpec(
            name: ClusterName(name), nodes: nodes.map { NodeName($0.value) },
            kinds: kinds.map(\.value), service: service.map { ServiceName($0.value) },
            template: template.map { TemplateName($0.value) }, scaling: scaling)
    }

    /// What a cluster serves that does not say so: the seven clusters of the fleet by their names.
    static func kinds(byName name: String) -> JobKind? {
        switch name {
        case "vision": .image
        case "video": .video
        case "voice": .voice
        case "audio": .audio
        case "brain": .text
        case "eyes": .vision
        case "jessica": .personality
        default: nil
        }
    }
}

/// A service as written.
struct ServiceDraft {
    let name: String
    let line: Int
    let key: String
    /// Nil when not written: then every node of its cluster, as the checks find out.
    var replicas: FleetPlaced<Int>?
    /// False when `replicas` was written and wrong, so that no second mistake is made of it.
    var replicasReadable = true
    /// The number when it was not written.
    var replicasByDefault = 1
    var startupTime: Duration?
    var worker: WorkerSpec

    var spec: ServiceSpec {
        ServiceSpec(
            name: ServiceName(name), replicas: replicas?.value ?? replicasByDefault,
            startupTime: startupTime, worker: worker)
    }
}

/// A template as written.
struct TemplateDraft {
    let name: String
    let line: Int
    var startupTime: Duration = .seconds(60)
    var worker: WorkerSpec

    var spec: TemplateSpec {
        TemplateSpec(name: TemplateName(name), startupTime: startupTime, worker: worker)
    }
}
