import FleetCore
import OrderedCollections

/// Checks that look at the whole fleet from time to time, and when it is at rest.
extension Checker {
    // MARK: From time to time

    /// Every waiting job says why; times are kept; what is decided is stored.
    mutating func reasons(_ world: World) {
        guard let process = world.leader, process.frozenUntil < world.now else { return }
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
        // One that was stopped had no chance yet to be on time.
        if process.frozenUntil + Self.lateness < world.now { promises(world, process, now) }
        storedIsHeld(world, process)
        if let mistake = process.machine.indexMistake() { violate(world, .indexes, mistake) }
        nothingRunsOn(world, process.machine)
    }

    /// How late an alarm may be.
    private static let lateness = Duration.seconds(5)
    /// How much longer a silent node may be waited for than the policy says.
    private static let slack = Duration.seconds(60)

    private mutating func promises(_ world: World, _ process: ControllerProcess, _ now: Instant) {
        let machine = process.machine
        func isPast(_ due: Instant?) -> Bool { due.map { $0 + Self.lateness < now } ?? false }
        for job in machine.jobs.values where job.ending == nil {
            if isPast(job.deadlineAt), job.stopping == nil {
                violate(world, .promises, "\(job.id) goes on after its deadline")
            }
            if isPast(job.notBefore) {
                violate(world, .promises, "\(job.id) waits longer than it said")
            }
        }
        // One mass silence may end and another begin.
        let patience =
            machine.policy.lostAfter + machine.policy.massSilenceHold * 2 + Self.slack
        for (name, node) in machine.nodes {
            if isPast(node.record.drain?.deadline) {
                let left = node.attempts.filter {
                    machine.jobs[$0.job]?.attempt($0.number)?.stop == nil
                }
                if let first = left.first {
                    violate(world, .promises, "\(first) runs on \(name) after its drain's deadline")
                }
            }
            if let assignment = node.record.roamer?.assignment,
                case .until(let end) = assignment.mode, isPast(end), assignment.releasing == nil
            {
                violate(world, .promises, "\(name) is lent for longer than was asked")
            }
            let since = max(node.since, process.clock.local(process.frozenUntil))
            if node.state == .suspect, since + patience < now {
                violate(world, .promises, "\(name) is neither heard nor given up")
            }
        }
    }

    /// With nothing on its way, the store holds what the machine holds.
    private mutating func storedIsHeld(_ world: World, _ process: ControllerProcess) {
        let commit = process.commit
        guard !commit.isAirborne, commit.flying == nil, commit.next.effects.isEmpty else { return }
        let machine = process.machine
        for job in machine.jobs.values where job.ending == nil && world.store.jobs[job.id] != job {
            violate(world, .toldIsStored, "\(job.id) is stored otherwise than it is")
        }
        for (id, plan) in machine.plansInMemory
        where plan.ending == nil && world.store.plans[id] != plan {
            violate(world, .toldIsStored, "plan \(id) is stored otherwise than it is")
        }
        for (name, node) in machine.nodes {
            // Of a node that was never seen nothing is stored.
            guard var record = world.store.nodes[name] else { continue }
            record.lastSeen = node.record.lastSeen
            if record != node.record {
                violate(world, .toldIsStored, "\(name) is stored otherwise than it is")
            }
        }
        if machine.fleet != world.store.fleet || machine.fleetRevision != world.store.revision {
            violate(world, .toldIsStored, "another fleet is stored than is applied")
        }
        if machine.counters != world.store.counters {
            violate(world, .toldIsStored, "other counters are stored than are counted by")
        }
    }

    // MARK: At rest

    /// Whether everything has ended, every roamer is back, and every pod runs.
    func isAtRest(_ world: World) -> Bool {
        guard let machine = world.leader?.machine, world.clients.open.isEmpty
        else { return false }
        return machine.jobs.values.allSatisfy { $0.state.isFinal && !$0.isActive }
            && isStored(world, machine) && world.hosts.allSatisfy { open(machine, $0) == nil }
    }

    /// Whether the end of all that the controller let go of has reached the store.
    private func isStored(_ world: World, _ machine: Controller) -> Bool {
        accepted.allSatisfy {
            machine.jobs[$0] != nil || world.store.jobs[$0]?.state.isFinal != false
        }
            && acceptedPlans.allSatisfy {
                machine.plan($0) != nil || world.store.plans[$0].map { $0.ending != nil } != false
            }
    }

    /// What keeps a node from rest.
    private func open(_ machine: Controller, _ host: Host) -> String? {
        guard let node = machine.nodes[host.name] else { return "it is no node of the fleet" }
        if node.state != .ready { return "it is \(node.state): \(node.reason)" }
        if !node.attempts.isEmpty { return "it has attempts" }
        if let roamer = node.record.roamer, roamer.state != .idle {
            let lent = roamer.assignment.map { ", lent for \($0.purpose) \($0.mode)" } ?? ""
            return "it is \(roamer.state): \(roamer.reason)\(lent)"
        }
        var containers = host.docker.containers.filter(\.isRunning)
        if let pod = machine.pod(of: host.name), pod.spec.contract != .exec {
            let purpose = ContainerFact.Purpose.worker(pod.id, fingerprint: pod.spec.fingerprint)
            guard let index = containers.firstIndex(where: { $0.purpose == purpose }) else {
                return "its pod does not run as it shall"
            }
            containers.remove(at: index)
            if node.workers[pod.id]?.phase != .ready { return "its pod is not ready" }
        }
        return containers.isEmpty ? nil : "it runs \(containers.map(\.name)), which nobody wants"
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
        plansAtRest(world, machine)
        for host in world.hosts {
            if let why = open(machine, host) {
                violate(world, .comesToRest, "\(host.name) does not come to rest: \(why)")
            }
        }
        if let client = world.clients.open.keys.min() {
            violate(world, .jobKept, "client \(client) was never answered")
        }
        if let process = world.leader { storedIsHeld(world, process) }
        accepted = []
        stored = [:]
        storedKeys = [:]
        work.begun = [:]
        work.uploaded = [:]
        history.forgetEnded()
        world.clients.byKey = [:]
    }
}
