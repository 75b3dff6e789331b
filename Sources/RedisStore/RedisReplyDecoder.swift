import CHiredis
package import NIOCore

/// Turns the bytes of a Redis server into values, with bounds on everything.
///
/// Owns a hiredis reader. After an error it stays broken: the stream cannot be brought back in
/// step.
@safe package struct RedisReplyDecoder: ~Copyable {
    private let reader: UnsafeMutablePointer<jessica_reader>?
    private let limits: RedisLimits
    /// Bytes of the reply being read that have arrived so far.
    private var replyBytes = 0
    private var failure: RedisStoreError?

    /// What the reader is given at once; small, because it moves its rest after each reply.
    private static let sliceBytes = 16 << 10

    /// Creates a decoder with limits.
    package init(limits: RedisLimits = RedisLimits()) {
        self.limits = limits
        unsafe self.reader = jessica_reader_create(max(0, limits.replyElements))
    }

    deinit {
        unsafe jessica_reader_free(reader)
    }

    /// Takes the next bytes of the stream and returns the replies they complete.
    ///
    /// Throws `protocolViolation` for bytes that are no replies and for replies above the limits,
    /// now and at every later call.
    package mutating func decode(_ bytes: [UInt8]) throws(RedisStoreError) -> [RedisValue] {
        var replies: [RedisValue] = []
        unsafe bytes.withUnsafeBytes { unsafe decode($0, into: &replies) }
        if let failure { throw failure }
        return replies
    }

    /// Takes the next bytes of the stream and returns the replies they complete.
    package mutating func decode(_ buffer: ByteBuffer) throws(RedisStoreError) -> [RedisValue] {
        var replies: [RedisValue] = []
        unsafe buffer.withUnsafeReadableBytes { unsafe decode($0, into: &replies) }
        if let failure { throw failure }
        return replies
    }

    private mutating func decode(_ bytes: UnsafeRawBufferPointer, into replies: inout [RedisValue])
    {
        var offset = 0
        while failure == nil, offset < bytes.count {
            let size = min(Self.sliceBytes, bytes.count - offset)
            unsafe feed(
                UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]), into: &replies)
            offset += size
        }
    }

    /// Gives the reader one slice and takes out every reply it completes.
    private mutating func feed(_ slice: UnsafeRawBufferPointer, into replies: inout [RedisValue]) {
        guard let reader = unsafe reader, let base = slice.baseAddress,
            unsafe jessica_reader_feed(reader, base, slice.count) == REDIS_OK
        else { return fail("no memory to read replies") }
        replyBytes += slice.count
        while true {
            var reply: UnsafeMutablePointer<redisReply>?
            guard unsafe jessica_reader_next(reader, &reply) == REDIS_OK else {
                let refused = unsafe reader.pointee.refused != 0
                return fail(
                    refused
                        ? "a reply has more than \(limits.replyElements) elements"
                        : unsafe String(cString: jessica_reader_error(reader)))
            }
            guard let whole = unsafe reply else { break }
            defer { unsafe freeReplyObject(whole) }
            unsafe replies.append(Self.value(of: whole))
            unsafe replyBytes = Int(clamping: jessica_reader_unread(reader))
        }
        unsafe checkPending(reader)
    }

    private mutating func checkPending(_ reader: UnsafeMutablePointer<jessica_reader>) {
        let pending = unsafe jessica_reader_pending(
            reader, max(0, limits.lineBytes), max(0, limits.stringBytes))
        if pending == CInt(JESSICA_PENDING_LINE_TOO_LONG.rawValue) {
            fail("a reply has a line of more than \(limits.lineBytes) bytes")
        } else if pending == CInt(JESSICA_PENDING_BULK_TOO_LONG.rawValue) {
            fail("a reply has a string of more than \(limits.stringBytes) bytes")
        } else if replyBytes > limits.replyBytes {
            fail("a reply has more than \(limits.replyBytes) bytes")
        }
    }

    private mutating func fail(_ message: String) {
        failure = RedisStoreError(.protocolViolation, "unreadable answer from Redis: \(message)")
    }

    /// Copies a reply out of C; the depth is bounded by the reader (``RedisLimits/depth``).
    private static func value(of reply: UnsafeMutablePointer<redisReply>) -> RedisValue {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_STRING: return unsafe .string(bytes(of: reply))
        case REDIS_REPLY_STATUS:
            return unsafe .status(String(decoding: bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_ERROR:
            return unsafe .error(String(decoding: bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_INTEGER: return unsafe .integer(reply.pointee.integer)
        case REDIS_REPLY_ARRAY:
            let elements = unsafe UnsafeBufferPointer(
                start: reply.pointee.element, count: Int(clamping: reply.pointee.elements))
            var values: [RedisValue] = []
            values.reserveCapacity(elements.count)
            for index in elements.indices {
                guard let element = unsafe elements[index] else { continue }
                unsafe values.append(value(of: element))
            }
            return .array(values)
        default: return .null
        }
    }

    private static func bytes(of reply: UnsafeMutablePointer<redisReply>) -> [UInt8] {
        guard let start = unsafe reply.pointee.str else { return [] }
        return unsafe Array(
            UnsafeRawBufferPointer(start: start, count: Int(clamping: reply.pointee.len)))
    }
}
