import NIOCore
import ObjectStore

/// What is found of the object store, by trying what outputs and logs need of it.
enum ObjectFindings {
    private static let content = ByteBuffer(
        string: "What the doctor stores to see whether it can, and takes away again.\n")
    private static let tries = 3

    /// Stores something small, reads it again and removes it.
    ///
    /// Looking for an object would not do: whoever has lost the bucket answers as one who has no
    /// such object, and keys that may not write may still look.
    static func look(_ objects: any ObjectStore, place: String) async -> Finding {
        do {
            guard try await keeps(objects, try ObjectLayout.config(name: "doctor")) else {
                return .failed(
                    "objects", "\(place) does not give back what was stored there",
                    action: "outputs and logs are damaged or lost there; look at its own log")
            }
            return .ok("objects", "\(place) keeps what it is given")
        } catch {
            return failure(error, place)
        }
    }

    private static func keeps(
        _ objects: any ObjectStore, _ key: ObjectKey
    ) async throws(ObjectStoreError) -> Bool {
        for _ in 0..<tries {
            try await objects.put(key, .bytes(content), contentType: "text/plain")
            do {
                let stored = try await objects.get(key, range: nil)
                let body = try await stored.body.collect(limit: content.readableBytes)
                try await objects.delete(key)
                return body == content
            } catch {
                switch error.code {
                // Another who looks just now may have removed it.
                case .notFound: continue
                case .tooLarge: return false
                default: throw error
                }
            }
        }
        return false
    }

    private static func failure(_ error: ObjectStoreError, _ place: String) -> Finding {
        switch error.code {
        case .notFound:
            .failed(
                "objects", "\(place) has nothing to store in: \(error.message)",
                action: """
                    is the bucket gone? Make it again, or restart the controller, which makes it; \
                    what was in it is lost
                    """)
        case .accessDenied:
            .failed(
                "objects", "\(place) refuses the keys: \(error.message)",
                action: """
                    outputs and logs cannot be kept; the keys must be good to store, read, list \
                    and delete in the bucket
                    """)
        default:
            .failed(
                "objects", error.message,
                action: "outputs and logs cannot be kept; check `storage` and its keys")
        }
    }
}
