package import FleetCore

/// What was accepted under an idempotency key, for whoever asks again.
package struct AcceptedRequest: Hashable, Sendable {
    /// The key.
    package let key: RequestKey
    /// The job, the plan or the upload that was made.
    package let id: String
    /// The digest of what was asked for.
    package let digest: String

    /// What a job was accepted under; nil when it has no key.
    package init?(_ job: Job) {
        guard let key = RequestKey(job.request), let digest = job.request.idempotencyDigest else {
            return nil
        }
        self.init(key: key, id: job.id.rawValue, digest: digest)
    }

    /// What a plan was accepted under; nil when it has no key.
    package init?(_ plan: Plan) {
        guard let key = RequestKey(plan), let digest = plan.idempotencyDigest else { return nil }
        self.init(key: key, id: plan.id.rawValue, digest: digest)
    }

    /// What is known, or to be known, of a key.
    package init(key: RequestKey, id: String, digest: String) {
        self.key = key
        self.id = id
        self.digest = digest
    }
}

extension FleetStore {
    /// How long it is known what was accepted under a key, whatever has become of that.
    package static let keyRetention = Duration.seconds(86_400)

    /// Notes what a key has made: `DIGEST ID`.
    func write(_ accepted: AcceptedRequest, to batch: inout FencedBatch) {
        batch.set(
            keys.accepted(accepted.key), .text("\(accepted.digest) \(accepted.id)"),
            expiry: Self.keyRetention)
    }

    /// What was accepted under a key; nil when nothing was, or too long ago.
    package func accepted(_ key: RequestKey) async throws(RedisStoreError) -> AcceptedRequest? {
        let reply = try await store.client.read(RedisCommand("GET", .text(keys.accepted(key))))
        return try request(key, reply)
    }

    /// Notes what is accepted under a key, unless something was before; what was first.
    ///
    /// It is for what the machine does not know, and so in no batch: who comes first is first, whatever the term.
    package func first(
        _ asked: AcceptedRequest
    ) async throws(RedisStoreError) -> AcceptedRequest {
        let key = RedisArgument.text(keys.accepted(asked.key))
        let replies = try await store.client.read([
            RedisCommand(
                "SET", key, .text("\(asked.digest) \(asked.id)"), "NX", "PX",
                .integer(Self.keyRetention.wholeMilliseconds)),
            RedisCommand("GET", key),
        ])
        for reply in replies {
            if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
        }
        // Without one it has just expired between the two.
        return try request(asked.key, replies.last ?? .null) ?? asked
    }

    private func request(
        _ key: RequestKey, _ reply: RedisValue
    ) throws(RedisStoreError) -> AcceptedRequest? {
        guard let text = reply.text else { return nil }
        let words = text.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else {
            throw RedisStoreError(
                .protocolViolation, "what Redis has of an idempotency key cannot be read")
        }
        return AcceptedRequest(key: key, id: String(words[1]), digest: String(words[0]))
    }
}
