/// The desired fleet: what `cluster.yaml` says, checked and resolved.
package struct FleetSpec: Hashable, Sendable, Codable {
    /// The installation's name; containers carry it as a label.
    package var fleet: String
    /// Where short image names resolve, `host:port`; empty for the engine's default.
    package var registry: String
    /// Where models come from, and where nodes mount them.
    package var models: ModelSource?
    /// The S3 storage; nil means the controller's own folder.
    package var storage: StorageSpec?
    /// The clusters, in the order of the file.
    package var clusters: [ClusterSpec]
    /// The roamer pool, in the order of the file.
    package var roamers: [NodeName]
    /// The services by the order of the file.
    package var services: [ServiceSpec]
    /// The templates in the order of the file.
    package var templates: [TemplateSpec]
    /// Absent in older records.
    private var limitList: [LimitSpec]?

    private enum CodingKeys: String, CodingKey {
        case fleet, registry, models, storage, clusters, roamers, services, templates
        case limitList = "limits"
    }

    /// What submitters and labels may take, in the order of the file.
    package var limits: [LimitSpec] {
        get { limitList ?? [] }
        set { limitList = newValue.isEmpty ? nil : newValue }
    }

    /// Creates a fleet; an empty one by default.
    package init(
        fleet: String = "jessica", registry: String = "", models: ModelSource? = nil,
        storage: StorageSpec? = nil, clusters: [ClusterSpec] = [], roamers: [NodeName] = [],
        services: [ServiceSpec] = [], templates: [TemplateSpec] = [], limits: [LimitSpec] = []
    ) {
        self.fleet = fleet
        self.registry = registry
        self.models = models
        self.storage = storage
        self.clusters = clusters
        self.roamers = roamers
        self.services = services
        self.templates = templates
        self.limits = limits
    }

    /// The cluster of that name.
    package func cluster(_ name: ClusterName) -> ClusterSpec? {
        clusters.first { $0.name == name }
    }
    /// The first cluster that serves `kind`.
    package func cluster(serving kind: JobKind) -> ClusterSpec? {
        clusters.first { $0.kinds.contains(kind) }
    }
    /// The service of that name.
    package func service(_ name: ServiceName) -> ServiceSpec? {
        services.first { $0.name == name }
    }
    /// The template of that name.
    package func template(_ name: TemplateName) -> TemplateSpec? {
        templates.first { $0.name == name }
    }
    /// Every node named, dedicated ones first.
    package var nodes: [NodeName] { clusters.flatMap(\.nodes) + roamers }
}

/// Where model weights are kept and where nodes see them.
package struct ModelSource: Hashable, Sendable, Codable {
    /// The NFS source, `spark:/mnt/models`.
    package var source: String
    /// The path on every node, `/mnt/spark-models`.
    package var mount: String
    /// Creates a model source.
    package init(source: String, mount: String) {
        self.source = source
        self.mount = mount
    }
}

/// Where outputs are kept.
package struct StorageSpec: Hashable, Sendable, Codable {
    /// The S3 endpoint, `http://spark:9000`.
    package var endpoint: String
    /// The bucket.
    package var bucket: String
    /// Creates a storage spec.
    package init(endpoint: String, bucket: String) {
        self.endpoint = endpoint
        self.bucket = bucket
    }
}

/// A named capability and the dedicated nodes that serve it.
package struct ClusterSpec: Hashable, Sendable, Codable {
    /// The cluster's name.
    package var name: ClusterName
    /// Its dedicated nodes.
    package var nodes: [NodeName]
    /// The kinds of job it serves.
    package var kinds: [JobKind]
    /// What its nodes always run.
    package var service: ServiceName?
    /// What a roamer becomes to help it.
    package var template: TemplateName?
    /// When roamers help.
    package var scaling: ScalingSpec

    /// Creates a cluster.
    package init(
        name: ClusterName, nodes: [NodeName], kinds: [JobKind], service: ServiceName? = nil,
        template: TemplateName? = nil, scaling: ScalingSpec = ScalingSpec()
    ) {
        self.name = name
        self.nodes = nodes
        self.kinds = kinds
        self.service = service
        self.template = template
        self.scaling = scaling
    }
}

/// When a roamer is lent to a cluster, and when it is given back.
package struct ScalingSpec: Hashable, Sendable, Codable {
    /// With `backlog`: help when the queue is deeper than this many times the active workers.
    package var backlogFactor: Int
    /// The rule for overflow.
    package var overflow: OverflowPolicy
    /// The most roamers that help at once, those standing in for a lost node not counted.
    package var maxRoamers: Int
    /// How long a helping roamer may be idle before it is released.
    package var releaseIdle: Duration
    /// Whether a roamer stands in for a node that is gone.
    package var backup: Bool

    /// Creates a rule; the defaults are the user's.
    package init(
        backlogFactor: Int = 2, overflow: OverflowPolicy = .busy, maxRoamers: Int = 3,
        releaseIdle: Duration = .seconds(300), backup: Bool = true
    ) {
        self.backlogFactor = backlogFactor
        self.overflow = overflow
        self.maxRoamers = maxRoamers
        self.releaseIdle = releaseIdle
        self.backup = backup
    }
}

