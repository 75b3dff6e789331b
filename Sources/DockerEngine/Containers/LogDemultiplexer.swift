package import NIOCore

/// A piece of a container's output.
package struct LogChunk: Sendable, Hashable {
    /// Which output it was written to.
    package enum Stream: Sendable, Hashable {
        case stdout, stderr
    }

    /// Which output; a terminal's counts as stdout.
    package var stream: Stream
    /// The bytes: one message as the daemon logged it, or any piece of a terminal's output.
    package var bytes: ByteBuffer
    /// When it was written, in nanoseconds since 1970; nil for a terminal's.
    package var time: Int64?
    /// Whether the daemon has deleted some of the log before it that was not read yet.
    package var followsLoss = false

    /// Creates a piece.
    package init(stream: Stream, bytes: ByteBuffer, time: Int64? = nil) {
        self.stream = stream
        self.bytes = bytes
        self.time = time
    }
}

/// Takes apart the daemon's mix of stdout and stderr, however it is cut into chunks.
///
/// Each frame is `{stream, 0, 0, 0, size as UInt32 big endian}` and the payload.
struct LogDemultiplexer: Sendable {
    /// The largest payload; the daemon itself splits messages at 16 KiB.
    static let frameBytesMax = 1024 * 1024
    private static let headerBytes = 8

    private var pending = ByteBuffer()

    mutating func append(_ chunk: ByteBuffer) {
        guard pending.readableBytes > 0 else {
            pending = chunk
            return
        }
        pending.discardReadBytes()
        pending.writeImmutableBuffer(chunk)
    }

    /// The next whole frame, or nil when more bytes are needed.
    mutating func next() throws(DockerError) -> LogChunk? {
        while true {
            guard let head = pending.getInteger(at: pending.readerIndex, as: UInt32.self),
                let size = pending.getInteger(at: pending.readerIndex + 4, as: UInt32.self)
            else { return nil }
            guard head & 0x00ff_ffff == 0, size <= UInt32(Self.frameBytesMax) else {
                throw DockerError(.malformedAnswer, "the daemon's log stream is out of step")
            }
            let length = Int(size)
            guard pending.readableBytes >= Self.headerBytes + length else { return nil }
            pending.moveReaderIndex(forwardBy: Self.headerBytes)
            guard let payload = pending.readSlice(length: length) else { return nil }
            switch head >> 24 {
            case 0, 1: if length > 0 { return LogChunk(stream: .stdout, bytes: payload) }
            case 2: if length > 0 { return LogChunk(stream: .stderr, bytes: payload) }
            case 3: throw DockerError(.other, "the daemon's log: \(String(buffer: payload))")
            default:
                throw DockerError(.malformedAnswer, "the daemon's log has an unknown stream")
            }
        }
    }

    /// Checks that the stream ended between two frames.
    func finish() throws(DockerError) {
        guard pending.readableBytes == 0 else {
            throw DockerError(.unavailable, "the daemon's log ended in the middle of a message")
        }
    }
}
