import FleetCore
import HTTPTypes
import RedisStore
import Synchronization

/// The idempotency keys of requests that are on their way to the store.
final class OpenKeys: Sendable {
    private let keys = Mutex<Set<RequestKey>>([])

    /// Accepts a request, unless another one with its key is just being accepted.
    func hold<Answer>(
        _ key: RequestKey?, _ accept: () async throws -> Answer
    ) async throws -> Answer {
        guard let key else { return try await accept() }
        let isFirst = keys.withLock { $0.insert(key).inserted }
        guard isFirst else { throw APIError.inFlight }
        defer { keys.withLock { _ = $0.remove(key) } }
        return try await accept()
    }
}

extension APIServer {
    /// What was accepted under a key that the machine does not know any more; nil for nothing.
    ///
    /// Throws when something else was asked for.
    func earlier(_ key: RequestKey?, _ digest: String?) async throws -> String? {
        guard let key else { return nil }
        try requireStore()
        guard let first = try await record({ try await store.accepted(key) }) else { return nil }
        guard first.digest == digest else {
            let what = "\(key.kind.rawValue) \(first.id)"
            throw APIError(
                Refusal(
                    .idempotencyMismatch,
                    "the idempotency key was used for another request (\(what))"
                ))
        }
        return first.id
    }
}

extension APIError {
    static let inFlight = APIError(
        .conflict, "in_flight",
        "a request with this Idempotency-Key is being accepted; repeat it in a moment",
        retryAfter: 1)
}
