package import FleetCore
import OrderedCollections

/// A node as the API shows it.
package struct NodeView: Encodable, Sendable {
    struct AssignmentView: Encodable, Sendable {
        var cluster: String?
        var template: String?
        var image: String?
        var purpose: String
        var job: String?
        var mode: String
        var until: String?
        var since: String
        var releasing: String?
    }
    struct RoamerView: Encodable, Sendable {
        var state: String
        var template: String?
        var assignment: AssignmentView?
        var since: String
        var progress: JobView.ProgressView?
        var reason: String
    }
    struct PodView: Encodable, Sendable {
        var name: String
        var state: String
        var image: String
        var slots: Int
        var running: Int
        var restarts: UInt32
        var progress: JobView.ProgressView?
        var error: JobView.ErrorView?
        var since: String?
    }
    struct TelemetryView: Encodable, Sendable {
        var at: String?
        /// Whether the sample is too old to say how the machine is; its numbers are left out then.
        var stale: Bool
        var cpu: Double?
        var gpu: Double?
        var memoryUsed: UInt64?
        var memoryTotal: UInt64?
        var diskFree: UInt64?
        var swapUsed: UInt64?
        var swapTotal: UInt64?
        var temperature: Double?
        var power: Double?
        var temperatures: [String: Double]?
        var watts: [String: Double]?
        var powerMode: String?
        var containers: [ContainerView]?
    }
    /// What containers of an image took at most, in bytes.
    struct PeakView: Encodable, Sendable {
        var image: String
        var bytes: Int64
    }
    /// What a container uses: percent of one processor, and bytes.
    struct ContainerView: Encodable, Sendable {
        var name: String
        var cpu: Double?
        var memory: UInt64
    }

    var name: String
    var role: String
    var cluster: String?
    var state: String
    var reason: String
    var since: String
    var schedulable: Bool
    var cordoned: Bool
    var draining: Bool
    var incarnation: String?
    var agentVersion: String
    var running: Int
    var slots: Int
    var jobs: [String]
    var roamer: RoamerView?
    var pods: [PodView]
    var telemetry: TelemetryView?
    var lastSeenAt: String?
    /// When its certificates were made void; nil for never.
    var bannedAt: String?
    /// What images were seen to take on it, in bytes.
    var memoryPeaks: [PeakView]?

    /// Shows a node as it is now.
    package init(_ node: Controller.Node, in controller: Controller, at now: Instant) {
        let record = node.record
        name = record.name.rawValue
        role = node.isRoamer ? "roamer" : "dedicated"
        cluster = node.cluster?.rawValue
        state = node.state.rawValue
        reason = node.reason
        since = node.since.rfc3339
        schedulable = node.isSchedulable
        cordoned = record.cordoned
        draining = record.drain != nil
        incarnation = record.incarnation?.description
        agentVersion = record.agentVersion
        running = node.attempts.count
        jobs = node.attempts.map(\.job.rawValue)
        let order = controller.pod(of: record.name)
        slots = order?.spec.slots ?? record.roamer?.assignment?.worker?.slots ?? 0
        roamer = record.roamer.map { Self.roamer($0, node) }
        pods = Self.pods(node, order)
        telemetry = node.telemetryAt.map {
            Self.telemetry(node.currentTelemetry(at: now), at: $0)
        }
        lastSeenAt = record.lastSeen?.rfc3339
        bannedAt = controller.bans[record.name]?.rfc3339
        memoryPeaks = record.peaks?.map { PeakView(image: $0.image, bytes: $0.bytes) }
    }

    /// A sample as it is shown; nil when it is too old to say how the machine is.
    static func telemetry(_ sample: Telemetry?, at instant: Instant) -> TelemetryView {
        var view = TelemetryView(at: instant.rfc3339, stale: sample == nil)
        guard let sample else { return view }
        view.cpu = percent(sample.cpu)
        view.gpu = percent(sample.gpu)
        view.memoryUsed = sample.memoryUsed
        view.memoryTotal = sample.memoryTotal
        view.diskFree = sample.diskFree
        view.swapUsed = sample.swapUsed
        view.swapTotal = sample.swapTotal
        view.temperature = sample.temperature
        view.power = sample.power
        view.temperatures = byName(sample.temperatures)
        view.watts = byName(sample.watts)
        view.powerMode = sample.powerMode
        if !sample.containers.isEmpty {
            view.containers = sample.containers.map {
                ContainerView(name: $0.name, cpu: percent($0.cpu), memory: $0.memory)
            }
        }
        return view
    }

    /// Numbers by their names; nil when there are none.
    private static func byName(_ values: [Telemetry.Measurement]) -> [String: Double]? {
        guard !values.isEmpty else { return nil }
        return Dictionary(
            values.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// A ratio as people read it, 0…100.
    private static func percent(_ ratio: Double?) -> Double? {
        ratio.map { ($0 * 1_000).rounded() / 10 }
    }

    private static func roamer(_ roamer: Roamer, _ node: Controller.Node) -> RoamerView {
        let progress = roamer.assignment.flatMap { node.workers[$0.workerID]?.progress }
        return RoamerView(
            state: roamer.state.rawValue, template: roamer.assignment?.template?.rawValue,
            assignment: roamer.assignment.map(view), since: roamer.since.rfc3339,
            progress: progress.map { .init($0) },
            reason: roamer.reason)
    }

    private static func view(_ assignment: Assignment) -> AssignmentView {
        var purpose: String
        var job: String?
        switch assignment.purpose {
        case .overflow: purpose = "overflow"
        case .backup(let node): purpose = "backup of \(node)"
        case .job(let id):
            purpose = "job"
            job = id.rawValue
        case .manual: purpose = "manual"
        }
        var mode: String
        var until: String?
        switch assignment.mode {
        case .untilIdle: mode = "untilIdle"
        case .until(let end):
            mode = "fixed"
            until = end.rfc3339
        case .manual: mode = "manual"
        case .whileNeeded: mode = "whileNeeded"
        }
        return AssignmentView(
            cluster: assignment.cluster?.rawValue, template: assignment.template?.rawValue,
            image: assignment.worker?.image, purpose: purpose, job: job, mode: mode, until: until,
            since: assignment.since.rfc3339, releasing: assignment.releasing)
    }

    private static func pods(_ node: Controller.Node, _ order: WorkerOrder?) -> [PodView] {
        var pods = node.workers.values.map { worker in
            PodView(
                name: worker.id.rawValue, state: worker.phase.rawValue, image: worker.image,
                slots: order?.id == worker.id
                    ? order?.spec.slots ?? 1
                    : node.record.roamer?.assignment?.worker?.slots ?? 1,
                running: node.attempts.count, restarts: worker.restarts,
                progress: worker.progress.map { .init($0) },
                error: worker.error.map { .init($0) },
                since: node.workerSince[worker.id]?.rfc3339)
        }
        if let order, node.workers[order.id] == nil, order.spec.contract != .exec {
            pods.append(
                PodView(
                    name: order.id.rawValue, state: "unknown", image: order.spec.image,
                    slots: order.spec.slots, running: 0, restarts: 0))
        }
        return pods
    }
}

/// A cluster as the API shows it.
package struct ClusterView: Encodable, Sendable {
    var name: String
    var kinds: [String]
    var nodes: [String]
    var service: String?
    var template: String?
    var overflow: String
    var maxRoamers: Int
    var ready: Int
    var busy: Int
    var queued: Int
    var running: Int
    var roamers: [String]

    /// Shows a cluster.
    package init(_ cluster: ClusterSpec, in controller: Controller) {
        let load = controller.load(of: cluster)
        let members = cluster.nodes.compactMap { controller.nodes[$0] }
        name = cluster.name.rawValue
        kinds = cluster.kinds.map(\.rawValue)
        nodes = cluster.nodes.map(\.rawValue)
        service = cluster.service?.rawValue
        template = cluster.template?.rawValue
        overflow = cluster.scaling.overflow.rawValue
        maxRoamers = cluster.scaling.maxRoamers
        ready = load.dedicated
        busy = members.filter { !$0.attempts.isEmpty }.count
        queued = controller.depth(cluster.name)
        running = load.running
        roamers = controller.nodes.values
            .filter { $0.record.roamer?.assignment?.cluster == cluster.name }
            .map(\.record.name.rawValue)
    }
}

/// A service or a template as the API shows it.
package struct WorkerView: Encodable, Sendable {
    var name: String
    var image: String
    var imageDigest: String?
    var contract: String
    var slots: Int
    var memory: Int64?
    var gpu: Bool
    var models: [String]
    var devices: [String]
    var components: [String]
    var networks: [String]?
    var largeOutputs: Bool
    var replicas: Int?
    var startupSeconds: Double?
    var clusters: [String]

    init(_ service: ServiceSpec, in fleet: FleetSpec) {
        self.init(service.name.rawValue, service.worker)
        replicas = service.replicas
        startupSeconds = service.startupTime?.inSeconds
        clusters = fleet.clusters.filter { $0.service == service.name }.map(\.name.rawValue)
    }

    init(_ template: TemplateSpec, in fleet: FleetSpec) {
        self.init(template.name.rawValue, template.worker)
        startupSeconds = template.startupTime.inSeconds
        clusters = fleet.clusters.filter { $0.template == template.name }.map(\.name.rawValue)
    }

    private init(_ name: String, _ worker: WorkerSpec) {
        self.name = name
        image = worker.image
        imageDigest = worker.imageDigest
        contract = worker.contract.rawValue
        slots = worker.slots
        memory = worker.memory
        gpu = worker.gpu
        models = worker.models
        devices = worker.devices
        components = worker.components
        networks = worker.networks.isEmpty ? nil : worker.networks
        largeOutputs = worker.largeOutputs
        clusters = []
    }
}

/// An event as the API shows it.
package struct EventView: Encodable, Sendable {
    var seq: UInt64
    var at: String
    var type: String
    var job: String?
    var plan: String?
    var attempt: Int?
    var node: String?
    var from: String?
    var to: String?
    var reason: String?
    var durationSeconds: Double?

    /// Shows an event.
    package init(_ event: FleetEvent) {
        seq = event.sequence
        at = event.at.rfc3339
        type = event.kind.rawValue
        job = event.job?.rawValue
        plan = event.plan?.rawValue
        attempt = event.attempt
        node = event.node?.rawValue
        from = event.from
        to = event.to
        reason = event.reason
        durationSeconds = event.lasted.map { ($0.inSeconds * 1000).rounded() / 1000 }
    }
}

/// A page of a list.
struct Page<Item: Encodable & Sendable>: Encodable, Sendable {
    let items: [Item]
    /// Where the next page begins; null where there is none.
    let next: Nullable<String>

    init(items: [Item], next: String?) {
        self.items = items
        self.next = Nullable(next)
    }
}

/// A value whose absence is said.
///
/// `null` says that there is none; leaving it out, as is done with what is not known, would say nothing.
struct Nullable<Value: Encodable & Sendable>: Encodable, Sendable {
    let value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
