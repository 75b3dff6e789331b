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
        /// The networks of each that could not be joined, for another reason than that they are not there, and were
        /// told of.
        var told: [String: Set<String>] = [:]
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
        let ids = Set(containers.map(\.id))
        state.withLock { state in
            state.tried = state.tried.filter { ids.contains($0.key) }
            state.told = state.told.filter { ids.contains($0.key) }
        }
        for container in containers where container.state == .running {
            let wanted = NetworkLabels(container.labels)
            let missing = wanted.networks.filter { !container.networks.contains($0) }
            guard !missing.isEmpty, isDue(container.id, now) else { continue }
            await join(container.id, missing, wanted.aliases)
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
            } catch let error as DockerError
                where error.code == .notFound || error.message.contains("already exists")
            {
                continue
            } catch {
                let isNew = state.withLock { $0.told[id, default: []].insert(network).inserted }
                guard isNew else { continue }
                logger.notice(
                    "worker cannot join a network",
                    metadata: [
                        "container": "\(id)", "network": "\(network)", "error": "\(error)",
                    ])
            }
        }
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
