package import NIOCore

/// A place for outputs, uploads, logs and backups: an S3 bucket, or a folder of the controller.
package protocol ObjectStore: Sendable {
    /// The most bytes that one upload may have.
    var putBytesMax: UInt64 { get }

    /// Makes the bucket or the folder, if it is not there yet.
    func prepare() async throws(ObjectStoreError)

    /// A URL by which someone without keys may store one object, for 1 s to 7 days.
    ///
    /// `maxBytes` is enforced by the folder store; S3 cannot bound a presigned upload, so look at
    /// ``head(_:)`` after.
    func presignPut(
        _ key: ObjectKey, contentType: String, maxBytes: Int, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest

    /// A URL by which someone without keys may read one object, for 1 s to 7 days.
    func presignGet(
        _ key: ObjectKey, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest

    /// Stores an object whole or not at all, replacing what was there.
    func put(
        _ key: ObjectKey, _ body: ObjectBody, contentType: String
    ) async throws(ObjectStoreError)

    /// Reads an object or a part of it. A range that starts past the end is `invalidRequest`.
    func get(_ key: ObjectKey, range: ByteRange?) async throws(ObjectStoreError) -> StoredObject

    /// What is known of an object; throws `notFound` when there is none.
    func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo

    /// Removes an object; none there is fine.
    func delete(_ key: ObjectKey) async throws(ObjectStoreError)

    /// A page of objects in the order of their keys. `limit` is 1 to 1000; `next` comes from the
    /// page before.
    func list(
        prefix: String, next: String?, limit: Int
    ) async throws(ObjectStoreError) -> ObjectPage
}

/// A request that someone else may make.
package struct PresignedRequest: Sendable, Equatable {
    /// `GET` or `PUT`.
    package let method: String
    /// Secret until it expires.
    package let url: String
    /// Headers that must be sent exactly so.
    package let headers: [(name: String, value: String)]

    package static func == (left: PresignedRequest, right: PresignedRequest) -> Bool {
        left.method == right.method && left.url == right.url
            && left.headers.elementsEqual(right.headers, by: ==)
    }
}

/// What to store.
package enum ObjectBody: Sendable {
    case bytes(ByteBuffer)
    /// Exactly `length` bytes; anything else is `lengthMismatch`.
    case stream(any AsyncSequence<ByteBuffer, any Error> & Sendable, length: Int)

    package var length: Int {
        switch self {
        case .bytes(let bytes): bytes.readableBytes
        case .stream(_, let length): length
        }
    }
}

/// What is known of an object without reading it.
package struct ObjectInfo: Sendable, Equatable {
    package let key: ObjectKey
    /// Bytes.
    package let size: Int
    package let contentType: String
    /// Changes when the object does; opaque.
    package let etag: String
    /// When it was last written, in seconds since 1970; nil where the store does not say.
    ///
    /// Listings say it.
    package let modified: Int?
}

/// One page of a listing.
package struct ObjectPage: Sendable, Equatable {
    package let objects: [ObjectInfo]
    /// Give it to the next call; nil on the last page.
    package let next: String?
}

/// A part of an object.
package enum ByteRange: Sendable, Equatable {
    /// From the first byte, inclusive, to `last`, inclusive, or to the end.
    case from(Int, through: Int?)
    /// The last so many bytes.
    case suffix(Int)

    /// The bytes it means in an object of that size; nil when it means none.
    package func resolved(size: Int) -> Range<Int>? {
        switch self {
        case .from(let first, let last):
            guard first >= 0, first < size else { return nil }
            guard let last else { return first..<size }
            guard last >= first else { return nil }
            return first..<(last >= size ? size : last + 1)
        case .suffix(let count):
            guard count > 0, size > 0 else { return nil }
            return (count >= size ? 0 : size - count)..<size
        }
    }
}

/// An object being read.
package struct StoredObject: Sendable {
    /// Of the whole object.
    package let info: ObjectInfo
    /// The bytes that ``body`` carries.
    package let range: Range<Int>
    package let body: ObjectStream
}

/// Settings that both stores share.
enum ObjectLimits {
    static let expirySeconds = 1...(7 * 24 * 3600)
    static let listLimit = 1...1000

    static func check(expiresSeconds: Int) throws(ObjectStoreError) {
        guard expirySeconds.contains(expiresSeconds) else {
            throw ObjectStoreError(.invalidRequest, "A signed URL lives 1 second to 7 days.")
        }
    }

    static func check(limit: Int) throws(ObjectStoreError) {
        guard listLimit.contains(limit) else {
            throw ObjectStoreError(.invalidRequest, "A page has 1 to 1000 objects.")
        }
    }

    /// A media type that can stand in a header: printable ASCII, at most 128 bytes.
    static func check(contentType: String) throws(ObjectStoreError) {
        let fine = contentType.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
        guard fine, (1...128).contains(contentType.utf8.count), contentType.contains("/") else {
            throw ObjectStoreError(.invalidRequest, "That is not a content type.")
        }
    }
}
