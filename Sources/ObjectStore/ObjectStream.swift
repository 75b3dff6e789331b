import AsyncHTTPClient
package import NIOCore

/// The bytes of an object, in pieces of any size.
///
/// Can be read once.
package struct ObjectStream: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    package typealias Failure = any Error

    enum Source: Sendable {
        case http(HTTPClientResponse.Body)
        case file(FolderReader)
    }
    let source: Source

    package struct AsyncIterator: AsyncIteratorProtocol {
        enum Source {
            case http(HTTPClientResponse.Body.AsyncIterator)
            case file(FolderReader, offset: Int)
        }
        var source: Source

        /// The next piece; throws ``ObjectStoreError``.
        @concurrent package mutating func next() async throws -> ByteBuffer? {
            switch source {
            case .http(var iterator):
                do {
                    let piece = try await iterator.next()
                    source = .http(iterator)
                    return piece
                } catch {
                    throw S3Reply.translate(error)
                }
            case .file(let reader, let offset):
                let piece = try await reader.read(at: offset)
                if let piece { source = .file(reader, offset: offset + piece.readableBytes) }
                return piece
            }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        switch source {
        case .http(let body): AsyncIterator(source: .http(body.makeAsyncIterator()))
        case .file(let reader):
            AsyncIterator(source: .file(reader, offset: reader.range.lowerBound))
        }
    }

    /// Everything in one buffer; throws `tooLarge` past `limit` bytes.
    package func collect(limit: Int) async throws(ObjectStoreError) -> ByteBuffer {
        var whole = ByteBuffer()
        do {
            for try await piece in self {
                guard piece.readableBytes <= limit - whole.readableBytes else {
                    throw ObjectStoreError(.tooLarge, "The object is larger than \(limit) bytes.")
                }
                whole.writeImmutableBuffer(piece)
            }
        } catch {
            throw (error as? ObjectStoreError) ?? S3Reply.translate(error)
        }
        return whole
    }
}
