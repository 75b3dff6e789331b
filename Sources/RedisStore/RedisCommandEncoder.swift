import CHiredis
package import NIOCore

extension RedisCommand {
    /// Appends the command to a buffer as the protocol spells it.
    ///
    /// Throws `invalidArgument` for a command without words or above ``RedisLimits/commandBytes``
    /// and ``RedisLimits/commandArguments``.
    package func encode(into buffer: inout ByteBuffer) throws(RedisStoreError) {
        guard words.count > 0 else {
            throw RedisStoreError(.invalidArgument, "a Redis command needs a name")
        }
        guard words.count <= RedisLimits.commandArguments,
            words.byteCount <= RedisLimits.commandBytes
        else {
            throw RedisStoreError(
                .invalidArgument,
                "a Redis command of \(words.count) words and \(words.byteCount) bytes "
                    + "is above the limit"
            )
        }
        guard words.format(into: &buffer) else {
            throw RedisStoreError(.invalidArgument, "a Redis command could not be formatted")
        }
    }
}

extension ArgumentList {
    /// Formats the whole list as one command; false when hiredis refuses.
    fileprivate func format(into buffer: inout ByteBuffer) -> Bool {
        let lengths = (0..<count).map { ends[$0] - start(of: $0) }
        return unsafe storage.withUnsafeBytes { bytes in
            // An empty array may have no address; hiredis wants one even for zero bytes.
            let empty: StaticString = ""
            let base =
                unsafe bytes.baseAddress ?? UnsafeRawPointer(empty.utf8Start)
            var words: [UnsafePointer<CChar>?] = unsafe (0..<count).map { index in
                unsafe (base + start(of: index)).assumingMemoryBound(to: CChar.self)
            }
            return unsafe lengths.withUnsafeBufferPointer { lengths in
                var target: UnsafeMutablePointer<CChar>?
                let size = unsafe redisFormatCommandArgv(
                    &target, CInt(count), &words, lengths.baseAddress)
                guard size > 0, let target = unsafe target else { return false }
                unsafe buffer.writeBytes(UnsafeRawBufferPointer(start: target, count: Int(size)))
                unsafe redisFreeCommand(target)
                return true
            }
        }
    }
}
