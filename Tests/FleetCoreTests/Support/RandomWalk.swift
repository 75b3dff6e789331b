import FleetCore
import OrderedCollections

/// A run of the whole fleet with jobs, operators and faults, all drawn from a seed.
struct RandomWalk {
    let world: World
    private var random: SeededGenerator
    private var submitted: [JobID] = []

    /// How long jobs and faults come, in seconds of virtual time.
    static let storm = 90
    /// How long everything may take to come to rest after that.
    static let bound = 1_500

    init(seed: UInt64, keepsTrace: Bool = true) {
        random = SeededGenerator(seed: seed ^ 0x5EED)
        var settings = World.Settings()
        settings.linkDelay = .milliseconds(Int64.random(in: 1...60, using: &random))
        settings.linkJitter = .milliseconds(Int64.random(in: 0...120, using: &random))
        settings.commitDelay = .milliseconds(Int64.random(in: 0...150, using: &random))
        settings.duplicates = Bool.random(using: &random) ? 5 : 0
        settings.dockerFailures = [0, 0, 30, 8].randomElement(using: &random) ?? 0
        settings.keepsTrace = keepsTrace
        var fleet = FleetSpec.full
        for index in fleet.clusters.indices {
            fleet.clusters[index].scaling.releaseIdle = .seconds(40)
        }
        world = World(fleet, seed: seed, settings, boot: Bool.random(using: &random))
        // A removal that fails keeps work running past its lease; nobody can help that.
        world.checker.checksWork = settings.dockerFailures == 0
    }

    mutating func run() {
        for _ in 0..<60 { planJob() }
        let storms = Int.random(in: 0...14, using: &random)
        for _ in 0..<storms { planFault() }
        for _ in 0..<8 { planOperation() }
        world.run(for: .seconds(Self.storm + 5))
        heal()
        world.run(within: 60) { world.brain.controller != nil }
        // Looking costs more than running: not after every event.
        for _ in 0..<Self.bound / 5 where !isAtRest() && world.checker.violations.isEmpty {
            world.run(for: .seconds(5))
        }
        world.checker.atRest(world)
    }

    private func isAtRest() -> Bool {
        guard let controller = world.brain.controller else { return false }
        return controller.jobs.values.allSatisfy { $0.state.isFinal && !$0.isActive }
            && controller.nodes.values.allSatisfy { node in
                guard let roamer = node.record.roamer else { return true }
                return roamer.state == .idle || roamer.state == .quarantined
            }
    }

    private func heal() {
        world.settings.dockerFailures = 0
        for name in world.hosts.keys.sorted() {
            world.heal(name)
            let host = world.host(name)
            host.dirty = 0
            host.stuckUntil = .zero
        }
        guard let controller = world.brain.controller else { return }
        for (name, node) in controller.nodes {
            world.ask { .undrain($0, name) }
            world.ask { .cordon($0, name, false) }
            if node.record.roamer?.assignment?.purpose == .manual {
                world.ask { .release($0, name) }
            }
        }
    }

    private mutating func seconds() -> Double {
        Double(Int.random(in: 0...Self.storm * 1000, using: &random)) / 1000
    }

    private mutating func node() -> NodeName {
        let all = FleetSpec.full.nodes
        return all[Int.random(in: 0..<all.count, using: &random)]
    }

    private mutating func planJob() {
        let kind = JobKind.allCases.randomElement(using: &random) ?? .image
        let long = Double(Int.random(in: 200...12_000, using: &random)) / 1000
        let end =
            ["ok", "ok", "ok", "ok", "ok", "ok", "fail", "crash", "oom", "refuse", "deaf"]
            .randomElement(using: &random) ?? "ok"
        var request = JobRequest(kind: kind, input: "\(long) \(end)")
        request.priority = Int.random(in: -3...3, using: &random)
        request.retries = Int.random(in: 0...3, using: &random)
        if Int.random(in: 0..<8, using: &random) == 0 { request.deadline = .seconds(20) }
        if kind == .custom { request.image = "tool" }
        if kind == .audio, Bool.random(using: &random) { request.template = "audio-worker" }
        let id = world.newJobID()
        submitted.append(id)
        let at = seconds()
        world.after(at) { w in w.ask { .submit($0, id, request) } }
        if Int.random(in: 0..<10, using: &random) == 0 {
            let later = at + Double(Int.random(in: 0...8_000, using: &random)) / 1000
            world.after(later) { w in w.ask { .cancel($0, id) } }
            if Bool.random(using: &random) {
                world.after(later + 5) { w in w.ask { .retry($0, id) } }
            }
        }
    }

    private mutating func planFault() {
        let name = node()
        let at = seconds()
        let long = Double(Int.random(in: 500...40_000, using: &random)) / 1000
        // An agent that cannot run cannot end its leases either.
        let short = min(long, 9)
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1: world.after(at) { $0.loseLink(name, controllerSees: true) }
        case 2, 3: world.after(at) { $0.partition(name, for: long * 2) }
        case 4: world.after(at) { $0.crashAgent(name, downFor: short) }
        case 5: world.after(at) { $0.freeze(name, for: short) }
        case 6: world.after(at) { $0.reboot(name, downFor: long) }
        case 7: world.after(at) { $0.crashController(downFor: short / 2) }
        case 8: world.after(at) { $0.freezeController(for: long / 2) }
        default: world.after(at) { $0.host(name).dirty = 4 }
        }
    }

    private mutating func planOperation() {
        let name = node()
        let roamer = NodeName("agx-\(Int.random(in: 11...15, using: &random))")
        let at = seconds()
        switch Int.random(in: 0..<6, using: &random) {
        case 0: world.after(at) { w in w.ask { .cordon($0, name, true) } }
        case 1: world.after(at) { w in w.ask { .drain($0, name, deadline: .seconds(5)) } }
        case 2:
            world.after(at) { w in w.ask { .drain($0, name, deadline: nil) } }
            world.after(at + 10) { w in w.ask { .undrain($0, name) } }
        case 3:
            let what = AssignmentRequest(target: .cluster("vision"), mode: .manual)
            world.after(at) { w in w.ask { .assign($0, roamer, what) } }
        case 4:
            let what = AssignmentRequest(target: .image("desk"), mode: .fixed(.seconds(15)))
            world.after(at) { w in w.ask { .assign($0, roamer, what) } }
        default: world.after(at) { w in w.ask { .release($0, roamer) } }
        }
    }
}
