import FleetCore
import OrderedCollections

/// The controller's side of the world: the machine, its store, and what waits for the store.
struct Brain {
    var controller: Controller?
    /// Which life of the controller it is; what belongs to another is dropped.
    var epoch = 0
    var term: UInt64 = 0
    var store: Store
    var next = Effects()
    var writing: Batch?
    var wakeAt: Instant?
    var frozenUntil = Instant.zero
    var replies: [RequestID: Reply] = [:]
    var events: [FleetEvent] = []

    struct Store {
        var fleet: FleetSpec
        var revision: UInt64 = 0
        var counters = Controller.Counters()
        var jobs: [JobID: Job] = [:]
        var plans: [PlanID: Plan] = [:]
        var nodes: [NodeName: NodeRecord] = [:]
        var tokens: [TokenName: TokenRecord] = [:]
        var bans: [NodeName: Instant] = [:]
    }

    /// What one write to the store holds, and what waits for it.
    struct Batch {
        var fleet: FleetSpec
        var revision: UInt64
        var counters: Controller.Counters
        var jobs: [Job]
        var plans: [Plan]
        var nodes: [(NodeName, NodeRecord?)]
        var tokens: [(TokenName, TokenRecord?)]
        var bans: [NodeBan]
        var effects: Effects
    }

    init(fleet: FleetSpec) { store = Store(fleet: fleet) }
}

extension World {
    func startController() {
        brain.epoch += 1
        brain.term += 1
        let store = brain.store
        let snapshot = Controller.Snapshot(
            fleet: store.fleet, fleetRevision: store.revision, counters: store.counters,
            jobs: store.jobs.values.sorted { $0.id < $1.id },
            plans: store.plans.values.sorted { $0.id < $1.id },
            nodes: store.nodes.values.sorted { $0.name < $1.name },
            tokens: store.tokens.values.sorted { $0.name < $1.name },
            bans: store.bans.map { NodeBan(node: $0.key, at: $0.value) })
        brain.controller = Controller(
            restoring: snapshot, term: brain.term, seed: seed &+ UInt64(brain.epoch), at: now,
            policy: settings.policy)
        brain.next = Effects()
        brain.writing = nil
        brain.wakeAt = nil
        brain.frozenUntil = .zero
        checker.controllerStarted(store)
        note("controller starts, term \(brain.term)")
        planWake()
    }

    /// The controller dies; what the store is writing just then may or may not be written.
    func crashController(downFor seconds: Double) {
        guard brain.controller != nil else { return }
        note("controller crashes")
        if let batch = brain.writing, Bool.random(using: &random) { write(batch) }
        brain.controller = nil
        brain.epoch += 1
        brain.writing = nil
        for name in hosts.keys.sorted() { loseLink(name, controllerSees: false) }
        after(seconds) { $0.startController() }
    }

    func freezeController(for seconds: Double) {
        note("controller frozen for \(seconds) s")
        brain.frozenUntil = now + .milliseconds(Int64(seconds * 1000))
    }

    /// Gives the controller an event, now.
    func step(_ event: ControllerEvent) {
        guard brain.controller != nil else { return }
        if Self.isTelling(event) { note("C ◂ \(Self.short(event))") }
        var effects = Effects()
        brain.controller?.step(event, at: now, &effects)
        for event in effects.events { note("C ▸ \(Self.short(event))") }
        for outgoing in effects.urgent { sendDown(outgoing) }
        effects.urgent = []
        checker.afterStep(self, effects)
        brain.next.merge(effects)
        flush()
        planWake()
    }

    private func planWake() {
        guard let due = brain.controller?.nextWake() else { return }
        let at = max(due, now)
        if let planned = brain.wakeAt, planned <= at { return }
        brain.wakeAt = at
        plan(.wakeController(epoch: brain.epoch), at: at)
    }

    /// Starts to write what has changed, unless a write is under way.
    private func flush() {
        guard brain.writing == nil, !brain.next.isEmpty, let controller = brain.controller else {
            return
        }
        brain.writing = Brain.Batch(
            fleet: controller.fleet, revision: controller.fleetRevision,
            counters: controller.counters,
            jobs: brain.next.jobs.compactMap { controller.jobs[$0] ?? brain.next.trimmed[$0] },
            plans: brain.next.plans.compactMap {
                controller.plan($0) ?? brain.next.trimmedPlans[$0]
            },
            nodes: brain.next.nodes.map { ($0, controller.nodes[$0]?.record) },
            tokens: brain.next.tokens.map { ($0, controller.tokens[$0]) },
            bans: brain.next.bans.compactMap { node in
                controller.bans[node].map { NodeBan(node: node, at: $0) }
            },
            effects: brain.next)
        brain.next = Effects()
        plan(.committed(epoch: brain.epoch), after: settings.commitDelay)
    }

