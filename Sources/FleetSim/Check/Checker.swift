import FleetCore
import OrderedCollections

/// Holds the invariants against the world, after every step and every write.
struct Checker {
    /// The first thing that was broken; the run stops there.
    private(set) var violation: Violation?
    /// The checks on what was stored, which also judge the history of a real fleet.
    private(set) var history = HistoryChecker()
    /// Jobs whose acceptance somebody was told.
    private var accepted: Set<JobID> = []
    /// How each job ended, as each life of the controller knows it.
    private var endings: [Int: [JobID: Job.Ending]] = [:]
    /// How each job ended, as it is stored.
    private var stored: [JobID: Job.Ending] = [:]
    /// Where work runs now, by job.
    private var running: [JobID: [Running]] = [:]

    private struct Running {
        let key: AttemptKey
        let host: Int
    }

    /// How long after an impairment a node may need to stop what it runs.
    private static let recovery = Duration.seconds(20)

    mutating func violate(_ world: World, _ invariant: Invariant, _ text: String) {
        guard violation == nil else { return }
        world.note("checker") { "\(invariant.rawValue): \(text)" }
        violation = Violation(
            invariant: invariant, text: text, at: world.now.since(.zero).inSeconds)
    }

    /// Somebody was told that a job is accepted.
    mutating func accepted(_ id: JobID) { accepted.insert(id) }

    // MARK: Lives of the controller

    /// What a predecessor saw and nobody was told is void.
    mutating func controllerStarted(_ world: World, _ process: ControllerProcess) {
        endings[process.life] = world.store.jobs.compactMapValues(\.ending)
    }

    mutating func controllerEnded(_ world: World, _ process: ControllerProcess) {
        endings[process.life] = nil
    }

    // MARK: After a step

    mutating func afterStep(_ world: World, _ process: ControllerProcess, _ effects: Effects) {
        guard effects.needsCommit || !effects.sends.isEmpty else { return }
        let machine = process.machine
        for event in effects.events where event.reason == "asked for again" {
            if let job = event.job { endings[process.life]?[job] = nil }
        }
        for id in effects.jobs {
            guard let job = machine.jobs[id] else { continue }
            check(world, process.life, job)
            for attempt in job.active {
                let key = AttemptKey(job: id, number: attempt.number)
                if let node = machine.nodes[attempt.node], !node.attempts.contains(key) {
                    violate(world, .slots, "\(key) is active but not held by \(attempt.node)")
                }
            }
        }
        for name in effects.nodes { check(world, machine, name) }
        for outgoing in effects.sends { check(world, machine, outgoing.node) }
        for event in effects.events where event.kind == .roamer && event.to == "IDLE" {
            checkClean(world, event)
        }
    }

    private mutating func check(_ world: World, _ life: Int, _ job: Job) {
        let most = job.request.retrySafe ? 2 : 1
        if job.active.count > most {
            violate(world, .runsOnce, "\(job.id) has \(job.active.count) active attempts")
        }
        let results = job.attempts.count { $0.state == .succeeded }
        if results > 1 { violate(world, .resultOnce, "\(job.id) has \(results) results") }
        if job.ending?.outcome == .succeeded, results != 1 {
            violate(world, .resultOnce, "\(job.id) succeeded with \(results) results")
        }
        for (before, after) in zip(job.attempts, job.attempts.dropFirst())
        where before.number >= after.number {
            violate(world, .fencing, "\(job.id): attempt \(after.number) after \(before.number)")
        }
        if let ending = job.ending {
            if let before = endings[life]?[job.id], before != ending {
                violate(world, .resultOnce, "the end of \(job.id) changed")
            }
            endings[life]?[job.id] = ending
        } else if endings[life]?[job.id] != nil {
            violate(world, .resultOnce, "\(job.id) had ended and is alive again")
        }
    }

    private mutating func check(_ world: World, _ machine: Controller, _ name: NodeName) {
        guard let node = machine.nodes[name] else { return }
        var slots = machine.pod(of: name)?.spec.slots ?? 1
        if let worker = node.record.roamer?.assignment?.worker { slots = worker.slots }
        // A node that was moved finishes what it had for its old place.
        let counted = node.attempts.count { key in
            machine.jobs[key.job]?.attempt(key.number)?.stop == nil
        }
        // Fewer slots than before: what runs may end.
        if counted > max(slots, world.mostSlots(of: name)) {
            violate(world, .slots, "\(name) has \(counted) attempts on \(slots) slots")
        }
        guard let roamer = node.record.roamer else { return }
        let hasAssignment = roamer.assignment != nil
        switch roamer.state {
        case .idle:
            if !node.attempts.isEmpty || hasAssignment {
                violate(world, .roamer, "\(name) is IDLE and has work or an assignment")
            }
        case .assigned, .provisioning, .running:
            if !hasAssignment { violate(world, .roamer, "\(name) is \(roamer.state) for nobody") }
        case .cleanup, .quarantined:
            if hasAssignment { violate(world, .roamer, "\(name) is cleaned while it is lent") }
        }
    }

