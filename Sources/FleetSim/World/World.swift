import FleetCore

/// The deterministic world: the real machines, virtual time, and a network, a store, Docker
/// engines and people that do what the seed says.
final class World {
    /// What can be planned.
    enum Action {
        case controller(Int, ControllerEvent)
        case wakeController(Int)
        case batchArrives(Int, UInt64)
        case storeAnswers(Int, UInt64, StoreAnswer)
        case startController
        case agent(Int, Int, AgentEvent)
        case wakeAgent(Int, Int)
        case startAgent(Int, Int)
        case dial(Int, Int)
        case list(Int, Int)
        case arriveUp(SessionID)
        case arriveDown(SessionID)
        case silence(SessionID)
        case kernelGivesUp(SessionID)
        case pulled(Int, Int, String)
        case workEnds(Int, Int, String, AttemptKey)
        case fault(PlannedFault)
        case operation(PlannedOperation)
        case ask(PlannedJob)
        case askPlan(PlannedPlan)
        case repeatRequest(Int)
        case call((World) -> Void)
    }

    let scenario: Scenario
    let seeds: Seeds
    let policy: ControllerPolicy
    let fleet: FleetSpec
    var now = Instant.zero
    private var agenda = Agenda<Action>()
    var trace: Trace
    var tally = Tally()

    var store: StoreModel
    var storeRandom: SeededGenerator
    var controllers: [ControllerProcess] = []
    /// How far the wall clock of the controller's machine was set.
    var wallOffset = Duration.zero
    /// Machines without power have it back by then.
    var powerBackAt = Instant.zero
    /// The object store refuses until then.
    var uploadsFailUntil = Instant.zero
    var hosts: [Host] = []
    var links: [SessionID: Link] = [:]
    var lastLink: UInt64 = 0
    var lastContainer: UInt64 = 0
    var clients: Clients
    var checker: Checker
    /// Measures the machines, when it is there.
    var stopwatch: Stopwatch?
    /// Whether the world has healed: Docker and the workers do as they are told.
    var isWhole = false
    /// What the scheduling cost.
    var ledger = PolicyLedger()

    init(_ scenario: Scenario, keepsTrace: Bool = false) {
        self.scenario = scenario
        seeds = Seeds(root: scenario.seed)
        fleet = scenario.fleet
        policy = scenario.policy
        trace = Trace(keepsLines: keepsTrace)
        store = StoreModel(fleet: fleet)
        storeRandom = seeds.stream(.store)
        clients = Clients(random: seeds.stream(.clients))
        checker = Checker()
        startController()
        for (index, name) in fleet.nodes.enumerated() {
            let clock = LocalClock(
                showing: Instant(nanoseconds: 5_000_000_000 * Int64(index + 1)), at: now,
                driftPPM: drift(.clocks, index))
            hosts.append(Host(index, name, seeds: seeds, clock: clock))
            startAgent(hosts[index])
        }
    }

    /// How much a clock runs fast or slow.
    func drift(_ part: Seeds.Part, _ index: Int) -> Int64 {
        let most = Int64(scenario.weather.driftPPM)
        guard most > 0 else { return 0 }
        var random = seeds.stream(part, index &+ 77_777)
        return Int64.random(in: -most...most, using: &random)
    }

    // MARK: Time

    func plan(_ action: Action, after delay: Duration = .zero) {
        agenda.plan(action, at: now + delay)
    }

    func plan(_ action: Action, at instant: Instant) {
        agenda.plan(action, at: max(instant, now))
    }

    /// Lets time pass; stops at the first violation.
    func run(until end: Instant) {
        while checker.violation == nil, let (at, action) = agenda.pop(until: end) {
            tally.actions += 1
            now = at
            perform(action)
        }
        if checker.violation == nil { now = max(now, end) }
    }

    private func perform(_ action: Action) {
        trace.mix(UInt64(bitPattern: now.nanoseconds))
        switch action {
        case .controller(let life, let event): deliver(controllers[life], event)
        case .wakeController(let life): wake(controllers[life])
        case .batchArrives(let life, let number): batchArrives(life, number)
        case .storeAnswers(let life, let number, let answer): storeAnswers(life, number, answer)
        case .startController: if controllers.last?.isAlive != true { startController() }
        case .agent(let host, let life, let event):
            if hosts[host].life == life { give(hosts[host], event) }
        case .wakeAgent(let host, let life): if hosts[host].life == life { wake(hosts[host]) }
        case .startAgent(let host, let life):
            if hosts[host].life == life { startAgent(hosts[host]) }
        case .dial(let host, let life): dial(hosts[host], life)
        case .list(let host, let life): list(hosts[host], life)
        case .arriveUp(let session): arriveUp(session)
        case .arriveDown(let session): arriveDown(session)
        case .silence(let session): checkSilence(session)
        case .kernelGivesUp(let session): kernelGivesUp(session)
        case .pulled(let host, let boot, let image):
            if hosts[host].boot == boot { hosts[host].docker.images.insert(image) }
        case .workEnds(let host, let boot, let id, let key):
            workEnds(hosts[host], boot, id, key)
        case .fault(let fault): strike(fault)
        case .operation(let operation): operate(operation)
        case .ask(let job): ask(job)
        case .askPlan(let plan): ask(plan)
        case .repeatRequest(let client): repeatRequest(client)
        case .call(let body): body(self)
        }
    }

    // MARK: Notes

    func note(_ place: String, _ text: () -> String) {
        guard trace.keepsLines else { return }
        trace.note(now, place, text)
    }

    func note(_ host: Host, _ text: () -> String) { note(host.place, text) }

    static func text(of event: ControllerEvent) -> String {
        if case .message(let node, _, let message) = event { return "◂ \(node) \(message)" }
        return "◂ \(event)"
    }

    static func text(of event: AgentEvent) -> String {
        if case .message(let message) = event { return "◂ \(message)" }
        return "· \(event)"
    }
}
