import FleetCore
import OrderedCollections

/// Holds the invariants against the world, after every step and every write.
struct Checker {
    /// The first thing that was broken; the run stops there.
    private(set) var violation: Violation?
    /// The checks on what was stored, which also judge the history of a real fleet.
    var history = HistoryChecker()
    /// Jobs whose acceptance somebody was told.
    var accepted: Set<JobID> = []
    /// Plans whose acceptance somebody was told.
    var acceptedPlans: Set<PlanID> = []
    /// How each job ended, as each life of the controller knows it.
    private var endings: [Int: [JobID: Job.Ending]] = [:]
    /// How each job ended, as it is stored.
    var stored: [JobID: Job.Ending] = [:]
    /// How many ends were stored, to see that work goes on.
    private(set) var endCount = 0
    /// The job that each idempotency key gave, as it is stored.
    var storedKeys: [String: JobID] = [:]
    /// What runs, ran, and was uploaded on the nodes.
    var work = WorkTrack()

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
            guard let job = machine.jobs[id] ?? effects.trimmed[id] else { continue }
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
        // What a deposed controller decides is void.
        guard world.leader === process else { return }
        let now = process.clock.local(world.now)
        for id in effects.jobs {
            for attempt in (machine.jobs[id] ?? effects.trimmed[id])?.attempts ?? []
            where attempt.state.isFinal && attempt.finishedAt == now {
                let key = AttemptKey(job: id, number: attempt.number)
                attemptClosed(world, key, attempt)
                workerEnded(world, machine, key, attempt)
            }
        }
        for event in effects.events {
            if event.kind == .roamer, ["IDLE", "ASSIGNED"].contains(event.to) {
                checkClean(world, machine, event)
            }
            if event.kind == .job, let job = event.job.flatMap({ machine.jobs[$0] }),
                let attempt = event.attempt.flatMap({ job.attempt($0) }),
                attempt.state == .assigned, attempt.assignedAt == now
            {
                checkBeginning(world, machine, job, attempt)
            }
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
        if job.failures > max(job.request.retries, 0) + 1 {
            violate(world, .promises, "\(job.id) was tried again after \(job.failures) failures")
        }
        if let ending = job.ending {
            if let before = endings[life]?[job.id], before != ending {
                violate(world, .resultOnce, "the end of \(job.id) changed")
            }
            endings[life]?[job.id] = ending
            if job.active.contains(where: { $0.stop == nil }) {
                violate(world, .promises, "\(job.id) has ended, and an attempt was not told")
            }
        } else if endings[life]?[job.id] != nil {
            violate(world, .resultOnce, "\(job.id) had ended and is alive again")
        }
    }

    /// An attempt that was just given to a node.
    private mutating func checkBeginning(
        _ world: World, _ machine: Controller, _ job: Job, _ attempt: Attempt
    ) {
        checkTurn(world, machine, job)
        guard let node = machine.nodes[attempt.node] else { return }
        if node.state != .ready || node.record.cordoned || node.record.drain != nil {
            violate(world, .promises, "\(job.id) begins on \(attempt.node), which takes no work")
        }
        let worker = node.isRoamer ? node.record.roamer?.assignment?.worker : nil
        let slots = (worker ?? machine.pod(of: attempt.node)?.spec)?.slots ?? 1
        if node.attempts.count > slots {
            violate(
                world, .slots, "\(attempt.node) has \(node.attempts.count) attempts on \(slots)")
        }
        for other in job.active where other.number != attempt.number {
            if other.node == attempt.node || machine.nodes[other.node]?.state != .suspect {
                violate(world, .runsOnce, "\(job.id) has a second copy that it does not need")
            }
        }
    }

    private mutating func check(_ world: World, _ machine: Controller, _ name: NodeName) {
        guard let node = machine.nodes[name] else { return }
        if node.state == .lost, !node.attempts.isEmpty {
            violate(world, .slots, "\(name) is lost and holds attempts")
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

    /// A roamer that is IDLE, and one that is lent, is clean; before a node was heard again, nobody
    /// can know.
    private mutating func checkClean(_ world: World, _ machine: Controller, _ event: FleetEvent) {
        guard let name = event.node, let host = world.hosts.first(where: { $0.name == name }),
            let record = machine.nodes[name]?.record, record.incarnation?.boot == host.bootName
        else { return }
        let to = event.to ?? "nothing"
        let left = host.docker.containers.count { $0.isRunning }
        if left > 0 { violate(world, .roamer, "\(name) becomes \(to) with \(left) containers") }
        if host.docker.verified != record.roamer?.cleaning {
            violate(world, .roamer, "\(name) becomes \(to) and was not verified clean")
        }
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
            if let key = job.request.idempotencyKey {
                let first = storedKeys[key, default: job.id]
                if first != job.id, world.keepsKeys {
                    violate(world, .resultOnce, "key \(key) gave \(first) and \(job.id)")
                }
                storedKeys[key] = job.id
            }
            if let ending = job.ending {
                if let before = stored[job.id], before != ending {
                    violate(world, .resultOnce, "the stored end of \(job.id) changed")
                }
                if stored[job.id] == nil { endCount += 1 }
                stored[job.id] = ending
            } else if stored[job.id] != nil {
                violate(world, .resultOnce, "\(job.id) had ended in the store and is alive again")
            }
        }
    }
}
