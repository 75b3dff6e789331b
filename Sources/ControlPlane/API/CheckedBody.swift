import Crypto
import Foundation
import Hummingbird
import NIOCore
import ObjectStore

/// A body that ends with an error when it is not what its sender has hashed, before anything is stored.
struct CheckedBody: AsyncSequence, Sendable {
    let body: RequestBody
    /// The header `Content-MD5`; nil when the sender has not told.
    let md5: String?

    func makeAsyncIterator() -> Iterator {
        Iterator(pieces: body.makeAsyncIterator(), md5: md5)
    }

    struct Iterator: AsyncIteratorProtocol {
        var pieces: RequestBody.AsyncIterator
        let md5: String?
        private var hash = Insecure.MD5()

        init(pieces: RequestBody.AsyncIterator, md5: String?) {
            self.pieces = pieces
            self.md5 = md5
        }

        mutating func next() async throws -> ByteBuffer? { try await next(isolation: nil) }

        mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws -> ByteBuffer? {
            if let piece = try await pieces.next(isolation: actor) {
                if md5 != nil { hash.update(data: piece.readableBytesView) }
                return piece
            }
            guard let md5, Data(hash.finalize()).base64EncodedString() != md5 else { return nil }
            throw ObjectStoreError(
                .lengthMismatch, "The bytes that arrived are not those of the Content-MD5.")
        }
    }
}
