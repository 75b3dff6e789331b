import OrderedCollections

/// The agent's machine: it makes its node match its orders, and reports what it sees.
///
///     orders ─► workers:  accepted ─► pulling ─► starting ─► ready ─► stopping ─► gone
///            └► attempts: accepted ─► preparing ─► running ─► uploading ─► succeeded/failed/stopped
///
/// Pods run on when the controller is gone. Attempts run on until the node's lease ends, and then
/// stop by themselves, so that the controller can be sure of it.
package struct Agent: Sendable {
    /// The node.
    package let node: NodeName
    /// This life.
    package let incarnation: Incarnation
    let policy: AgentPolicy
    let facts: Facts

    var link = Link.down
    /// The workers, in the order they came.
    var workers: OrderedDictionary<WorkerID, Worker> = [:]
    /// The attempts, in the order they came.
    var attempts: OrderedDictionary<AttemptKey, Attempted> = [:]
    /// The highest attempt seen of each job; bounded.
    var seen: SeenAttempts
    var term: UInt64
    var stopAfter: Duration

    /// Reports not acknowledged yet: the latest for each subject.
    var outbox: OrderedDictionary<Subject, Pending> = [:]
    var lastReport: UInt64 = 0
    var lastOperation: UInt64 = 0

    /// Whether Docker has told us once what runs here; until then nothing is started or removed.
    var inventoried: Bool { lists > 0 }
    /// Lists of this life.
    var lists = 0
    /// When Docker has surely done, or never will, what a former life asked it for; nil where none did.
    let launchesSettleAt: Instant?
    /// Workers whose container a former life has asked Docker for, and that may still come.
    ///
    /// Nobody may hold memory for it any more: a worker can be dismissed while it is started.
    var lateLaunches: OrderedSet<WorkerID>
    /// Whether the journal tells of all that former lives in this boot have asked Docker for.
    ///
    /// One that was lost does not, and the controller says whether there was another life: Docker may be at
    /// a start that nobody here knows of.
    var knowsItsPast: Bool
    /// Whether this life began without such a journal: nobody knows the lease under which a container found
    /// here works, or whether it has ended.
    let beganBlind: Bool
    /// Whether the next life need not begin so.
    var seesClearly: Bool { knowsItsPast && !(beganBlind && hasRunningStranger) }
    /// Whether the whole set of orders was received on this link; until then nothing is an orphan, unless the
    /// agent `beganBlind`.
    var synced = false
    /// The number of the set of orders we hold.
    var heldSet: UInt64?
    /// Containers being removed that belong to no order, by their operation.
    var removals: [Operation: String] = [:]
    /// Containers that nothing here holds, as the last list shows them.
    var strangers: OrderedDictionary<String, Stranger> = [:]
    /// How an attempt will have ended when its own container is removed.
    var outcome: [AttemptKey: AttemptPhase] = [:]

    var cleanOrder: UInt64 = 0
    var cleaned: UInt64
    var cleaning: UInt64?
    /// How the last order to clean ended in this life.
    var lastClean: CleanReport?
    /// When hello was last sent.
    var greetedAt: Instant?

    /// When each unanswered heartbeat was sent.
    var heartbeats: OrderedDictionary<UInt64, Instant> = [:]
    var lastHeartbeat: UInt64 = 0
    var heartbeatEvery = Duration.seconds(5)
    /// When the lease was last known to be renewed; the send time of the answered heartbeat.
    package internal(set) var renewedAt: Instant?

    var timers = TimerQueue<Alarm>()
    var random: SeededGenerator
    /// Whether something may be there that `drive` can take further.
    var undriven = true

    /// What the agent says of its machine.
    package struct Facts: Hashable, Sendable {
        /// The agent's version.
        package var version: String
        /// Logical processors.
        package var processors: UInt32
        /// Bytes of memory.
        package var memory: UInt64
        /// Creates facts.
        package init(version: String, processors: UInt32, memory: UInt64) {
            self.version = version
            self.processors = processors
            self.memory = memory
        }
    }

    enum Link: Hashable, Sendable {
        /// No link. Can become: greeting.
        case down
        /// Hello is sent. Can become: live, down.
        case greeting
        /// Welcome has come. Can become: down.
        case live(SessionID)
    }

    enum Alarm: Hashable, Sendable {
        case heartbeat
        case lease
        case worker(WorkerID)
        case probe(WorkerID)
        case attempt(AttemptKey)
        case greeting
    }

    enum Subject: Hashable, Sendable {
        case worker(WorkerID)
        case attempt(AttemptKey)
        case cleaning
    }

    struct Pending: Hashable, Sendable {
        var sequence: UInt64
        var report: Report
    }

    /// Takes up what the journal holds.
    ///
    /// `renewedAt` is the last renewal before the agent died, nil after a reboot: then nothing of
    /// the old life runs.
    package init(
        node: NodeName, incarnation: Incarnation, facts: Facts, journal: AgentJournal,
        renewedAt: Instant?, seed: UInt64, at now: Instant, policy: AgentPolicy = AgentPolicy()
    ) {
        self.node = node
        self.incarnation = incarnation
        self.facts = facts
        self.policy = policy
        self.renewedAt = renewedAt
        // A life may have asked for a start and died before its first renewal.
        let isSameBoot = journal.boot.map { $0 == incarnation.boot } ?? (renewedAt != nil)
        knowsItsPast = journal.boot != nil
        beganBlind = !knowsItsPast
        launchesSettleAt = isSameBoot || !knowsItsPast ? now + policy.launchSettles : nil
        lateLaunches = isSameBoot ? OrderedSet(journal.launches ?? []) : []
        random = SeededGenerator(seed: seed)
        term = journal.term
        stopAfter = journal.stopAfter
        cleaned = journal.cleaned
        seen = SeenAttempts(journal.seen)
        for order in journal.workers { workers[order.id] = Worker(order: order, at: now) }
        for record in journal.attempts { attempts[record.order.key] = Attempted(record: record) }
        if attempts.values.contains(where: { !$0.record.phase.isFinal }) {
            timers.arm(.lease, at: (renewedAt ?? now) + stopAfter)
        }
    }

    /// What must be on disk before the effects of the last step are carried out.
    package var journal: AgentJournal {
        var journal = AgentJournal()
        // The next life is no wiser for it.
        journal.boot = seesClearly ? incarnation.boot : nil
        journal.workers = workers.values.compactMap { $0.isLeaving ? $0.next : $0.order }
        var launches = lateLaunches
        for (id, worker) in workers where worker.isLaunching { launches.append(id) }
        journal.launches = launches.isEmpty ? nil : Array(launches)
        journal.attempts = attempts.values.map(\.record)
        journal.seen = seen.list
        journal.term = term
        journal.cleaned = cleaned
        journal.stopAfter = stopAfter
        return journal
    }

    /// When the machine next wants a `tick`.
    package mutating func nextWake() -> Instant? { timers.next() }

    /// Whether a session is live.
    package var isLive: Bool {
        if case .live = link { return true }
        return false
    }

    /// Takes one event, and says what to do.
    package mutating func step(
        _ event: AgentEvent, at now: Instant, _ effects: inout AgentEffects
    ) {
        if !event.isQuiet { undriven = true }
        // After a sleep of the machine an answer may come before the alarm; it begins nothing any more.
        if !event.isMessage { endLeaseIfDue(now, &effects) }
        switch event {
        case .connected: connected(now, &effects)
        case .disconnected: disconnected()
        case .message(let message): received(message, now, &effects)
        case .containers(let facts, let listedAt): inventory(facts, listedAt, now, &effects)
        case .ended(let fact): containerEnded(fact, now, &effects)
        case .pulled(let operation, let result): pulled(operation, result, now, &effects)
        case .pulling(let operation, let step): pulling(operation, step, &effects)
        case .launched(let operation, let result): launched(operation, result, now, &effects)
        case .probed(let id, let container, let readiness):
            probed(id, container, readiness, now, &effects)
        case .removed(let operation, let failure): removed(operation, failure, now, &effects)
        case .predictionStarted(let key, let start): predictionStarted(key, start, now, &effects)
        case .predictionEnded(let key, let end): predictionEnded(key, end, now, &effects)
        case .progress(let key, let step): progressed(key, step, &effects)
        case .collected(let key, let failure): collected(key, failure, now, &effects)
        case .uploaded(let key, let result): uploaded(key, result, now, &effects)
        case .cleaned(let order, let leftovers): cleanedUp(order, leftovers, &effects)
        case .tick: break
        }
        // Before alarms that were due earlier: they begin nothing any more, either.
        if event.isMessage { endLeaseIfDue(now, &effects) }
        while let alarm = timers.popDue(now) { fire(alarm, now, &effects) }
        drive(now, &effects)
    }

    private mutating func endLeaseIfDue(_ now: Instant, _ effects: inout AgentEffects) {
        guard let due = timers.due(.lease), due <= now else { return }
        timers.disarm(.lease)
        fire(.lease, now, &effects)
    }

    private mutating func fire(_ alarm: Alarm, _ now: Instant, _ effects: inout AgentEffects) {
        switch alarm {
        case .heartbeat: return beat(now, &effects)
        case .probe(let id): return probe(id, &effects)
        case .lease: leaseEnded(now, &effects)
        case .worker(let id): workerDue(id, now, &effects)
        case .attempt(let key): attemptDue(key, now, &effects)
        case .greeting:
            if link == .greeting { effects.append(.disconnect("no welcome in time")) }
        }
        undriven = true
    }

    mutating func nextOperation() -> Operation {
        lastOperation += 1
        return Operation(lastOperation)
    }
}

