import DockerEngine
import FleetCore
import Logging
import Synchronization

/// Joins workers to the networks of the cluster, under their own name and their service's.
///
/// A worker that cannot join still does its jobs, which reach it by the node's own network. A network that
/// is not there yet, or whose swarm has no manager now, may be there later: it is tried again while the
/// worker runs. Only trying tells, since a node of a swarm lists an overlay network of others only once
/// something on it has joined.
final class NetworkJoins: Sendable {
    private struct State {
        /// When each container's networks were tried last.
        var tried: [String: Instant] = [:]
        /// The networks of each that could not be joined when they were tried last, and why: for another
        /// reason than that they are not there.
        var refused: [String: [String: String]] = [:]
    }

    private let engine: DockerEngine
    private let logger: Logger
    private let state = Mutex(State())

    /// How long after a try Docker is not asked again for the same container.
    private static let every = Duration.seconds(60)

    init(engine: DockerEngine, logger: Logger) {
        self.engine = engine
        self.logger = logger
    }

    /// Joins a worker's container that has just started.
    ///
    /// It must run: Docker notes any name for one that does not, and then cannot start it.
    func join(_ id: String, _ order: WorkerOrder) async {
        let wanted = NetworkLabels(order)
        await join(id, wanted.networks, wanted.aliases)
    }

    /// Tries again for those workers that run and have not joined all that they shall.
    func complete(_ containers: [ContainerInfo], at now: Instant) async {
        let running = containers.filter { $0.state == .running }
        forget(allBut: running)
        for container in running {
            let wanted = NetworkLabels(container.labels)
            let missing = wanted.networks.filter { !container.networks.contains($0) }
            guard !missing.isEmpty, isDue(container.id, now) else { continue }
            await join(container.id, missing, wanted.aliases)
        }
    }

    /// What is wrong with the networks of those that run.
    var troubles: [Telemetry.Trouble] {
        let refused = state.withLock { $0.refused }
        var reasons: [String: String] = [:]
        for one in refused.values { reasons.merge(one) { first, _ in first } }
        return reasons.sorted { $0.key < $1.key }.map { Self.trouble(of: $0.key, $0.value) }
    }

    private static func trouble(of network: String, _ why: String) -> Telemetry.Trouble {
        Telemetry.Trouble(
            name: "network.\(network)", message: "network \(network) cannot be joined: \(why)",
            action: why.contains("attachable")
                ? "create it anew with --attachable (`attachable: true` in a compose file)"
                : "`docker network inspect \(network)` on it; a swarm needs a manager")
    }

    /// Forgets who does not run any more, and what has been joined by other hands.
    private func forget(allBut running: [ContainerInfo]) {
        let networks = Dictionary(running.map { ($0.id, $0.networks) }) { first, _ in first }
        state.withLock { state in
            state.tried = state.tried.filter { networks[$0.key] != nil }
            var refused: [String: [String: String]] = [:]
            for (id, reasons) in state.refused {
                guard let joined = networks[id] else { continue }
                refused[id] = reasons.filter { !joined.contains($0.key) }
            }
            state.refused = refused
        }
    }

    private func isDue(_ id: String, _ now: Instant) -> Bool {
        state.withLock { state in
            if let last = state.tried[id], now.since(last) < Self.every { return false }
            state.tried[id] = now
            return true
        }
    }

    private func join(_ id: String, _ networks: [String], _ aliases: [String]) async {
        for network in networks {
            do {
                try await engine.connect(id, to: network, aliases: aliases)
                isFine(network, of: id)
            } catch let error as DockerError
                where error.code == .notFound || error.message.contains("already exists")
            {
                isFine(network, of: id)
            } catch {
                let why = (error as? DockerError)?.message ?? "\(error)"
                let before = state.withLock { state in
                    state.refused[id, default: [:]].updateValue(why, forKey: network)
                }
                guard before == nil else { continue }
                logger.notice(
                    "worker cannot join a network",
                    metadata: [
                        "container": "\(id)", "network": "\(network)", "error": "\(error)",
                    ])
            }
        }
    }

    /// It has been joined, or is not there yet.
    private func isFine(_ network: String, of id: String) {
        _ = state.withLock { $0.refused[id]?.removeValue(forKey: network) }
    }
}

/// What a worker's container says of the networks it shall join, for a later life of the agent too.
///
/// They are no part of the labels by which a container is adopted: which networks it joins can change
/// while it runs.
struct NetworkLabels: Hashable, Sendable {
    /// The networks, where they exist.
    let networks: [String]
    /// The names under which others find it there.
    let aliases: [String]

    private static let networksKey = "jessica.networks"
    private static let aliasesKey = "jessica.aliases"

    init(_ order: WorkerOrder) {
        networks = ContainerPolicy.networks(of: order.spec)
        let service = order.service.map(\.rawValue)
        aliases =
            [order.id.rawValue] + [service].compactMap(\.self).filter { $0 != order.id.rawValue }
    }

    /// Reads them; a container without them shall join none.
    ///
    /// Labels of its image are among them: whatever they say, no other network of the machine is joined.
    init(_ labels: [String: String]) {
        func list(_ key: String) -> [String] {
            (labels[key] ?? "").split(separator: ",").map(String.init)
        }
        networks = list(Self.networksKey).filter { WorkerSpec.clusterNetworks.contains($0) }
        aliases = list(Self.aliasesKey)
    }

    /// The labels; a name has no comma.
    var labels: [String: String] {
        [
            Self.networksKey: networks.joined(separator: ","),
            Self.aliasesKey: aliases.joined(separator: ","),
        ]
    }
}