    private func write(_ batch: Brain.Batch) {
        for job in batch.jobs { brain.store.jobs[job.id] = job }
        for plan in batch.plans { brain.store.plans[plan.id] = plan }
        for (name, record) in batch.nodes { brain.store.nodes[name] = record }
        for (name, record) in batch.tokens { brain.store.tokens[name] = record }
        for ban in batch.bans { brain.store.bans[ban.node] = ban.at }
        brain.store.fleet = batch.fleet
        brain.store.revision = batch.revision
        brain.store.counters = batch.counters
        brain.events += batch.effects.events
        checker.afterWrite(batch)
    }

    func committed() {
        guard let batch = brain.writing else { return }
        brain.writing = nil
        write(batch)
        for outgoing in batch.effects.sends { sendDown(outgoing) }
        for (request, reply) in batch.effects.replies {
            brain.replies[request] = reply
            if case .accepted(let id, _) = reply { checker.accepted.insert(id) }
        }
        for closing in batch.effects.closes { close(closing.session, closing.reason) }
        flush()
    }

    // MARK: Requests

    /// Asks the controller for something; the answer is in `brain.replies` once it is stored.
    @discardableResult
    func ask(_ make: (RequestID) -> ControllerEvent) -> RequestID {
        lastRequest += 1
        let request = RequestID(lastRequest)
        plan(.controller(make(request), epoch: brain.epoch))
        return request
    }

    /// Asks, and waits for the answer.
    func answer(_ make: (RequestID) -> ControllerEvent) -> Reply? {
        let request = ask(make)
        run(within: 5) { brain.replies[request] != nil }
        return brain.replies[request]
    }

    func newJobID() -> JobID {
        lastJob += 1
        return JobID(lastJob < 1_000 ? "j\(String(lastJob + 1000).dropFirst())" : "j\(lastJob)")
    }

    /// Submits a job; `input` is read by the model of Docker, as `"3 ok"`.
    @discardableResult
    func submit(_ request: JobRequest) -> JobID {
        let id = newJobID()
        ask { .submit($0, id, request) }
        return id
    }

    @discardableResult
    func submit(_ kind: JobKind, _ input: String = "3") -> JobID {
        submit(JobRequest(kind: kind, image: kind == .custom ? "tool" : nil, input: input))
    }

    // MARK: Looking

    var controller: Controller {
        guard let controller = brain.controller else { fatalError("the controller is down") }
        return controller
    }
    func job(_ id: JobID) -> Job? { brain.controller?.jobs[id] }
    func state(_ id: JobID) -> JobState? { job(id)?.state }
    func roamer(_ name: NodeName) -> RoamerState? {
        brain.controller?.nodes[name]?.record.roamer?.state
    }
    func count(of state: RoamerState) -> Int {
        brain.controller?.nodes.values.count { $0.record.roamer?.state == state } ?? 0
    }
    func node(_ name: NodeName) -> NodeState? { brain.controller?.nodes[name]?.state }

    /// The states a job has shown, from its events.
    func history(of id: JobID) -> [String] {
        run(for: .seconds(1))  // What has just happened may not be stored yet.
        return brain.events.filter { $0.kind == .job && $0.job == id }.compactMap(\.to)
    }
    /// The states a roamer has shown, from its events.
    func roamerHistory(of name: NodeName) -> [String] {
        run(for: .seconds(1))
        return brain.events.filter { $0.kind == .roamer && $0.node == name }.compactMap(\.to)
    }

    private static func isTelling(_ event: ControllerEvent) -> Bool {
        switch event {
        case .tick, .message(_, _, .heartbeat): false
        default: true
        }
    }

    static func short(_ event: ControllerEvent) -> String {
        if case .message(let node, _, let message) = event { return "\(node) \(message)" }
        return "\(event)"
    }

    static func short(_ event: FleetEvent) -> String {
        let what = [event.job?.rawValue, event.attempt.map { "#\($0)" }, event.node?.rawValue]
        return "\(event.kind.rawValue) \(what.compactMap { $0 }.joined(separator: " ")) "
            + "\(event.from ?? "–") → \(event.to ?? "–") (\(event.reason ?? ""))"
    }
}
