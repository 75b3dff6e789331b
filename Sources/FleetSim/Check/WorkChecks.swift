import FleetCore
import OrderedCollections

/// What runs, ran, and was uploaded on the nodes.
struct WorkTrack {
    /// Where work runs now, by job.
    var running: [JobID: [Running]] = [:]
    /// On which disk of which node each attempt began.
    var begun: [AttemptKey: Place] = [:]
    /// In which life of its agent each attempt was uploaded last.
    var uploaded: [AttemptKey: Life] = [:]

    struct Running {
        let key: AttemptKey
        let host: Int
    }
    struct Place: Hashable {
        let host: Int
        let disk: Int
    }
    struct Life: Hashable {
        let host: Int
        let life: Int
    }

    /// Whether the attempt runs on the node.
    func runs(_ key: AttemptKey, on host: Int) -> Bool {
        running[key.job]?.contains { $0.key == key && $0.host == host } == true
    }
}

/// Checks on the work itself, as the world sees it: no machine can be wrong about that.
extension Checker {
    /// How long after an impairment a node may need to stop what it runs.
    private static let recovery = Duration.seconds(20)

    /// A node that is dead, frozen or without Docker cannot end its work; nobody can help that.
    private static func isExcused(_ world: World, _ host: Int) -> Bool {
        world.hosts[host].impairedUntil + recovery >= world.now
    }

    mutating func workBegan(_ world: World, _ key: AttemptKey, _ host: Int) {
        let place = WorkTrack.Place(host: host, disk: world.hosts[host].disks)
        if work.begun.updateValue(place, forKey: key) == place {
            violate(world, .fencing, "\(key) begins a second time on \(world.hosts[host].name)")
        }
        let stored = world.store.jobs[key.job]
        // An engine that was away carries out then what was asked for long before.
        if stored?.attempt(key.number)?.state.isFinal == true, place.disk == 0,
            world.hosts[host].engineAwayUntil + Self.recovery < world.now
        {
            violate(
                world, .fencing, "\(key) begins on \(world.hosts[host].name) after its stored end")
        }
        var others = work.running[key.job] ?? []
        if others.contains(where: { $0.key == key && $0.host != host }) {
            violate(world, .fencing, "\(key) runs on two nodes")
        }
        others.removeAll { $0.key == key && $0.host == host }
        others.append(.init(key: key, host: host))
        work.running[key.job] = others
        guard others.count > 1, let stored else { return }
        let counted = others.count { $0.key == key || !Self.isExcused(world, $0.host) }
        if counted > (stored.request.retrySafe ? 2 : 1) {
            let places = others.map { "\($0.key.number) on \(world.hosts[$0.host].name)" }
            violate(world, .runsOnce, "\(key.job) runs as \(places)")
        }
    }

    mutating func workEnded(_ key: AttemptKey, _ host: Int) {
        guard var others = work.running[key.job] else { return }
        others.removeAll { $0.key == key && $0.host == host }
        work.running[key.job] = others.isEmpty ? nil : others
    }

    mutating func uploadBegan(_ world: World, _ key: AttemptKey, _ host: Host) {
        let life = WorkTrack.Life(host: host.index, life: host.life)
        if work.uploaded.updateValue(life, forKey: key) == life {
            violate(world, .fencing, "\(key) is uploaded twice by \(host.name)")
        }
    }

    /// The controller holds an attempt for ended: then it has.
    mutating func attemptClosed(_ world: World, _ key: AttemptKey, _ attempt: Attempt) {
        guard let host = world.hosts.first(where: { $0.name == attempt.node }), host.disks == 0,
            work.runs(key, on: host.index)
        else { return }
        // Given up, a node in trouble may still be at it; an agent that says so must know.
        if attempt.state == .lost, Self.isExcused(world, host.index) { return }
        violate(
            world, .runsOnce, "\(key) is \(attempt.state) and still runs on \(attempt.node)")
    }

    /// What is given up does not run on, seen whenever one looks.
    mutating func nothingRunsOn(_ world: World, _ machine: Controller) {
        for (id, places) in work.running.sorted(by: { $0.key < $1.key }) {
            for place in places {
                guard let job = machine.jobs[id] ?? world.store.jobs[id],
                    let attempt = job.attempt(place.key.number),
                    attempt.state.isFinal
                else { continue }
                attemptClosed(world, place.key, attempt)
            }
        }
    }

    /// A container is started: the node has the memory for it.
    mutating func started(_ world: World, _ made: Container, _ host: Host) {
        let running = host.docker.containers.filter(\.isRunning)
        let taken = running.reduce(made.memory) { $0 + $1.memory }
        guard taken > Int64(clamping: host.memory) else { return }
        let names = (running.map(\.name) + [made.name]).joined(separator: ", ")
        violate(world, .memory, "\(host.name) has not the memory for \(names)")
    }

    /// A worker is asked to work: it was made as its order says.
    mutating func placed(
        _ world: World, _ order: AttemptOrder, _ fact: ContainerFact, _ host: Host
    ) {
        guard case .worker(let id, let fingerprint) = fact.purpose,
            let wanted = host.agent?.journal.workers.first(where: { $0.id == id }),
            wanted.spec.fingerprint != fingerprint
        else { return }
        violate(world, .fencing, "\(order.key) begins on a worker made from an older order")
    }

    /// Before an agent is told what to run, nothing it does not know is a stranger; unless its journal was
    /// lost, and with it every lease.
    mutating func removalBegan(_ world: World, _ id: String, _ host: Host) {
        guard let index = host.docker.index(id), host.docker.containers[index].isRunning,
            host.toldLife != host.life, !host.beganBlind, let journal = host.agent?.journal
        else { return }
        let known =
            switch host.docker.containers[index].purpose {
            case .worker(let worker, _):
                journal.workers.contains { $0.id == worker }
                    || journal.attempts.contains { $0.container?.id == id }
            case .attempt(let key): journal.attempts.contains { $0.order.key == key }
            case .other: false
            }
        if !known {
            violate(
                world, .healthyWork,
                "\(host.name) removes \(host.docker.containers[index].name) before it is told")
        }
    }

    /// An attempt has ended with its worker: not because its node got another order for it.
    mutating func workerEnded(
        _ world: World, _ machine: Controller, _ key: AttemptKey, _ attempt: Attempt
    ) {
        guard attempt.error?.message == "its worker was removed", attempt.stop == nil,
            let worker = attempt.worker, let node = machine.nodes[attempt.node]
        else { return }
        // A pod is wanted as long as work runs on it, whatever its service became.
        let wanted =
            !attempt.roamer || node.record.roamer?.assignment?.workerID == worker
        // One that had failed before ended for that.
        guard wanted, let last = node.workers[worker], last.phase == .stopping, last.error == nil
        else { return }
        violate(world, .healthyWork, "\(key) ended as its worker got another order")
    }
}
