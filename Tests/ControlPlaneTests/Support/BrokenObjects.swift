import NIOCore
import Synchronization

@testable import ObjectStore

/// An object store that is whole but for what is said here.
final class BrokenObjects: ObjectStore {
    /// What can be asked of it.
    enum Call {
        case put, get, delete
    }

    private let store: any ObjectStore
    private let failing: (call: Call, error: ObjectStoreError)?
    /// How often that call fails yet.
    private let times: Mutex<Int>
    private let keeps: ByteBuffer?
    private let tellsTimes: Bool

    /// `failing` is the call that fails, the first `times`, and how; `keeps` is stored in place of what is
    /// given; `tellsTimes` is whether a listing says when its objects were written.
    init(
        _ store: any ObjectStore, failing: (call: Call, error: ObjectStoreError)? = nil,
        times: Int = .max, keeps: ByteBuffer? = nil, tellsTimes: Bool = true
    ) {
        self.store = store
        self.failing = failing
        self.times = Mutex(times)
        self.keeps = keeps
        self.tellsTimes = tellsTimes
    }

    /// One that does not answer the first reads.
    static func hiccuping(_ store: any ObjectStore, times: Int) -> BrokenObjects {
        BrokenObjects(
            store, failing: (.get, ObjectStoreError(.unavailable, "It hiccups.")), times: times)
    }

    var putBytesMax: UInt64 { store.putBytesMax }

    private func fail(_ call: Call) throws(ObjectStoreError) {
        guard let failing, failing.call == call else { return }
        let fails = times.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
        if fails { throw failing.error }
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
        let page = try await store.list(prefix: prefix, next: next, limit: limit)
        if tellsTimes { return page }
        return ObjectPage(
            objects: page.objects.map {
                ObjectInfo(
                    key: $0.key, size: $0.size, contentType: $0.contentType, etag: $0.etag,
                    modified: nil)
            }, next: page.next)
    }
}
