import FleetCore
import OrderedCollections

/// Holds the invariants of the architecture against the world, all the time.
struct Checker {
    var violations: [String] = []
    /// Jobs whose acceptance somebody was told.
    var accepted: Set<JobID> = []
    /// Every change of state seen, of jobs and of roamers.
    var jobSteps: Set<[JobState]> = []
    var roamerSteps: Set<[RoamerState]> = []
    /// Whether work of a job that is not retry-safe must never run twice at once.
    ///
    /// Not so when an agent is dead or frozen for longer than its lease, or Docker does not remove.
    var checksWork = true
    private var shownJobs: [JobID: String] = [:]
    private var shownRoamers: [NodeName: String] = [:]
    private var endings: [JobID: Job.Ending] = [:]
    private var lastEvent: UInt64 = 0

    mutating func violate(_ text: String) { violations.append(text) }

    mutating func afterStep(_ world: World, _ effects: Effects) {
        guard let controller = world.brain.controller else { return }
        for event in effects.events where event.reason == "asked for again" {
            if let job = event.job { endings[job] = nil }
        }
        for id in effects.jobs {
            guard let job = controller.jobs[id] else { continue }
            check(job)
            for attempt in job.active where controller.nodes[attempt.node] != nil {
                let held = controller.nodes[attempt.node]?.attempts ?? []
                if !held.contains(AttemptKey(job: id, number: attempt.number)) {
                    violate("\(id).\(attempt.number) is active but not held by \(attempt.node)")
                }
            }
        }
        for name in effects.nodes { check(controller, name) }
        for outgoing in effects.sends { check(controller, outgoing.node) }
        for event in effects.events where event.kind == .roamer && event.to == "IDLE" {
            guard let name = event.node, let host = world.hosts[name] else { continue }
            if !host.containers.isEmpty { violate("\(name) is IDLE with containers") }
        }
    }

    private mutating func check(_ job: Job) {
        let most = job.request.retrySafe ? 2 : 1
        if job.active.count > most { violate("\(job.id) has \(job.active.count) active attempts") }
        if job.attempts.count(where: { $0.state == .succeeded }) > 1 {
            violate("\(job.id) has two results")
        }
        if let ending = job.ending {
            if let before = endings[job.id], before != ending {
                violate("the end of \(job.id) changed")
            }
            endings[job.id] = ending
        } else if endings[job.id] != nil {
            violate("\(job.id) had ended and is alive again")
        }
    }

    private mutating func check(_ controller: Controller, _ name: NodeName) {
        guard let node = controller.nodes[name] else { return }
        var slots = controller.pod(of: name)?.spec.slots ?? 1
        if let worker = node.record.roamer?.assignment?.worker { slots = worker.slots }
        // A node that was moved finishes what it had for its old place.
        let counted = node.attempts.count { key in
            controller.jobs[key.job]?.attempt(key.number)?.stop == nil
        }
        if counted > slots { violate("\(name) has \(counted) attempts on \(slots) slots") }
        if node.record.roamer?.state == .idle, !node.attempts.isEmpty {
            violate("\(name) is IDLE with attempts")
        }
    }

    /// What was stored is what the world was told: each change follows from the one before.
    mutating func afterWrite(_ batch: Brain.Batch) {
        for event in batch.effects.events {
            if event.sequence <= lastEvent { violate("event \(event.sequence) came twice") }
            lastEvent = event.sequence
            switch event.kind {
            case .job:
                guard let job = event.job, let to = event.to else { continue }
                if shownJobs[job] != event.from {
                    violate(
                        "\(job) went from \(event.from ?? "–") but was \(shownJobs[job] ?? "–")")
                }
                shownJobs[job] = to
                guard let a = event.from.flatMap(JobState.init), let b = JobState(rawValue: to),
                    a != b
                else { continue }
                jobSteps.insert([a, b])
                if !a.successors.contains(b) { violate("\(job) cannot go from \(a) to \(b)") }
            case .roamer:
                guard let name = event.node, let to = event.to.flatMap(RoamerState.init),
                    let from = event.from.flatMap(RoamerState.init)
                else { continue }
                if let shown = shownRoamers[name], shown != from.rawValue {
                    violate("\(name) went from \(from) but was \(shown)")
                }
                shownRoamers[name] = to.rawValue
                roamerSteps.insert([from, to])
                if !from.successors.contains(to) { violate("\(name) cannot go \(from) → \(to)") }
            case .node, .pod, .assignment, .fleet, .plan, .token, .webhook: continue
            }
        }
        for job in batch.jobs where shownJobs[job.id] != job.state.rawValue {
            violate("\(job.id) is stored as \(job.state) but shown as \(shownJobs[job.id] ?? "–")")
        }
    }

    /// A new controller knows what is stored; what its predecessor saw and nobody was told is void.
    mutating func controllerStarted(_ store: Brain.Store) {
        endings = store.jobs.compactMapValues(\.ending)
    }

    /// Forgets what a roamer showed: it left the pool and came back as a new one.
    mutating func forget(_ name: NodeName) { shownRoamers[name] = nil }

    /// Called when work begins somewhere: checks that it does not run twice.
    mutating func afterLaunch(_ world: World, _ host: Host) {
        guard checksWork else { return }
        var running: [JobID: Int] = [:]
        for host in world.hosts.values {
            for container in host.containers where container.isRunning {
                for key in container.work.keys { running[key.job, default: 0] += 1 }
            }
        }
        for (id, count) in running where count > 1 {
            guard let job = world.brain.store.jobs[id] else { continue }
            if count > (job.request.retrySafe ? 2 : 1) {
                violate("\(id) runs \(count) times at once")
            }
        }
    }

    /// At the end of a run, everything faulty being mended.
    mutating func atRest(_ world: World) {
        guard let controller = world.brain.controller else { return violate("no controller") }
        if let mistake = controller.indexMistake() { violate(mistake) }
        for id in accepted.sorted() {
            guard let job = controller.jobs[id] else {
                violate("\(id) is lost")
                continue
            }
            if !job.state.isFinal {
                let why = controller.waiting(job, at: world.now)?.reason ?? "–"
                violate("\(id) is still \(job.state): \(why)")
            }
            if job.isActive { violate("\(id) still has active attempts") }
        }
        for node in controller.nodes.values {
            guard let roamer = node.record.roamer else { continue }
            if roamer.state != .idle && roamer.state != .quarantined {
                violate("\(node.record.name) is still \(roamer.state): \(roamer.reason)")
            }
        }
    }
}