extension AgentEvent {
    /// Whether it leaves workers and attempts at the step they are at.
    ///
    /// A probe may not; what it changes says so by itself.
    fileprivate var isQuiet: Bool {
        switch self {
        case .tick, .probed, .progress, .pulling, .message(.renewed), .message(.acknowledged): true
        default: false
        }
    }

    /// Whether the controller says something; it may renew the lease.
    fileprivate var isMessage: Bool {
        if case .message = self { return true }
        return false
    }
}

/// The times and bounds an agent works by.
package struct AgentPolicy: Hashable, Sendable {
    /// How long a controller may take to answer hello.
    package var welcomeWithin = Duration.seconds(10)
    /// How often a worker that starts is asked whether it is ready.
    package var startingProbe = Duration.milliseconds(250)
    /// How often a ready worker is asked.
    package var readyProbe = Duration.seconds(5)
    /// Unanswered probes of a ready worker before it is started again.
    package var silentProbes = 6
    /// Waits between starts of a worker.
    package var restartBackOff = BackOff(
        base: .seconds(2), cap: .seconds(60), floor: .milliseconds(500))
    /// Ready for this long, a worker's failures are forgotten.
    package var provenAfter = Duration.seconds(60)
    /// How long Docker may go on with a start whose asker has died: as long as an agent waits for one.
    package var launchSettles = Duration.seconds(30)
    /// How long a container may take to end when asked to.
    package var stopGrace = Duration.seconds(5)
    /// How long a worker may take to stop its work when asked to, before it is started anew.
    package var cancelWithin = Duration.seconds(10)
    /// The same once the lease has ended: then every second counts.
    package var cancelWithinAfterLease = Duration.seconds(5)
    /// How long a busy or unready worker is asked again to take an attempt.
    package var placeWithin = Duration.seconds(15)
    /// How often it is asked.
    package var placeEvery = Duration.milliseconds(300)
    /// How long an idle worker may owe the result of an attempt before it counts as lost.
    package var lostResultAfter = Duration.seconds(15)
    /// The same for work that may have ended while the agent was away: cog pauses up to 120 s between
    /// tries to deliver a result.
    package var resumedResultAfter = Duration.seconds(125)
    /// How long until a failed removal is tried again.
    package var removeRetry = Duration.seconds(5)
    /// Jobs whose highest attempt is remembered.
    package var seenLimit = 2_000
    /// The defaults.
    package init() {}
}
