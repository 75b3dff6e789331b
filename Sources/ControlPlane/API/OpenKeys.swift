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
    /// The id of what was accepted under a key, as the machine or its record knows; nil for nothing.
    ///
    /// Throws when something else was asked for. The machine answers by itself, and makes nothing: whatever it
    /// lets go of before or after, one key makes one thing.
    func earlier(_ key: RequestKey?, _ digest: String?) async throws -> String? {
        guard let key else { return nil }
        switch try await ask({ .replay($0, key, digest: digest) }) {
        case .accepted(let id, _): return id.rawValue
        case .planAccepted(let id, _): return id.rawValue
        case .done, .unknownKey, .refused: break
        }
        // What it has let go of was stored before it said so.
        guard let first = try await record({ try await store.accepted(key) }) else { return nil }
        guard first.digest == digest else {
            throw APIError(.keyWasUsed(for: "\(key.kind.rawValue) \(first.id)"))
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
