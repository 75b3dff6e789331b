import OrderedCollections

/// A line of its own beside others: waiting jobs of a submitter, or of a label that has a share.
package enum Share: Hashable, Comparable, Sendable {
    /// The jobs of a submitter.
    case submitter(SubmitterName)
    /// The jobs with a label.
    case label(String, String)

    private var order: (Int, String, String) {
        switch self {
        case .submitter(let name): (0, name.rawValue, "")
        case .label(let key, let value): (1, key, value)
        }
    }

    /// Any fixed order, the same on every machine.
    package static func < (a: Share, b: Share) -> Bool { a.order < b.order }
}

/// A bound on how many of some jobs run at once, and what it bounds.
package struct Gate: Hashable, Sendable {
    /// What is bounded.
    package enum Subject: Hashable, Sendable {
        case submitter(SubmitterName)
        case label(String, String)
        case plan(PlanID)
        case step(PlanID, String)
    }
    /// What is bounded.
    package var subject: Subject
    /// The most that run at once.
    package var most: Int
    /// Creates a gate.
    package init(subject: Subject, most: Int) {
        self.subject = subject
        self.most = most
    }
}

/// Waiting jobs of one cluster, served in turn by share.
///
/// Start-time fair queueing: each share has counted how much of the workers' time it took, divided by its
/// weight, and the one with the least is served next. One that comes anew begins where the others are,
/// so it neither waits behind a long line nor makes up for the time it was away. Jobs of a share that the
/// same gates bound are a lane; a lane with a full gate is passed over whole, however long it is.
package struct FairQueue: Sendable {
    /// Jobs of a share that the same gates bound.
    package struct Lane: Hashable, Sendable {
        /// Whose they are.
        package var share: Share
        /// What bounds them.
        package var gates: [Gate]
        /// Creates a lane.
        package init(share: Share, gates: [Gate] = []) {
            self.share = share
            self.gates = gates
        }
    }

    private struct Account {
        /// Microseconds of the workers' time taken, by weight.
        var taken: Int64
        var weight: Int64
        var waiting = 0
    }

    private var lanes: OrderedDictionary<Lane, JobQueue> = [:]
    private var accounts: OrderedDictionary<Share, Account> = [:]
    /// What the share that was served last had taken.
    private var served: Int64 = 0
    /// Accounts beyond which those that matter no more are forgotten.
    private static let accountLimit = 64
    /// What one job counts for at most.
    private static let longest = Duration.seconds(30 * 86_400)

    /// The number of entries.
    package private(set) var count = 0

    /// Creates an empty queue.
    package init() {}

    /// Whether nothing waits.
    package var isEmpty: Bool { count == 0 }

    // MARK: Entries

    /// Adds an entry; false if it was there.
    @discardableResult
    package mutating func insert(_ entry: QueueEntry, in lane: Lane, weight: Int = 1) -> Bool {
        guard lanes[lane, default: JobQueue()].insert(entry) else { return false }
        count += 1
        open(lane.share, weight)
        accounts[lane.share]?.waiting += 1
        return true
    }

    /// Removes an entry; false if it was not there.
    @discardableResult
    package mutating func remove(_ entry: QueueEntry, from lane: Lane) -> Bool {
        guard lanes[lane]?.remove(entry) == true else { return false }
        if lanes[lane]?.isEmpty == true { lanes[lane] = nil }
        count -= 1
        accounts[lane.share]?.waiting -= 1
        return true
    }

    /// Every entry, lane by lane.
    package var entries: [QueueEntry] { lanes.values.flatMap { $0.prefix($0.count) } }

    /// Whether a lane of it has this gate.
    package func isBounded(by subject: Gate.Subject) -> Bool {
        lanes.keys.contains { lane in lane.gates.contains { $0.subject == subject } }
    }

    /// The first entries in the order in which they are to be served, of open lanes only.
    ///
    /// Each share that waits has its first ones among them, so that one whose jobs fit nowhere now does
    /// not stand in the way of the others.
    package func prefix(
        _ limit: Int, where isOpen: (Gate) -> Bool = { _ in true }
    ) -> [QueueEntry] {
        if lanes.count == 1, let lane = lanes.elements.first {
            return lane.key.gates.allSatisfy(isOpen) ? lane.value.prefix(limit) : []
        }
        var waiting: OrderedDictionary<Share, [JobQueue]> = [:]
        for (lane, queue) in lanes where lane.gates.allSatisfy(isOpen) {
            waiting[lane.share, default: []].append(queue)
        }
        let shares = waiting.keys.sorted { (taken(by: $0), $0) < (taken(by: $1), $1) }
        let each = shares.count < 2 ? limit : max(limit / shares.count, 1)
        var first: [QueueEntry] = []
        for share in shares { first += Self.merged(waiting[share] ?? [], each) }
        return first
    }

    /// The first entries of several lanes.
    private static func merged(_ queues: [JobQueue], _ limit: Int) -> [QueueEntry] {
        if queues.count == 1 { return queues[0].prefix(limit) }
        // The first `limit` are in the lanes with the first heads.
        let heads = queues.compactMap { queue in queue.prefix(1).first.map { ($0, queue) } }
            .sorted { $0.0 < $1.0 }.prefix(limit)
        return Array(heads.flatMap { $0.1.prefix(limit) }.sorted().prefix(limit))
    }

    /// How many could run at once for all that bounds them; `room` is what a gate has left.
    package func runnable(room: (Gate) -> Int) -> Int {
        var left: [Gate: Int] = [:]
        var sum = 0
        for (lane, queue) in lanes {
            var most = queue.count
            for gate in lane.gates { most = min(most, left[gate] ?? room(gate)) }
            most = max(most, 0)
            for gate in lane.gates { left[gate] = (left[gate] ?? room(gate)) - most }
            sum += most
        }
        return sum
    }

    // MARK: Shares

    /// A job of a share begins; `cost` is how long it is expected to take.
    package mutating func begin(_ share: Share, weight: Int, cost: Duration) {
        open(share, weight)
        guard let account = accounts[share] else { return }
        served = max(served, account.taken)
        accounts[share]?.taken += Self.counted(cost) / account.weight
    }

    /// A job of a share has ended after so long, where `expected` was counted.
    package mutating func end(_ share: Share, expected: Duration, took: Duration) {
        guard let account = accounts[share] else { return }
        accounts[share]?.taken += (Self.counted(took) - Self.counted(expected)) / account.weight
    }

    private mutating func open(_ share: Share, _ weight: Int) {
        let weight = Int64(min(max(weight, 1), 1_000))
        guard let account = accounts[share] else {
            if accounts.count >= Self.accountLimit {
                accounts = accounts.filter { $0.value.waiting > 0 || $0.value.taken > served }
            }
            accounts[share] = Account(taken: served, weight: weight)
            return
        }
        accounts[share]?.weight = weight
        // Away for a time: it does not make up for it.
        if account.waiting == 0 { accounts[share]?.taken = max(account.taken, served) }
    }

    private func taken(by share: Share) -> Int64 { accounts[share]?.taken ?? served }

    private static func counted(_ time: Duration) -> Int64 {
        min(max(time, .zero), longest).nanoseconds / 1_000
    }

    // MARK: Ranks

    /// About how many entries come before this one, if each takes `mean`; nil if it does not wait.
    ///
    /// Exact where one share waits; among several it supposes that their jobs are alike and no gate is full.
    package func rank(_ entry: QueueEntry, in lane: Lane, mean: Duration) -> Int? {
        guard lanes[lane]?.rank(entry) != nil else { return nil }
        var own = 0
        for (other, queue) in lanes where other.share == lane.share {
            own += queue.count(before: entry)
        }
        guard accounts.count > 1, let account = accounts[lane.share] else { return own }
        let cost = max(Self.counted(mean), 1)
        // What its share will have taken when its turn comes.
        let turn = account.taken + cost / account.weight * Int64(own)
        var ahead = own
        for (share, other) in accounts where share != lane.share && other.waiting > 0 {
            let each = max(cost / other.weight, 1)
            let first = other.taken < turn || (other.taken == turn && share < lane.share)
            guard first else { continue }
            ahead += min(other.waiting, Int(clamping: (turn - other.taken) / each) + 1)
        }
        return ahead
    }
}
