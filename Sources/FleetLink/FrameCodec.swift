package import NIOCore

/// The frame on the wire: an eight-byte header, then the payload.
///
/// ```
///    0    1    2    3    4              8
///   'J'  'F'   1    0    payload length  payload …
///   magic     ver flags  UInt32, big endian
/// ```
package enum Frame {
    /// Length of the header in bytes.
    package static let headerBytes = 8
    /// What each header begins with: magic, version, flags.
    static let prefix: [UInt8] = [0x4A, 0x46, 1, 0]

    /// Appends a frame to the buffer.
    ///
    /// The payload must be within the limits of the link.
    package static func encode(_ payload: [UInt8], into buffer: inout ByteBuffer) {
        precondition(payload.count <= Int(UInt32.max), "the lanes bound every payload")
        buffer.writeBytes(prefix)
        buffer.writeInteger(UInt32(payload.count), endianness: .big)
        buffer.writeBytes(payload)
    }
}

/// Cuts a byte stream into frames.
///
/// Pure: the same bytes give the same frames however they are split.
///
/// A header is judged byte by byte as it comes, so a stranger is refused at his first wrong byte and never makes
/// more than the limit be kept. After an error the decoder only repeats that error.
package struct FrameDecoder: Sendable {
    /// Largest payload taken, in bytes; it counts for headers not judged yet.
    package var limit: Int
    private var buffer = ByteBuffer()
    private var pending: Int?
    private var failure: LinkError?

    /// Makes a decoder that takes payloads up to the limit, in bytes.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes taken in and not given out yet.
    package var bufferedBytes: Int { buffer.readableBytes }

    /// Whether a frame has begun and is not complete.
    package var isMidFrame: Bool { pending != nil || buffer.readableBytes > 0 }

    /// Takes bytes in.
    package mutating func append(_ bytes: ByteBuffer) {
        guard failure == nil else { return }
        if buffer.readableBytes == 0 {
            // Also gives back the memory of a large frame.
            buffer = bytes
            return
        }
        if buffer.readerIndex > 64 << 10 { buffer.discardReadBytes() }
        buffer.writeImmutableBuffer(bytes)
    }

    /// The next complete frame's payload, or nil when more bytes are needed.
    ///
    /// Throws `badFrame` or `frameTooLarge`.
    package mutating func next() throws(LinkError) -> [UInt8]? {
        if let failure { throw failure }
        if pending == nil { pending = try readHeader() }
        guard let length = pending else { return nil }
        guard let payload = buffer.readBytes(length: length) else { return nil }
        pending = nil
        return payload
    }

    private mutating func readHeader() throws(LinkError) -> Int? {
        let start = buffer.readerIndex
        for (offset, expected) in Frame.prefix.enumerated() {
            guard let byte = buffer.getInteger(at: start + offset, as: UInt8.self) else {
                return nil
            }
            guard byte == expected else {
                let what = offset < 2 ? "magic" : offset == 2 ? "version" : "flags"
                throw fail(.badFrame, "wrong \(what) in a frame header: byte \(offset) is \(byte)")
            }
        }
        guard let length = buffer.getInteger(at: start + 4, endianness: .big, as: UInt32.self)
        else { return nil }
        guard Int(length) <= limit else {
            throw fail(.frameTooLarge, "a frame of \(length) bytes, the limit is \(limit)")
        }
        buffer.moveReaderIndex(forwardBy: Frame.headerBytes)
        return Int(length)
    }

    private mutating func fail(_ code: LinkError.Code, _ message: String) -> LinkError {
        let error = LinkError(code, message)
        failure = error
        buffer = ByteBuffer()
        return error
    }
}
