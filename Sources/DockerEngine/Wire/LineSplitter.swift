import NIOCore

/// Splits a byte stream into lines, however the stream is cut into chunks.
///
/// Empty lines are dropped. A line longer than the limit is an error, so memory stays bounded.
struct LineSplitter: Sendable {
    /// The longest line in bytes, without its newline.
    let lineBytesMax: Int
    private var pending = ByteBuffer()
    /// Bytes of `pending` already known to hold no newline.
    private var scanned = 0

    init(lineBytesMax: Int = 64 * 1024) {
        self.lineBytesMax = lineBytesMax
    }

    mutating func append(_ chunk: ByteBuffer) {
        guard pending.readableBytes > 0 else {
            pending = chunk
            scanned = 0
            return
        }
        pending.discardReadBytes()
        pending.writeImmutableBuffer(chunk)
    }

    /// The next complete line, or nil when more bytes are needed.
    mutating func next() throws(DockerError) -> ByteBuffer? {
        while true {
            let unseen = pending.readableBytesView.dropFirst(scanned)
            guard let newline = unseen.firstIndex(of: UInt8(ascii: "\n")) else {
                scanned = pending.readableBytes
                guard scanned <= lineBytesMax else { throw tooLong() }
                return nil
            }
            let length = newline - pending.readerIndex
            guard length <= lineBytesMax else { throw tooLong() }
            let line = pending.readSlice(length: length)
            pending.moveReaderIndex(forwardBy: 1)
            scanned = 0
            if let line, let trimmed = Self.trimmingReturn(line) { return trimmed }
        }
    }

    /// The last line of a stream that ended without a newline, if any.
    mutating func finish() -> ByteBuffer? {
        defer {
            pending = ByteBuffer()
            scanned = 0
        }
        return Self.trimmingReturn(pending)
    }

    private func tooLong() -> DockerError {
        DockerError(.malformedAnswer, "a line of the stream is longer than \(lineBytesMax) bytes")
    }

    /// The line without a trailing carriage return; nil when nothing is left.
    private static func trimmingReturn(_ line: ByteBuffer) -> ByteBuffer? {
        var line = line
        if line.readableBytesView.last == UInt8(ascii: "\r") {
            line.moveWriterIndex(to: line.writerIndex - 1)
        }
        return line.readableBytes > 0 ? line : nil
    }
}
