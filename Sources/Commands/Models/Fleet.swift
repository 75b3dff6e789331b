/// A cluster as the API shows it.
struct Cluster: Decodable, Sendable {
    var name: String
    var kinds: [String]?
    var nodes: Names?
    var ready: Int?
    var busy: Int?
    var queued: Int?
    var running: Int?
    var roamers: Names?
    var service: String?
    var template: String?
}

/// A service, which dedicated nodes always run, or a template, which a roamer can become.
struct Workload: Decodable, Sendable {
    var name: String
    var image: String?
    var imageDigest: String?
    var contract: String?
    var slots: Int?
    var memory: Loose?
    var replicas: Int?
    var startupSeconds: Double?
    var cluster: String?
    var clusters: [String]?
    var models: [String]?
    var gpu: Bool?
    var largeOutputs: Bool?

    /// The clusters that use it.
    var users: [String] { clusters ?? cluster.map { [$0] } ?? [] }

    /// The memory it needs.
    var memoryText: String { memory?.number.map { Humane.bytes($0) } ?? memory?.text ?? "-" }
}

/// Names, or only how many there are.
struct Names: Decodable, Sendable {
    /// The names; empty when only a number was given.
    let names: [String]
    /// How many.
    let count: Int

    init(from decoder: any Decoder) throws {
        let single = try decoder.singleValueContainer()
        if let list = try? single.decode([String].self) {
            names = list
            count = list.count
        } else {
            names = []
            count = (try? single.decode(Int.self)) ?? 0
        }
    }

    /// The names, or the number.
    var text: String { names.isEmpty ? "\(count)" : names.joined(separator: " ") }
}

/// The fleet in numbers.
struct Summary: Decodable, Sendable {
    var version: String?
    var uptimeSeconds: Double?
    var term: Loose?
    var store: Store?
    var jobs: [String: Int]?
    var nodes: [String: Int]?
    var roamers: [String: Int]?

    /// Whether what is decided can be kept.
    struct Store: Decodable, Sendable {
        var healthy: Bool?
        var error: String?
    }
}

/// What applying a fleet file changes.
struct FleetChanges: Decodable, Sendable {
    var revision: Loose?
    var applied: Bool?
    var changes: [Change]?
    /// What of the file is not in force by applying it.
    var notes: [String]?

    /// One change.
    struct Change: Decodable, Sendable {
        var action: String?
        var what: String?
        var detail: String?
    }
}

/// What was understood of a request, and the job made from it.
struct RequestAnswer: Decodable, Sendable {
    var job: Job
    var understood: Understood?

    /// The reading of the text.
    struct Understood: Decodable, Sendable {
        var kind: String?
        var cluster: String?
        var why: String?
    }
}

/// Something that happened.
struct Event: Decodable, Sendable {
    var seq: Int?
    var at: Timestamp?
    var type: String?
    var job: String?
    var plan: String?
    var attempt: Int?
    var node: String?
    var from: String?
    var to: String?
    var reason: String?
    var durationSeconds: Double?
}

/// The controller's version.
struct ServerVersion: Decodable, Sendable {
    var version: String?
    var commit: String?
    var api: String?
}
