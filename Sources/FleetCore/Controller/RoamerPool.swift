import OrderedCollections

/// Which roamer is where: what the scheduler asks for without looking at every node.
///
/// `Controller.reindex` tells it of every change; it remembers what it was told last, so telling it
/// twice does no harm. Roamers are ordered as in the pool.
struct RoamerPool: Sendable {
    /// What matters of one roamer.
    struct Entry: Hashable, Sendable {
        let place: Int
        let name: NodeName
        let state: RoamerState
        let cluster: ClusterName?
        let purpose: Assignment.Purpose?
        /// Whether it works for a cluster until idle and has nothing to do now.
        let isSpare: Bool
        /// Whether it is lent to one job that does not run on it now.
        let isReserved: Bool
    }

    /// A roamer by its place in the pool.
    struct Member: Hashable, Comparable, Sendable {
        let place: Int
        let name: NodeName
        static func < (a: Member, b: Member) -> Bool { (a.place, a.name) < (b.place, b.name) }
    }

    private var entries: [NodeName: Entry] = [:]
    private var helpers: [ClusterName: [Member]] = [:]
    private var byJob: [JobID: NodeName] = [:]
    private var standIns: [NodeName: NodeName] = [:]
    /// Roamers that are IDLE.
    private(set) var idle: [Member] = []
    /// Roamers in CLEANUP.
    private(set) var cleaning: [Member] = []
    /// Roamers that could be called back.
    private(set) var spare: [Member] = []
    /// Roamers that wait for the one job they are lent to.
    private(set) var reserved: [Member] = []

    /// The roamers lent to a cluster, in any state.
    func helpers(of cluster: ClusterName) -> [Member] { helpers[cluster] ?? [] }
    /// The roamer lent to a job.
    func roamer(of job: JobID) -> NodeName? { byJob[job] }
    /// The job that a roamer is lent to.
    func job(of roamer: NodeName) -> JobID? {
        if case .job(let id) = entries[roamer]?.purpose { return id }
        return nil
    }
    /// The roamer that stands in for a node.
    func standIn(for node: NodeName) -> NodeName? { standIns[node] }

    /// Takes what a roamer is now; nil when it is none any more.
    mutating func update(_ name: NodeName, _ entry: Entry?) {
        let before = entries[name]
        guard before != entry else { return }
        if let before { remove(before) }
        entries[name] = entry
        if let entry { add(entry) }
    }

    private mutating func add(_ entry: Entry) {
        let member = Member(place: entry.place, name: entry.name)
        if let cluster = entry.cluster { helpers[cluster, default: []].insertSorted(member) }
        switch entry.purpose {
        case .job(let id): byJob[id] = entry.name
        case .backup(let node): standIns[node] = entry.name
        case .overflow, .manual, nil: break
        }
        switch entry.state {
        case .idle: idle.insertSorted(member)
        case .cleanup: cleaning.insertSorted(member)
        case .assigned, .provisioning, .running, .quarantined: break
        }
        if entry.isSpare { spare.insertSorted(member) }
        if entry.isReserved { reserved.insertSorted(member) }
    }

    private mutating func remove(_ entry: Entry) {
        let member = Member(place: entry.place, name: entry.name)
        if let cluster = entry.cluster {
            helpers[cluster]?.removeSorted(member)
            if helpers[cluster]?.isEmpty == true { helpers[cluster] = nil }
        }
        switch entry.purpose {
        case .job(let id): if byJob[id] == entry.name { byJob[id] = nil }
        case .backup(let node): if standIns[node] == entry.name { standIns[node] = nil }
        case .overflow, .manual, nil: break
        }
        idle.removeSorted(member)
        cleaning.removeSorted(member)
        spare.removeSorted(member)
        reserved.removeSorted(member)
    }

    /// Whether it holds what these entries say.
    func isExactly(_ expected: [Entry]) -> Bool {
        var other = RoamerPool()
        for entry in expected { other.update(entry.name, entry) }
        return entries == other.entries && helpers == other.helpers && byJob == other.byJob
            && standIns == other.standIns && idle == other.idle && cleaning == other.cleaning
            && spare == other.spare && reserved == other.reserved
    }
}

extension Controller {
    /// Tells the pool what has become of a node; call it after every change of its roamer or attempts.
    mutating func reindex(_ name: NodeName) {
        let before = pool.job(of: name)
        pool.update(name, poolEntry(name))
        let after = pool.job(of: name)
        if before != after { unsettled += [before, after].compactMap { $0 } }
    }

    /// Notes what jobs have taken whose roamer has changed.
    mutating func settleUsage(_ now: Instant) {
        for id in unsettled { recount(id, now) }
        unsettled = []
    }

    private func poolEntry(_ name: NodeName) -> RoamerPool.Entry? {
        guard let node = nodes[name], let roamer = node.record.roamer else { return nil }
        var isSpare = false
        if roamer.state == .running, node.attempts.isEmpty,
            let assignment = roamer.assignment, case .untilIdle = assignment.mode,
            assignment.cluster != nil
        {
            isSpare = true
        }
        var isReserved = false
        if case .job = roamer.assignment?.purpose { isReserved = node.attempts.isEmpty }
        // One that leaves the pool comes after all others.
        return RoamerPool.Entry(
            place: index.roamerPlace(of: name) ?? .max, name: name, state: roamer.state,
            cluster: roamer.assignment?.cluster, purpose: roamer.assignment?.purpose,
            isSpare: isSpare, isReserved: isReserved)
    }

    /// What is wrong with the indexes, compared with a look at everything; nil when nothing is.
    ///
    /// For tests and the simulator.
    package func indexMistake() -> String? {
        let entries = nodes.keys.compactMap { poolEntry($0) }
        if !pool.isExactly(entries) { return "the roamer pool is not what the nodes say" }
        if waitingCount != queues.values.reduce(0, { $0 + $1.count }) {
            return "\(waitingCount) jobs are counted as waiting"
        }
        if endedCount + keptEnded.count != jobs.values.count(where: { $0.ending != nil }) {
            return "\(endedCount) jobs are counted as ended"
        }
        for state in NodeState.allCases
        where stateCounts[state, default: 0] != nodes.values.count(where: { $0.state == state }) {
            return "\(stateCounts[state, default: 0]) nodes are counted as \(state)"
        }
        return usageMistake() ?? planMistake()
    }
}
