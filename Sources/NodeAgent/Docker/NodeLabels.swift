import DockerEngine
import FleetCore

/// How the containers of this node are named and labelled; only what carries the labels is touched.
struct NodeLabels: Sendable, Hashable {
    /// The fleet's name.
    let fleet: String
    /// The node's name.
    let node: NodeName

    private enum Key {
        static let fleet = "jessica.fleet"
        static let node = "jessica.node"
        static let kind = "jessica.kind"
        static let worker = "jessica.worker"
        static let fingerprint = "jessica.fingerprint"
        static let job = "jessica.job"
        static let attempt = "jessica.attempt"
    }
    private enum Kind {
        static let worker = "worker"
        static let attempt = "attempt"
    }

    /// What everything of this node carries, the network too.
    var common: [String: String] { [Key.fleet: fleet, Key.node: node.rawValue] }

    /// The network of this node's containers.
    var network: String { "\(PlainName.make(fleet))-\(PlainName.make(node.rawValue))" }

    /// The name of a worker's container.
    func name(_ worker: WorkerID) -> String {
        "\(network)-\(PlainName.make(worker.rawValue))"
    }

    /// The name of an attempt's own container: Docker itself keeps a second one from being made.
    func name(_ key: AttemptKey) -> String { "\(network)-\(Self.plain(key))" }

    /// An attempt's name for files and predictions: letters, digits, `-` and `_`.
    static func plain(_ key: AttemptKey) -> String {
        "\(PlainName.make(key.job.rawValue))-\(key.number)"
    }

    /// The labels of a worker's container.
    func labels(_ worker: WorkerID, _ spec: WorkerSpec) -> [String: String] {
        common.merging([
            Key.kind: Kind.worker, Key.worker: worker.rawValue, Key.fingerprint: spec.fingerprint,
        ]) { $1 }
    }

    /// The labels of an attempt's own container.
    func labels(_ key: AttemptKey) -> [String: String] {
        common.merging([
            Key.kind: Kind.attempt, Key.job: key.job.rawValue, Key.attempt: "\(key.number)",
        ]) { $1 }
    }

    /// The label of a container, or of its image, with the port that its worker listens on.
    static let port = "jessica.port"
    /// The port of a worker that says nothing else: Cog's.
    static let usualPort: UInt16 = 5_000

    /// Whether these are labels of a container of this node.
    func owns(_ labels: [String: String]) -> Bool {
        labels[Key.fleet] == fleet && labels[Key.node] == node.rawValue
    }

    /// What a container of this node is for.
    func purpose(_ labels: [String: String]) -> ContainerFact.Purpose {
        switch labels[Key.kind] {
        case Kind.worker:
            guard let worker = labels[Key.worker], !worker.isEmpty,
                let fingerprint = labels[Key.fingerprint]
            else { return .other }
            return .worker(WorkerID(worker), fingerprint: fingerprint)
        case Kind.attempt:
            guard let job = labels[Key.job], !job.isEmpty,
                let number = labels[Key.attempt].flatMap({ Int($0) }), number > 0
            else { return .other }
            return .attempt(AttemptKey(job: JobID(job), number: number))
        default: return .other
        }
    }

    /// What Docker says of a container, in the machine's words; nil when it is not this node's.
    func fact(_ info: ContainerInfo, ranOutOfMemory: Bool = false) -> ContainerFact? {
        guard owns(info.labels) else { return nil }
        let isRunning: Bool =
            switch info.state {
            case .running, .paused, .restarting: true
            case .created, .removing, .exited, .dead, .unknown: false
            }
        let code = Int32(truncatingIfNeeded: info.exitCode)
        let port = info.labels[Self.port].flatMap { UInt16($0) } ?? Self.usualPort
        return ContainerFact(
            id: info.id, purpose: purpose(info.labels), isRunning: isRunning,
            exitCode: isRunning ? nil : code,
            // Docker's flag also tells of a child the main process coped without.
            outOfMemory: !isRunning && code != 0 && (info.oomKilled || ranOutOfMemory),
            image: info.imageID, address: info.ipAddresses[network].map { "\($0):\(port)" })
    }
}
