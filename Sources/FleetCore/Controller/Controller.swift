import DequeModule
package import OrderedCollections

/// The controller's machine: it decides everything, and does nothing.
///
///     submit ─► queue ─► slot of a ready worker ─► attempt ─► report ─► end
///                 │                                   │
///                 └─► roamer: IDLE ─► … ─► RUNNING ───┘ (node silent: hedge; lost: again)
///
/// A value: the same events at the same instants from the same seed give the same effects. It
/// reads no clock and knows no socket, store or file.
package struct Controller: Sendable {
    /// The times and bounds.
    package let policy: ControllerPolicy
    /// Rises with each start of a controller; agents refuse orders of an older one.
    package let term: UInt64
    /// The desired fleet.
    package internal(set) var fleet: FleetSpec {
        didSet {
            index = FleetIndex(fleet)
            if fleet.limits != oldValue.limits { limits = LimitIndex(fleet.limits) }
        }
    }
    /// Where everything is in it.
    var index: FleetIndex
    /// Its limits, by what they are for.
    var limits: LimitIndex
    /// Rises with each applied fleet.
    package internal(set) var fleetRevision: UInt64
    /// Numbers given so far.
    package internal(set) var counters: Counters

    /// Jobs alive, and the ended ones still in memory.
    package internal(set) var jobs: [JobID: Job] = [:]
    /// Ends of jobs in memory, oldest first; one whose job was asked for again since is void.
    var history: Deque<(at: Instant, job: JobID)> = []
    /// Ended jobs in memory that `history` has.
    var endedCount = 0
    /// Ended jobs that are kept in memory as long as their plan is alive, out of `history`.
    var keptEnded: Set<JobID> = []
    /// The queue of each cluster, and that of the roamers.
    var queues: OrderedDictionary<ClusterName, FairQueue> = [:]
    /// What is taken of what the limits allow.
    var usage = Usage()
    /// Jobs that may hold a place or not, as the roamer lent to them has changed.
    var unsettled: [JobID] = []
    /// Which jobs wait for others.
    var prerequisites = Prerequisites()
    /// The plans.
    var plans = PlanBook()
    /// Jobs that changed their queue in this step.
    var moved: [JobID] = []
    /// Entries of all queues.
    var waitingCount = 0
    /// Jobs by idempotency key.
    var idempotency: [String: JobID] = [:]
    /// Tokens of the API.
    package internal(set) var tokens: OrderedDictionary<TokenName, TokenRecord> = [:]
    /// Until when each node's certificates are void; a name need not be in the fleet.
    package internal(set) var bans: OrderedDictionary<NodeName, Instant> = [:]
    /// Where events are delivered to.
    package internal(set) var webhooks: OrderedDictionary<WebhookName, WebhookRecord> = [:]
    /// Every node of the fleet, and those leaving it.
    package internal(set) var nodes: OrderedDictionary<NodeName, Node> = [:]

    /// Nodes by state.
    var stateCounts: [NodeState: Int] = [:]
    /// Which roamer is where.
    var pool = RoamerPool()
    /// Queues that wanted a roamer when there was none, by their place in the fleet; that of the
    /// roamers' own queue comes last.
    var wanting = WantingQueues()
    /// Whether one may be free for them now.
    var mayServeWanting = false

    var timers = TimerQueue<Alarm>()
    var random: SeededGenerator
    /// Clusters to look at before the step ends.
    var unscheduled: Set<ClusterName> = []
    /// Nodes whose orders may have changed in this step.
    var unordered: OrderedSet<NodeName> = []
    /// When the present mass silence began.
    var massSilenceSince: Instant?
    /// Failures of each cluster's template in a row, and when it may be tried again.
    var templateTrouble: [ClusterName: TemplateTrouble] = [:]
    /// What is known of the demand on each queue.
    var demand: [ClusterName: Demand] = [:]
    /// The highest peak of each image on any node, in bytes.
    var peaks: [String: Int64] = [:]
    /// Progress of running jobs, for display only.
    var progress: [JobID: Progress] = [:]
    let startedAt: Instant

    /// The queue of jobs that need a roamer of their own.
    ///
    /// No cluster may have this name.
    package static let roamerQueue: ClusterName = "roamer"

    /// Numbers that never repeat in an installation.
    package struct Counters: Hashable, Sendable, Codable {
        /// The last event.
        package var event: UInt64 = 0
        /// The last assignment of a roamer.
        package var assignment: UInt64 = 0
        /// The last order to clean a node.
        package var cleaning: UInt64 = 0
        /// All zero.
        package init() {}
    }

    /// What the machine wants to be woken for.
    enum Alarm: Hashable, Sendable {
        case silent(NodeName)
        case lost(NodeName)
        case backup(NodeName)
        case drain(NodeName)
        case confirm(AttemptKey)
        case roamer(NodeName)
        case lent(NodeName)
        case job(JobID)
        case deadline(JobID)
        case template(ClusterName)
        case startup
        case webhook(WebhookName)
    }

    struct TemplateTrouble: Sendable {
        var failures = 0
        var error: Failure?
        var until: Instant
    }

    /// What a store keeps of a controller.
    package struct Snapshot: Sendable {
        /// The fleet.
        package var fleet: FleetSpec
        /// Its revision.
        package var fleetRevision: UInt64
        /// Numbers given.
        package var counters: Counters
        /// Jobs alive and the latest ended ones, in any order.
        package var jobs: [Job]
        /// Plans alive with all of their jobs, and the latest ended ones.
        package var plans: [Plan]
        /// Nodes.
        package var nodes: [NodeRecord]
        /// Tokens.
        package var tokens: [TokenRecord]
        /// Bans.
        package var bans: [NodeBan]
        /// Webhooks.
        package var webhooks: [WebhookRecord]
        /// An empty installation.
        package init(
            fleet: FleetSpec = FleetSpec(), fleetRevision: UInt64 = 0,
            counters: Counters = Counters(), jobs: [Job] = [], plans: [Plan] = [],
            nodes: [NodeRecord] = [], tokens: [TokenRecord] = [], bans: [NodeBan] = [],
            webhooks: [WebhookRecord] = []
        ) {
            self.fleet = fleet
            self.fleetRevision = fleetRevision
            self.counters = counters
            self.jobs = jobs
            self.plans = plans
            self.nodes = nodes
            self.tokens = tokens
            self.bans = bans
            self.webhooks = webhooks
        }
    }

    /// All that it has in memory of what a store keeps.
    package var snapshot: Snapshot {
        Snapshot(
            fleet: fleet, fleetRevision: fleetRevision, counters: counters,
            jobs: Array(jobs.values), plans: Array(plans.plans.values),
            nodes: nodes.values.map(\.record), tokens: Array(tokens.values),
            bans: bans.map { NodeBan(node: $0.key, at: $0.value) },
            webhooks: Array(webhooks.values))
    }

    /// Takes up what the store holds.
    package init(
        restoring snapshot: Snapshot, term: UInt64, seed: UInt64, at now: Instant,
        policy: ControllerPolicy = ControllerPolicy()
    ) {
        self.policy = policy
        self.term = term
        fleet = snapshot.fleet
        index = FleetIndex(snapshot.fleet)
        limits = LimitIndex(snapshot.fleet.limits)
        fleetRevision = snapshot.fleetRevision
        counters = snapshot.counters
        random = SeededGenerator(seed: seed)
        startedAt = now
        for token in snapshot.tokens.sorted(by: { $0.name < $1.name }) {
            tokens[token.name] = token
        }
        for ban in snapshot.bans.sorted(by: { $0.node < $1.node }) { bans[ban.node] = ban.at }
        restoreWebhooks(snapshot.webhooks)
        restoreNodes(snapshot.nodes, now)
        restoreJobs(snapshot.jobs, snapshot.plans, now)
        restoreLeaving()
        timers.arm(.startup, at: now + policy.startupGrace)
    }

    /// When the machine next wants a `tick`.
    package mutating func nextWake() -> Instant? { timers.next() }

    /// Takes one event, and says what to do.
    package mutating func step(
        _ event: ControllerEvent, at now: Instant, _ effects: inout Effects
    ) {
        absorbStall(now)
        switch event {
        case .submit(let request, let id, let job, let recalled):
            recall(recalled)
            submit(request, id, job, now, &effects)
        case .replay(let request, let key, let digest):
            effects.replies.append((request, answer(toRepeatOf: key, digest) ?? .unknownKey))
        case .cancel(let request, let id, let recalled):
            recall(recalled)
            cancel(request, id, now, &effects)
        case .retry(let request, let id, let recalled):
            recall(recalled)
            retry(request, id, of: recalled.plan, now, &effects)
        case .submitPlan(let request, let id, let plan, let recalled):
            recall(recalled)
            submitPlan(request, id, plan, now, &effects)
        case .cancelPlan(let request, let id): cancelPlan(request, id, now, &effects)
        case .retryPlan(let request, let id, let recalled):
            recall(recalled)
            retryPlan(request, id, now, &effects)
        case .addToken(let request, let token, let life):
            addToken(request, token, life: life, now, &effects)
        case .removeToken(let request, let name): removeToken(request, name, now, &effects)
        case .addWebhook(let request, let webhook): addWebhook(request, webhook, now, &effects)
        case .removeWebhook(let request, let name): removeWebhook(request, name, now, &effects)
        case .webhooksProgressed(let reports): webhooksProgressed(reports, now, &effects)
        case .assign(let request, let node, let what): assign(request, node, what, now, &effects)
        case .release(let request, let node): release(request, node, now, &effects)
        case .cordon(let request, let node, let on): cordon(request, node, on, now, &effects)
        case .drain(let request, let node, let deadline):
            drain(request, node, deadline, now, &effects)
        case .undrain(let request, let node): undrain(request, node, now, &effects)
        case .apply(let request, let spec): apply(request, spec, now, &effects)
        case .banNode(let request, let node, let wall):
            banNode(request, node, wall, now, &effects)
        case .connected(let hello, let session, let issuedAt):
            connected(hello, session, issuedAt, now, &effects)
        case .disconnected(let node, let session): disconnected(node, session, now, &effects)
        case .message(let node, let session, let message):
            received(node, session, message, now, &effects)
        case .tick: break
        }
        while let alarm = timers.popDue(now) { fire(alarm, now, &effects) }
        settleEnds(now, &effects)
        settleUsage(now)
        schedule(now, &effects)
        settleUsage(now)
        if endedCount > policy.historyLimit { trimHistory(&effects) }
        trimPlans(&effects)
        sendOrders(now, &effects)
        if !moved.isEmpty {
            effects.jobs.formUnion(moved)
            moved = []
        }
    }

    private mutating func fire(_ alarm: Alarm, _ now: Instant, _ effects: inout Effects) {
        switch alarm {
        case .silent(let node): silent(node, now, &effects)
        case .lost(let node): leaseEnded(node, now, &effects)
        case .backup(let node): backupDue(node, now, &effects)
        case .drain(let node): drainDue(node, now, &effects)
        case .confirm(let key): unconfirmed(key, now, &effects)
        case .roamer(let node): roamerOverdue(node, now, &effects)
        case .lent(let node): assignmentDue(node, now, &effects)
        case .job(let id): requeue(id, now, &effects)
        case .deadline(let id): deadlinePassed(id, now, &effects)
        case .template(let cluster): unscheduled.insert(cluster)
        case .webhook(let name): webhookFails(name, now, &effects)
        case .startup: for name in nodes.keys { refreshQueue(ofJobsOn: name, now) }
        }
    }

    mutating func emit(
        _ kind: FleetEvent.Kind, _ now: Instant, _ effects: inout Effects, job: JobID? = nil,
        plan: PlanID? = nil, attempt: Int? = nil, node: NodeName? = nil, from: String? = nil,
        to: String? = nil,
        reason: String? = nil, lasted: Duration? = nil
    ) {
        counters.event += 1
        // Who follows a plan hears of its jobs.
        let plan = plan ?? job.flatMap { jobs[$0]?.request.place?.plan }
        effects.events.append(
            FleetEvent(
                sequence: counters.event, at: now, kind: kind, job: job, plan: plan,
                attempt: attempt, node: node, from: from, to: to, reason: reason, lasted: lasted))
    }
}
