import FleetCore
import HeapModule

/// A deterministic little world: the real machines, virtual time, and a network, a store and
/// Docker engines that do what a seed and a script tell them.
final class World {
    /// Something that happens at an instant; equal instants keep the order they were planned in.
    struct Planned: Comparable {
        let at: Instant
        let sequence: UInt64
        let action: Action

        static func < (a: Planned, b: Planned) -> Bool {
            (a.at, a.sequence) < (b.at, b.sequence)
        }
        static func == (a: Planned, b: Planned) -> Bool { a.sequence == b.sequence }
    }

    indirect enum Action {
        case controller(ControllerEvent, epoch: Int)
        case wakeController(epoch: Int)
        case committed(epoch: Int)
        case agent(NodeName, AgentEvent, life: Int)
        case wakeAgent(NodeName, life: Int)
        case dial(NodeName, life: Int)
        case up(NodeName, AgentMessage, link: UInt64)
        case down(NodeName, ControllerMessage, link: UInt64)
        case list(NodeName)
        case call((World) -> Void)
    }

    let seed: UInt64
    var now = Instant.zero
    var random: SeededGenerator
    var settings: Settings
    private var planned = Heap<Planned>()
    private var lastSequence: UInt64 = 0

    var brain: Brain
    var hosts: [NodeName: Host] = [:]
    var lastLink: UInt64 = 0
    var lastRequest: UInt64 = 0
    var lastJob = 0
    var checker = Checker()
    /// The latest things that happened, for a person who looks for a bug.
    var trace: [(Instant, String)] = []

    struct Settings {
        var linkDelay = Duration.milliseconds(2)
        var linkJitter = Duration.milliseconds(3)
        var commitDelay = Duration.milliseconds(2)
        var pullTime = Duration.seconds(1)
        var launchTime = Duration.milliseconds(300)
        var startupTime = Duration.seconds(2)
        /// One in so many reports comes twice; 0 for none.
        var duplicates = 0
        /// One in so many calls of Docker fails; 0 for none.
        var dockerFailures = 0
        var missingImages: Set<String> = []
        /// Images whose worker never gets ready.
        var brokenImages: Set<String> = []
        /// Bytes of memory of the nodes that have not 32 GB.
        var memory: [NodeName: UInt64] = [:]
        var keepsTrace = true
        var policy = ControllerPolicy()
    }

    init(_ fleet: FleetSpec, seed: UInt64 = 1, _ settings: Settings = Settings(), boot: Bool = true)
    {
        self.seed = seed
        self.settings = settings
        random = SeededGenerator(seed: seed)
        brain = Brain(fleet: fleet)
        startController()
        for name in fleet.nodes { addHost(name) }
        if boot { run(for: .seconds(10)) }
    }

    // MARK: Time

    func plan(_ action: Action, after delay: Duration = .zero) { plan(action, at: now + delay) }

    func plan(_ action: Action, at instant: Instant) {
        lastSequence += 1
        planned.insert(Planned(at: instant, sequence: lastSequence, action: action))
    }

    /// Does something later.
    func after(_ seconds: Double, _ body: @escaping (World) -> Void) {
        plan(.call(body), after: .milliseconds(Int64(seconds * 1000)))
    }

    /// Lets time pass.
    func run(for duration: Duration) { advance(to: now + duration) { false } }

    /// Lets time pass until something holds; false if it does not in time.
    @discardableResult
    func run(within seconds: Int, until holds: () -> Bool) -> Bool {
        if holds() { return true }
        advance(to: now + .seconds(seconds), until: holds)
        return holds()
    }

    private func advance(to end: Instant, until holds: () -> Bool) {
        while checker.violations.isEmpty, let next = planned.min, next.at <= end {
            _ = planned.popMin()
            now = next.at
            perform(next.action)
            if holds() { return }
        }
        if checker.violations.isEmpty { now = end }
    }

    private func perform(_ action: Action) {
        switch action {
        case .controller(let event, let epoch):
            guard epoch == brain.epoch else { return }
            if brain.frozenUntil > now { return plan(action, at: brain.frozenUntil) }
            step(event)
        case .wakeController(let epoch):
            guard epoch == brain.epoch, brain.wakeAt == now else { return }
            brain.wakeAt = nil
            if brain.frozenUntil > now {
                return plan(.controller(.tick, epoch: epoch), at: brain.frozenUntil)
            }
            step(.tick)
        case .committed(let epoch): if epoch == brain.epoch { committed() }
        case .agent(let name, let event, let life):
            guard let host = hosts[name], host.life == life, host.agent != nil else { return }
            if host.frozenUntil > now { return plan(action, at: host.frozenUntil) }
            step(host, event)
        case .wakeAgent(let name, let life):
            guard let host = hosts[name], host.life == life, host.agent != nil else { return }
            guard host.wakeAt == now else { return }
            host.wakeAt = nil
            if host.frozenUntil > now {
                return plan(.agent(name, .tick, life: life), at: host.frozenUntil)
            }
            step(host, .tick)
        case .dial(let name, let life): dial(name, life)
        case .up(let name, let message, let link): arriveUp(name, message, link)
        case .down(let name, let message, let link): arriveDown(name, message, link)
        case .list(let name): listContainers(name)
        case .call(let body): body(self)
        }
    }

    func note(_ text: @autoclosure () -> String) {
        guard settings.keepsTrace else { return }
        trace.append((now, text()))
        if trace.count > 200_000 { trace.removeFirst(100_000) }
    }

    /// The end of the trace, for a failed expectation.
    func tail(_ count: Int = 60) -> String {
        let lines = trace.suffix(count).map { "\($0.0.nanoseconds / 1_000_000) ms  \($0.1)" }
        return "seed \(seed)\n" + lines.joined(separator: "\n")
    }

    func chance(_ one: Int) -> Bool { one > 0 && Int.random(in: 0..<one, using: &random) == 0 }

    func jitter(_ most: Duration) -> Duration {
        .nanoseconds(Int64.random(in: 0...max(most.nanoseconds, 0), using: &random))
    }
}
