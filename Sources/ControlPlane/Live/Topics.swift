import FleetCore

/// Which events somebody wants: `jobs,node:agx-01`.
struct Topics: Sendable {
    private var kinds: Set<FleetEvent.Kind> = []
    private(set) var jobs: Set<JobID> = []
    private var plans: Set<PlanID> = []
    private(set) var nodes: Set<NodeName> = []
    /// Whether the measurements of all nodes are wanted.
    private(set) var telemetry = false
    /// Whether the progress of all jobs that run is wanted.
    private(set) var progress = false

    /// Jobs and nodes that may be named, in all.
    private static let namesMax = 100

    /// Reads topics that are separated by commas, without what is not for the caller; an `APIError` says
    /// which there are.
    init(_ text: String, for caller: Caller = .local) throws {
        for topic in text.split(separator: ",").map(String.init) { try add(topic) }
        kinds = kinds.filter(caller.maySee)
        guard jobs.count + plans.count + nodes.count <= Self.namesMax else {
            throw APIError.invalid(
                "a stream names \(Self.namesMax) jobs, plans and nodes at most; follow all of them instead"
            )
        }
    }

    private mutating func add(_ topic: String) throws {
        switch topic {
        case "jobs": kinds.insert(.job)
        case "plans": kinds.insert(.plan)
        case "tokens": kinds.insert(.token)
        case "webhooks": kinds.insert(.webhook)
        case "nodes": kinds.insert(.node)
        case "roamers": kinds.formUnion([.roamer, .assignment])
        case "pods": kinds.insert(.pod)
        case "fleet": kinds.insert(.fleet)
        case "telemetry": telemetry = true
        case "progress": progress = true
        case "all": kinds.formUnion(FleetEvent.Kind.allCases)
        case _ where topic.hasPrefix("job:"): jobs.insert(JobID(String(topic.dropFirst(4))))
        case _ where topic.hasPrefix("plan:"): plans.insert(PlanID(String(topic.dropFirst(5))))
        case _ where topic.hasPrefix("node:"): nodes.insert(NodeName(String(topic.dropFirst(5))))
        default:
            throw APIError.invalid(
                """
                no topic is named `\(topic.prefix(40))`: jobs, plans, nodes, roamers, pods, fleet, tokens, \
                webhooks, all, progress, telemetry, job:ID, plan:ID, node:NAME
                """)
        }
    }

    /// Whether something is wanted that is in no event.
    var wantsLive: Bool { telemetry || progress || !jobs.isEmpty || !nodes.isEmpty }

    /// Whether nothing of it is in any event.
    var isLiveOnly: Bool {
        (telemetry || progress) && kinds.isEmpty && jobs.isEmpty && plans.isEmpty && nodes.isEmpty
    }

    /// Whether how that is now is among them.
    func wants(_ subject: LiveSubject) -> Bool {
        switch subject {
        case .job(let id): progress || jobs.contains(id)
        case .node(let name): telemetry || nodes.contains(name)
        }
    }

    /// Whether an event is among them.
    func wants(_ event: FleetEvent) -> Bool {
        if kinds.contains(event.kind) { return true }
        if let job = event.job, jobs.contains(job) { return true }
        if let plan = event.plan, plans.contains(plan) { return true }
        if let node = event.node, nodes.contains(node) { return true }
        return false
    }
}