    private mutating func checkClean(_ world: World, _ event: FleetEvent) {
        guard let name = event.node, let host = world.hosts.first(where: { $0.name == name })
        else { return }
        let left = host.docker.containers.count { $0.isRunning }
        if left > 0 { violate(world, .roamer, "\(name) is IDLE with \(left) containers") }
    }

    // MARK: After a write

    mutating func afterWrite(_ world: World, _ batch: StoreBatch) {
        for event in batch.events {
            if event.reason == "asked for again", let job = event.job { stored[job] = nil }
            history.take(event)
            world.ledger.take(event)
        }
        if let first = history.violations.first { violate(world, first.invariant, first.text) }
        for job in batch.jobs {
            if let ending = job.ending {
                if let before = stored[job.id], before != ending {
                    violate(world, .resultOnce, "the stored end of \(job.id) changed")
                }
                stored[job.id] = ending
            } else if stored[job.id] != nil {
                violate(world, .resultOnce, "\(job.id) had ended in the store and is alive again")
            }
        }
    }

    // MARK: Work

    mutating func workBegan(_ world: World, _ key: AttemptKey, _ host: Int) {
        var others = running[key.job] ?? []
        if others.contains(where: { $0.key == key && $0.host != host }) {
            violate(world, .fencing, "\(key) runs on two nodes")
        }
        others.removeAll { $0.key == key && $0.host == host }
        others.append(Running(key: key, host: host))
        running[key.job] = others
        guard others.count > 1, let job = world.store.jobs[key.job] else { return }
        // A node that is dead, frozen or without Docker cannot end its work; nobody can help that.
        let counted = others.count {
            $0.key == key || world.hosts[$0.host].impairedUntil + Self.recovery < world.now
        }
        if counted > (job.request.retrySafe ? 2 : 1) {
            violate(
                world, .runsOnce,
                "\(key.job) runs as \(others.map { "\($0.key.number) on \(world.hosts[$0.host].name)" })"
            )
        }
    }

    mutating func workEnded(_ key: AttemptKey, _ host: Int) {
        guard var others = running[key.job] else { return }
        others.removeAll { $0.key == key && $0.host == host }
        running[key.job] = others.isEmpty ? nil : others
    }

    // MARK: At rest

    /// Whether everything has ended and every roamer is back.
    func isAtRest(_ world: World) -> Bool {
        guard let machine = world.leader?.machine, world.clients.answered.allSatisfy({ $0 })
        else { return false }
        return machine.jobs.values.allSatisfy { $0.state.isFinal && !$0.isActive }
            && machine.nodes.values.allSatisfy { node in
                guard node.attempts.isEmpty else { return false }
                guard let roamer = node.record.roamer else { return true }
                return roamer.state == .idle || roamer.state == .quarantined
            }
    }

    /// Everything faulty being mended: nothing may be left open.
    mutating func atRest(_ world: World) {
        guard let machine = world.leader?.machine else {
            return violate(world, .comesToRest, "there is no controller")
        }
        for id in accepted.sorted() {
            guard let job = machine.jobs[id] ?? world.store.jobs[id] else {
                violate(world, .jobKept, "\(id) is lost")
                continue
            }
            if !job.state.isFinal {
                let why = machine.waiting(job, at: world.leader?.clock.local(world.now) ?? .zero)
                violate(
                    world, .comesToRest,
                    "\(id) is still \(job.state): \(why?.reason ?? "no reason")")
            }
            if job.isActive { violate(world, .comesToRest, "\(id) still has active attempts") }
        }
        for (name, node) in machine.nodes {
            if let roamer = node.record.roamer, roamer.state != .idle {
                if roamer.state != .quarantined || roamer.reason.isEmpty {
                    violate(
                        world, .comesToRest, "\(name) is still \(roamer.state): \(roamer.reason)")
                }
            }
            if !node.attempts.isEmpty {
                violate(world, .comesToRest, "\(name) still has attempts")
            }
        }
        if let client = world.clients.answered.firstIndex(of: false) {
            violate(world, .jobKept, "client \(client) was never answered")
        }
        accepted = []
        stored = [:]
        history.forgetEnded()
        world.clients.byKey = [:]
    }

    /// Every waiting job says why it waits.
    mutating func reasons(_ world: World) {
        guard let process = world.leader else { return }
        let now = process.clock.local(world.now)
        for cluster in process.machine.fleet.clusters.map(\.name) + [Controller.roamerQueue] {
            for id in process.machine.queued(cluster, limit: 3) {
                guard let job = process.machine.jobs[id], job.state == .queued else { continue }
                let waiting = process.machine.waiting(job, at: now)
                if waiting?.reason.isEmpty != false || waiting?.position == nil {
                    violate(world, .reasons, "\(id) waits and does not say why or where")
                }
            }
        }
    }
}

extension World {
    /// The most slots any fleet of this run gives a node at once.
    func mostSlots(of name: NodeName) -> Int {
        guard let cluster = fleet.clusters.first(where: { $0.nodes.contains(name) }),
            let service = cluster.service.flatMap({ fleet.service($0) })
        else { return 1 }
        return service.worker.slots + 1
    }
}