/// When a full cluster is helped by a roamer.
package enum OverflowPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// As soon as every worker is busy and a job waits.
    case busy
    /// When the queue is deeper than `backlogFactor` × active workers: the user's rule.
    case backlog
    /// When the forecast wait in line is longer than the time help takes to arrive.
    case forecast
    /// Never.
    case never
}

/// What a cluster's nodes always run.
package struct ServiceSpec: Hashable, Sendable, Codable {
    /// The service's name.
    package var name: ServiceName
    /// On how many of the cluster's nodes it runs.
    package var replicas: Int
    /// How long a start usually takes, image cached; nil when nothing is known of it.
    package var startupTime: Duration?
    /// The container.
    package var worker: WorkerSpec
    /// Creates a service.
    package init(
        name: ServiceName, replicas: Int, startupTime: Duration? = nil, worker: WorkerSpec
    ) {
        self.name = name
        self.replicas = replicas
        self.startupTime = startupTime
        self.worker = worker
    }
}

/// What a roamer can become.
package struct TemplateSpec: Hashable, Sendable, Codable {
    /// The template's name.
    package var name: TemplateName
    /// How long a start usually takes, image cached.
    package var startupTime: Duration
    /// The container.
    package var worker: WorkerSpec
    /// Creates a template.
    package init(name: TemplateName, startupTime: Duration, worker: WorkerSpec) {
        self.name = name
        self.startupTime = startupTime
        self.worker = worker
    }
}

/// A long-lived container that takes jobs by a known contract.
package struct WorkerSpec: Hashable, Sendable, Codable {
    /// The image as written; the controller resolves short names against the registry.
    package var image: String
    /// What it was found to be when the fleet was applied, `sha256:…`; nil when that is not known.
    package var imageDigest: String?
    /// How the container is driven.
    package var contract: Contract
    /// How many jobs it takes at once, from 1.
    package var slots: Int
    /// Its memory in bytes, limit and reservation; nil when unknown.
    package var memory: Int64?
    /// Whether it needs the GPU.
    package var gpu: Bool
    /// Models it uses, for display and placement.
    package var models: [String]
    /// Devices of the host it opens, such as `/dev/video0`.
    package var devices: [String]
    /// Parts it is made of, for display.
    package var components: [String]
    /// The command in place of the image's own; empty for the image's own.
    package var command: [String]
    /// Absent in older records.
    private var networkList: [String]?
    /// Absent in older records, and where it is not wanted.
    private var wantsLargeOutputs: Bool?

    private enum CodingKeys: String, CodingKey {
        case image, imageDigest, contract, slots, memory, gpu, models, devices, components
        case command
        case networkList = "networks"
        case wantsLargeOutputs = "largeOutputs"
    }

    /// Networks of the cluster that it joins beside those that every worker of its kind does.
    package var networks: [String] {
        get { networkList ?? [] }
        set { networkList = newValue.isEmpty ? nil : newValue }
    }

    /// Whether a cog worker sends its files to its agent, one by one, in place of all in one report.
    package var largeOutputs: Bool {
        get { wantsLargeOutputs ?? false }
        set { wantsLargeOutputs = newValue ? true : nil }
    }

    /// The networks there can be: of the services, of cameras, and of those who manage the fleet.
    package static let clusterNetworks = ["jessica-mesh", "camera-net", "fleet-mgmt"]

    /// Creates a worker spec.
    package init(
        image: String, contract: Contract = .cog, slots: Int = 1, memory: Int64? = nil,
        gpu: Bool = false, models: [String] = [], devices: [String] = [],
        components: [String] = [], command: [String] = [], networks: [String] = [],
        largeOutputs: Bool = false
    ) {
        self.image = image
        self.contract = contract
        self.slots = slots
        self.memory = memory
        self.gpu = gpu
        self.models = models
        self.devices = devices
        self.components = components
        self.command = command
        self.networks = networks
        self.largeOutputs = largeOutputs
    }
}

/// How a worker container is driven.
package enum Contract: String, Hashable, Sendable, Codable, CaseIterable {
    /// The Cog HTTP API.
    case cog
    /// An OpenAI-compatible server.
    case openai
    /// Run to its end; files in, files out.
    case exec
    /// Any container: it is ready when it runs, and takes no jobs.
    case opaque

    /// Whether its worker stays and takes one job after another.
    package var takesJobs: Bool {
        switch self {
        case .cog, .openai: true
        case .exec, .opaque: false
        }
    }
}

/// What is asked for.
package enum JobKind: String, Hashable, Sendable, Codable, CaseIterable {
    case image, video, voice, audio, text, vision, personality, custom

    /// Whether a second copy does no harm: the generating kinds.
    package var isRetrySafe: Bool {
        switch self {
        case .image, .video, .voice, .audio, .text: true
        // Reads from cameras or keeps a memory; a custom image may do anything.
        case .vision, .personality, .custom: false
        }
    }
}
