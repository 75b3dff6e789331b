package import FleetCore

/// What was accepted under an idempotency key, for whoever asks again.
package struct AcceptedRequest: Hashable, Sendable {
    /// The key.
    package let key: RequestKey
    /// The job or the plan that was made.
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

    fileprivate init(key: RequestKey, id: String, digest: String) {
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
        guard let text = reply.text else { return nil }
        let words = text.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else {
            throw RedisStoreError(
                .protocolViolation, "what Redis has of an idempotency key cannot be read")
        }
        return AcceptedRequest(key: key, id: String(words[1]), digest: String(words[0]))
    }
}
