import FleetCore
import RedisStore

/// Which logs a node may write: those of attempts that are or were on it.
struct LogRights {
    let node: NodeName
    let loop: ControlLoop
    /// The durable record, for jobs that are no longer in memory.
    let record: FleetStore
    /// What was found of attempts lately.
    private var known: [AttemptKey: Bool] = [:]

    private static let knownMax = 1_024

    init(node: NodeName, loop: ControlLoop, record: FleetStore) {
        self.node = node
        self.loop = loop
        self.record = record
    }

    /// Whether the node may write that log; throws when the record cannot be read.
    mutating func mayWrite(_ key: AttemptKey) async throws -> Bool {
        if let answer = known[key] { return answer }
        let node = node
        let inMemory = await loop.read { controller, _ -> Bool? in
            controller.jobs[key.job].map { $0.attempt(key.number)?.node == node }
        }
        // Its attempt may begin yet.
        if inMemory == false { return false }
        var answer = true
        if inMemory == nil {
            let found = try await record.readable([key.job]).jobs
            answer = found.first?.attempt(key.number)?.node == node
        }
        if known.count >= Self.knownMax { known = [:] }
        known[key] = answer
        return answer
    }
}
