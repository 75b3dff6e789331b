import NIOCore
import ObjectStore

/// An object store that is whole but for what is said here.
struct BrokenObjects: ObjectStore {
    /// What can be asked of it.
    enum Call {
        case put, get, delete
    }

    let store: any ObjectStore
    /// The call that fails, and how.
    var failing: (call: Call, error: ObjectStoreError)?
    /// What is stored in place of what is given.
    var keeps: ByteBuffer?

    var putBytesMax: UInt64 { store.putBytesMax }

    private func fail(_ call: Call) throws(ObjectStoreError) {
        if let failing, failing.call == call { throw failing.error }
    }

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
        try fail(.put)
        try await store.put(key, keeps.map(ObjectBody.bytes) ?? body, contentType: contentType)
    }

    func get(_ key: ObjectKey, range: ByteRange?) async throws(ObjectStoreError) -> StoredObject {
        try fail(.get)
        return try await store.get(key, range: range)
    }

    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        try await store.head(key)
    }

    func delete(_ key: ObjectKey) async throws(ObjectStoreError) {
        try fail(.delete)
        try await store.delete(key)
    }

    func list(
        prefix: String, next: String?, limit: Int
    ) async throws(ObjectStoreError) -> ObjectPage {
        try await store.list(prefix: prefix, next: next, limit: limit)
    }
}
