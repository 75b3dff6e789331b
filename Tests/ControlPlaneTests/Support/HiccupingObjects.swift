import ObjectStore
import Synchronization

/// An object store that does not answer the first reads, so many of them.
final class HiccupingObjects: ObjectStore {
    private let store: any ObjectStore
    private let hiccups: Mutex<Int>
    private let error: ObjectStoreError

    init(
        _ store: any ObjectStore, hiccups: Int,
        error: ObjectStoreError = ObjectStoreError(.unavailable, "It hiccups.")
    ) {
        self.store = store
        self.error = error
        self.hiccups = Mutex(hiccups)
    }

    var putBytesMax: UInt64 { store.putBytesMax }

    func prepare() async throws(ObjectStoreError) { try await store.prepare() }

    func presignPut(
        _ key: ObjectKey, contentType: String, maxBytes: Int, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest {
        try await store.presignPut(
            key, contentType: contentType, maxBytes: maxBytes, expiresSeconds: expiresSeconds)
    }

    func presignGet(
        _ key: ObjectKey, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest {
        try await store.presignGet(key, expiresSeconds: expiresSeconds)
    }

    func put(
        _ key: ObjectKey, _ body: ObjectBody, contentType: String
    ) async throws(ObjectStoreError) {
        try await store.put(key, body, contentType: contentType)
    }

    func get(_ key: ObjectKey, range: ByteRange?) async throws(ObjectStoreError) -> StoredObject {
        let isHiccup = hiccups.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
        guard !isHiccup else { throw error }
        return try await store.get(key, range: range)
    }

    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await store.head(key)
    }

    func delete(_ key: ObjectKey) async throws(ObjectStoreError) { try await store.delete(key) }

    func list(
        prefix: String, next: String?, limit: Int
    ) async throws(ObjectStoreError) -> ObjectPage {
        try await store.list(prefix: prefix, next: next, limit: limit)
    }
}
