/// The right to lead, for a time; a standby waits for it.
///
/// The lease only decides who *tries* to lead. What keeps a deposed leader from writing is the
/// term: take the lease first, then call ``FencedStore/bumpTerm(owner:version:)``.
package struct LeaderLease: Sendable {
    /// The answer to a request for the lease.
    package enum Answer: Hashable, Sendable {
        /// Ours until then, counted from before the request was sent.
        case held(until: ContinuousClock.Instant)
        /// Somebody else's, for at most this long unless renewed; an empty name means nobody's.
        case heldBy(String, remaining: Duration)

        /// Whether the lease is ours.
        package var isHeld: Bool {
            if case .held = self { true } else { false }
        }
    }

    private let client: RedisClient
    private let keys: KeySpace
    /// Who asks; must differ between processes and between lives of one.
    package let owner: String
    /// How long the lease lasts without renewal.
    package let duration: Duration

    /// Creates a lease for an owner, lasting `duration` (at least 1 s) after each renewal.
    package init(
        client: RedisClient, keys: KeySpace = .standard, owner: String,
        duration: Duration = .seconds(15)
    ) throws(RedisStoreError) {
        guard !owner.isEmpty, owner.utf8.count <= 256 else {
            throw RedisStoreError(.invalidArgument, "the owner of a lease has 1 to 256 bytes")
        }
        self.client = client
        self.keys = keys
        self.owner = owner
        self.duration = max(duration, .seconds(1))
    }

    /// Takes the lease when nobody has it, or renews it when we do.
    package func acquire() async throws(RedisStoreError) -> Answer {
        try await ask(FencedScript.acquireLease)
    }

    /// Renews the lease only if it is still ours.
    package func renew() async throws(RedisStoreError) -> Answer {
        try await ask(FencedScript.renewLease)
    }

    /// Gives the lease back if it is ours; returns whether it was.
    @discardableResult package func release() async throws(RedisStoreError) -> Bool {
        let reply = try await client.send(
            [
                RedisCommand(
                    "EVAL", .text(FencedScript.releaseLease), 1, .text(keys.leader), .text(owner))
            ], lane: .commits
        ).first
        if let message = reply?.errorMessage { throw RedisStoreError(.rejected, message) }
        return reply?.integer == 1
    }

    private func ask(_ script: String) async throws(RedisStoreError) -> Answer {
        // Redis counts from when it runs the script, which is later: ours ends first.
        let until = ContinuousClock.now + duration
        let command = RedisCommand(
            "EVAL", .text(script), 1, .text(keys.leader), .text(owner),
            .integer(duration.wholeMilliseconds))
        let reply = try await client.send([command], lane: .commits).first ?? .null
        if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
        guard let fields = reply.array, let held = fields.first?.integer else {
            throw RedisStoreError(.protocolViolation, "the lease script answered \(reply)")
        }
        if held == 1 { return .held(until: until) }
        let name = fields.count > 1 ? fields[1].text ?? "" : ""
        let left = fields.count > 2 ? fields[2].integer ?? 0 : 0
        return .heldBy(name, remaining: .milliseconds(max(0, left)))
    }
}
