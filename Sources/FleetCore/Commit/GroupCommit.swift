import OrderedCollections

/// The rule of the group commit: what waits for the store, what is being stored, and what may be
/// let go.
///
///     step ─► next ─(take)─► flying ─(stored)─► released
///                              │  ▲
///                              └──┘ (failed: the same batch again, after a wait)
///
/// Batches come from load, not from timers: while one is on its way, all that happens gathers in
/// the next. A batch whose fate is unknown is repeated as it is, which takes effect once. Only
/// renewals of leases do not wait, and even they stop when leadership was not proven for
/// `leadWithin`: by then a successor may have begun to count the same leases.
///
/// `Rider` is what travels with a batch in the shell: answers to reads, the text of a fleet.
package struct GroupCommit<Rider: Sendable>: Sendable {
    /// Effects and riders that wait for the same acknowledgement.
    package struct Pending: Sendable {
        /// What the machine wants done.
        package var effects = Effects()
        /// What the shell adds, in order.
        package var riders: [Rider] = []
        /// What its jobs weigh, as far as they were weighed.
        package private(set) var weight = 0
        /// How many of its jobs were.
        private var weighed = 0

        /// Weighs the jobs that have come since it was called last.
        package mutating func weigh(_ jobs: [JobID: Job]) {
            for id in effects.jobs.elements[weighed...] {
                weight += (jobs[id] ?? effects.trimmed[id])?.request.weight ?? 0
            }
            weighed = effects.jobs.count
        }

        var isEmpty: Bool { effects.isEmpty && riders.isEmpty }
    }

    /// What the shell must do now.
    package enum Action: Sendable {
        /// Make a batch of this and store it.
        case store(Pending)
        /// Store the last batch again, as it was made.
        case storeAgain
        /// Prove that we still lead: store an empty batch.
        case prove
        /// Nothing of this needs storing, and nothing is before it: let it go.
        case release(Pending)
    }

    /// Gathers what the next batch holds; the machine steps straight into it.
    package var next = Pending()
    /// What is in the batch that is being stored.
    package private(set) var flying: Pending?
    /// Whether a batch is on its way at this moment.
    package private(set) var isAirborne = false
    /// Failures since the last success.
    package private(set) var failures = 0
    /// Not to be tried again before this.
    package private(set) var retryAt: Instant?
    /// When the proof of leadership that came last was asked for.
    private var provenAt: Instant
    private var sentAt: Instant
    /// How old a proof of leadership may be for leases to be renewed; nil when nobody else can lead.
    private let leadWithin: Duration?

    /// Starts with leadership just proven, as it is by taking the term.
    package init(at now: Instant, leadWithin: Duration? = nil) {
        provenAt = now
        sentAt = now
        self.leadWithin = leadWithin
    }

    /// Takes the messages that need no storing; none while it is not sure that we lead.
    package mutating func takeUrgent(at now: Instant) -> [Effects.Outgoing] {
        let urgent = next.effects.urgent
        next.effects.urgent = []
        if let leadWithin, now.since(provenAt) >= leadWithin { return [] }
        return urgent
    }

    /// What to do now; nil for nothing.
    package mutating func action(at now: Instant) -> Action? {
        if isAirborne { return nil }
        if flying != nil {
            if let retryAt, retryAt > now { return nil }
            return send(.storeAgain, now)
        }
        if next.effects.needsCommit {
            let pending = next
            next = Pending()
            flying = pending
            return send(.store(pending), now)
        }
        if !next.isEmpty {
            let pending = next
            next = Pending()
            return .release(pending)
        }
        if let due = proofDue, due <= now {
            flying = Pending()
            return send(.prove, now)
        }
        return nil
    }

    private mutating func send(_ action: Action, _ now: Instant) -> Action {
        isAirborne = true
        retryAt = nil
        sentAt = now
        return action
    }

    /// When the next proof of leadership is due: well before the last one is too old.
    private var proofDue: Instant? { leadWithin.map { provenAt + $0 / 4 } }

    /// When `action` may have something to do though nothing else happens.
    package var nextWake: Instant? {
        if isAirborne { return nil }
        if flying != nil { return retryAt }
        return proofDue
    }

    /// The store has acknowledged the batch; returns what may be let go.
    package mutating func stored() -> Pending {
        precondition(isAirborne, "only a batch on its way is acknowledged")
        isAirborne = false
        failures = 0
        provenAt = sentAt
        let pending = flying ?? Pending()
        flying = nil
        return pending
    }

    /// The batch's fate is unknown: it is stored again, as it is.
    package mutating func failed(at now: Instant) {
        isAirborne = false
        failures += 1
        retryAt = now + .milliseconds(min(50 * failures, 1_000))
    }

    /// Takes the riders out that must not wait for a store that is away; without a rule, all.
    package mutating func takeRiders(where mayGo: (Rider) -> Bool = { _ in true }) -> [Rider] {
        let riders = ((flying?.riders ?? []) + next.riders).filter(mayGo)
        flying?.riders.removeAll(where: mayGo)
        next.riders.removeAll(where: mayGo)
        return riders
    }
}
