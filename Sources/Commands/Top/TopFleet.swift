/// The fleet as `top` knows it: read once, then moved on by events.
struct TopFleet: Sendable {
    /// What is read separately.
    enum Part: CaseIterable, Sendable {
        case summary, clusters, nodes, jobs
    }

    /// What was read at once; nil is what was not asked for.
    struct Reading: Sendable {
        var summary: Summary?
        var clusters: [Cluster]?
        var nodes: [Node]?
        var jobs: [Job]?
    }

    private(set) var summary: Summary?
    private(set) var clusters: [Cluster] = []
    private(set) var nodes: [Node] = []
    /// Those that wait or run, oldest first, then the latest that have ended.
    private(set) var jobs: [Job] = []
    /// The latest events, oldest first.
    private(set) var events: [Event] = []

    /// Events that are kept.
    static let eventsMax = 1_000
    /// Jobs that wait or run which are read.
    static let activeMax = 500
    /// Jobs that have ended which are read.
    static let endedMax = 50
    /// Jobs that are kept, those included that events told of.
    static let jobsMax = 1_000

    /// Takes what was read.
    mutating func take(_ reading: Reading) {
        summary = reading.summary ?? summary
        clusters = reading.clusters ?? clusters
        nodes = reading.nodes ?? nodes
        jobs = reading.jobs ?? jobs
    }

    /// Takes events of before; those that are known already are left out.
    mutating func takePast(_ past: [Event]) {
        let first = events.compactMap(\.seq).min() ?? .max
        events = (past.filter { ($0.seq ?? 0) < first } + events).suffix(Self.eventsMax)
    }

    /// Takes what happened; answers what has to be read again for the rest of it.
    mutating func take(_ new: [Event]) -> Set<Part> {
        var stale: Set<Part> = []
        for event in new {
            switch event.type ?? "" {
            case "job.state":
                move(job: event)
                stale.formUnion([.jobs, .summary, .clusters])
            case "node.state", "roamer.state", "assignment", "pod.state":
                move(node: event)
                stale.formUnion([.nodes, .summary, .clusters])
            case "fleet.applied": stale = Set(Part.allCases)
            default: break
            }
        }
        events = (events + new.suffix(Self.eventsMax)).suffix(Self.eventsMax)
        return stale
    }

    /// Takes what nodes measure now.
    mutating func take(_ live: [NodeLive]) {
        for live in live {
            guard let index = nodes.firstIndex(where: { $0.name == live.node }) else { continue }
            nodes[index].take(live)
        }
    }

    /// Takes how jobs go on.
    mutating func take(_ live: [JobProgress]) {
        for live in live {
            guard let index = jobs.firstIndex(where: { $0.id == live.job }) else { continue }
            jobs[index].take(live)
        }
    }

    private mutating func move(job event: Event) {
        guard let id = event.job, let state = event.to else { return }
        guard let index = jobs.firstIndex(where: { $0.id == id }) else {
            guard jobs.count < Self.jobsMax else { return }
            let job = Job(id: id, state: state, node: event.node, reason: event.reason)
            let place = jobs.firstIndex { $0.isEnded } ?? jobs.endIndex
            return jobs.insert(job, at: place)
        }
        jobs[index].state = state
        jobs[index].reason = event.reason
        if let node = event.node { jobs[index].node = node }
        if let attempt = event.attempt { jobs[index].attempt = attempt }
        jobs[index].progress = nil
        if state == "running" { jobs[index].startedAt = event.at }
        if jobs[index].isEnded { jobs[index].finishedAt = event.at }
    }

    private mutating func move(node event: Event) {
        guard let name = event.node, let state = event.to,
            let index = nodes.firstIndex(where: { $0.name == name })
        else { return }
        if event.type == "node.state", Self.nodeStates.contains(state) {
            nodes[index].state = state
        } else if event.type == "roamer.state" {
            nodes[index].roamer?.state = state
            nodes[index].roamer?.since = event.at
            nodes[index].roamer?.reason = event.reason
            nodes[index].roamer?.progress = nil
        }
    }

    /// A node's events also tell of cordons and drains, which are no states.
    private static let nodeStates: Set<String> = ["ready", "suspect", "lost"]
}
