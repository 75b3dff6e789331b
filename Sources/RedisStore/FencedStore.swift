import NIOCore
import Synchronization

/// The durable record, written by one leader at a time.
///
/// Every commit carries the leader's term, and Redis itself compares it with the current one before
/// it writes: a controller that was replaced cannot write anything, whatever it still believes.
///
/// Commit one batch after the other. After an unknown outcome repeat the same ``SealedBatch`` until
/// it is answered, and only then go on with the next.
package final class FencedStore: Sendable {
    /// The server.
    package let client: RedisClient
    /// The keys of the shard.
    package let keys: KeySpace
    /// The name of the commit script, once Redis has it.
    private let script = Mutex<String?>(nil)

    /// How often a commit loads the script again because Redis has forgotten it.
    private static let scriptRounds = 3
    /// How often starting a term is repeated after an unknown outcome.
    private static let bumpRounds = 3

    /// Creates a store.
    package init(client: RedisClient, keys: KeySpace = .standard) {
        self.client = client
        self.keys = keys
    }

    /// Commits a batch in a term as one step, however large it is.
    ///
    /// Returns when Redis has acknowledged all of it. Throws `fenced` when the term is not the
    /// current one (nothing was written), `rejected` when Redis refused a command (what came before
    /// it in the batch is written, nothing after it), `unavailable` when the outcome is unknown or
    /// nothing ran (also when Redis is loading, out of memory or a replica), and `invalidArgument`
    /// above the limits (nothing was sent).
    package func commit(
        _ batch: FencedBatch, term: UInt64, timeout: Duration? = nil
    ) async throws(RedisStoreError) {
        try await commit(seal(batch, term: term), timeout: timeout)
    }

    /// Gives a batch its place in the order of commits; throws `invalidArgument` above the limits.
    package func seal(_ batch: FencedBatch, term: UInt64) throws(RedisStoreError) -> SealedBatch {
        try SealedBatch(batch, term: term)
    }

    /// Commits a sealed batch, or finds that it already is; see ``commit(_:term:timeout:)``.
    ///
    /// Throws `superseded` when a later batch of this term is already committed.
    package func commit(
        _ batch: SealedBatch, timeout: Duration? = nil
    ) async throws(RedisStoreError) {
        do {
            try await run(batch, timeout: timeout)
            client.succeeded(.commits)
        } catch {
            client.failed(error, lane: .commits)
            throw error
        }
    }

    /// Starts a new term and returns it; from then on no earlier term can write.
    ///
    /// Records the owner and its version. Repeats itself after an unknown outcome, with the same
    /// claim, so the term rises once. Throws `unavailable` or `rejected`.
    package func bumpTerm(owner: String, version: String) async throws(RedisStoreError) -> UInt64 {
        let claim = "\(owner)/\(UInt64.random(in: .min ... .max))"
        let command = RedisCommand(
            "EVAL", .text(FencedScript.bumpTerm), 1, .text(keys.meta), .text(owner), .text(version),
            .text(claim))
        var round = 1
        while true {
            do throws(RedisStoreError) {
                let reply = try await client.send([command], lane: .commits).first ?? .null
                if let text = reply.text, let term = UInt64(text) { return term }
                throw RedisStoreError(
                    .rejected, "Redis refused a new term: \(reply.errorMessage ?? "\(reply)")")
            } catch {
                guard error.outcomeUnknown, round < Self.bumpRounds, !Task.isCancelled else {
                    throw error
                }
                round += 1
            }
        }
    }

    /// The current term, its owner and its version; nil before the first one.
    package func currentTerm() async throws(RedisStoreError) -> TermRecord? {
        let reply = try await client.read(
            RedisCommand("HMGET", .text(keys.meta), "term", "owner", "version"))
        guard let fields = reply.array, fields.count == 3,
            let term = fields[0].text.flatMap({ UInt64($0) })
        else { return nil }
        return TermRecord(term: term, owner: fields[1].text ?? "", version: fields[2].text ?? "")
    }

    private func run(_ batch: SealedBatch, timeout: Duration?) async throws(RedisStoreError) {
        for _ in 0..<Self.scriptRounds {
            let connection = try await client.connection(.commits)
            let script = try await scriptName(on: connection)
            let replies = try await submit(batch, script, on: connection, timeout: timeout).value()
            if try verdict(batch.answers(replies), of: batch) { return }
            self.script.withLock { $0 = nil }
        }
        throw RedisStoreError(
            .unavailable(outcomeUnknown: false), "Redis keeps losing the commit script")
    }

    private func submit(
        _ batch: SealedBatch, _ script: String, on connection: RedisConnection, timeout: Duration?
    ) throws(RedisStoreError) -> EventLoopFuture<[RedisValue]> {
        var buffer = connection.makeBuffer()
        try batch.encode(script: script, meta: keys.meta, into: &buffer)
        return connection.submit(
            buffer, replies: batch.replyCount, timeout: timeout ?? batch.patience)
    }

    /// True when every chunk is in; false when the script has to be loaded first; else the error.
    private func verdict(
        _ replies: [RedisValue], of batch: SealedBatch
    ) throws(RedisStoreError) -> Bool {
        for (index, reply) in replies.enumerated() {
            switch ChunkAnswer(reply) {
            case .applied, .alreadyApplied: continue
            case .noScript: return false
            case .fenced(let current):
                throw RedisStoreError(
                    .fenced,
                    "term \(batch.term) is over: the current term is "
                        + (current.isEmpty ? "none" : current)
                )
            case .refused(let text, let command):
                throw Self.refusal(text, chunk: index, command: command)
            case .superseded:
                throw RedisStoreError(
                    .superseded, "batch \(batch.number) came after a later one was committed")
            case .outOfOrder:
                throw RedisStoreError(
                    .rejected, "chunk \(index) of batch \(batch.number) came before its predecessor"
                )
            case .unreadable(let text):
                throw RedisStoreError(.protocolViolation, "the commit script answered \(text)")
            }
        }
        return true
    }

    private static func refusal(_ text: String, chunk: Int, command: Int64?) -> RedisStoreError {
        let place = command.map { "command \($0) of chunk \(chunk)" } ?? "chunk \(chunk)"
        let code: RedisStoreError.Code =
            switch RedisRefusal(text) {
            // The first refused command of the first chunk: nothing ran before it.
            case .notNow: .unavailable(outcomeUnknown: chunk > 0 || (command ?? 0) > 0)
            case .denied: .authentication
            case .noScript, .command: .rejected
            }
        return RedisStoreError(code, "Redis refused \(place): \(text)")
    }

    private func scriptName(on connection: RedisConnection) async throws(RedisStoreError) -> String
    {
        if let known = script.withLock({ $0 }) { return known }
        let load = RedisCommand("SCRIPT", "LOAD", .text(FencedScript.commit))
        let reply: RedisValue
        do {
            reply = try await connection.send([load]).first ?? .null
        } catch {
            // Loading a script changes no data, so nothing is unknown.
            throw error.outcomeUnknown
                ? RedisStoreError(.unavailable(outcomeUnknown: false), error.message) : error
        }
        guard let name = reply.text, !name.isEmpty else {
            throw RedisStoreError(
                .rejected, "Redis refused the commit script: \(reply.errorMessage ?? "\(reply)")")
        }
        script.withLock { $0 = name }
        return name
    }
}

/// The current term and who holds it.
package struct TermRecord: Hashable, Sendable {
    /// The term; it only rises.
    package let term: UInt64
    /// Who started it.
    package let owner: String
    /// The owner's version.
    package let version: String
}
