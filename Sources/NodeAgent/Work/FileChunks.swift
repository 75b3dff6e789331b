import Glibc
import NIOCore

/// A file's bytes, piece by piece: memory does not grow with the file.
struct FileChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let path: String
    /// How many bytes there are; more are not read, fewer are an error.
    let size: UInt64

    /// The bytes of a piece.
    static let pieceBytes = 256 << 10

    func makeAsyncIterator() -> Iterator { Iterator(path: path, left: size) }

    struct Iterator: AsyncIteratorProtocol {
        let path: String
        var left: UInt64
        var offset: Int64 = 0
        private var file: OpenFile?

        init(path: String, left: UInt64) {
            self.path = path
            self.left = left
        }

        mutating func next() async throws -> ByteBuffer? {
            guard left > 0 else { return nil }
            let file = try await opened()
            let (offset, count) = (offset, Int(Swift.min(left, UInt64(FileChunks.pieceBytes))))
            let piece = try await Disk.run { try file.read(at: offset, count: count) }
            guard piece.readableBytes > 0 else {
                throw AgentError(.state, "\(path) has become shorter")
            }
            left -= UInt64(piece.readableBytes)
            self.offset += Int64(piece.readableBytes)
            return piece
        }

        private mutating func opened() async throws -> OpenFile {
            if let file { return file }
            let path = path
            let opened = try await Disk.run { try OpenFile(path) }
            file = opened
            return opened
        }
    }
}

/// An open file, closed when the last user lets go of it.
private final class OpenFile: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws(AgentError) {
        let file = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw DurableFile.failure("cannot read \(path)") }
        descriptor = file
    }

    deinit { close(descriptor) }

    func read(at offset: Int64, count: Int) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        let file = descriptor
        while true {
            let got = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) {
                let read = unsafe pread(
                    file, $0.baseAddress, Swift.min(count, $0.count), Int(offset))
                return Swift.max(0, read)
            }
            if got > 0 { return buffer }
            // Nothing written: the end, an interruption or an error.
            guard errno == EINTR else { return buffer }
            errno = 0
        }
    }
}
