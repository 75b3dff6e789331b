import NIOCore
import Synchronization

/// A batch with its place in the order of commits: it can be repeated until its outcome is known.
///
/// Redis remembers the last place it has seen in this term. A repeat of that batch is recognised
/// and skipped; a batch from before it is refused as `superseded`.
package struct SealedBatch: Hashable, Sendable {
    /// The term it is committed in.
    package let term: UInt64
    /// Its place among the batches of this process; later ones are larger.
    package let number: UInt64
    let batch: FencedBatch
    let chunks: [Range<Int>]

    /// Commands sent to one run of the script.
    static let commandsPerChunk = 2_000
    /// Bytes sent to one run of the script, unless a single command is larger.
    static let bytesPerChunk = 1 << 20
    /// Words sent to one run of the script; Redis takes a million.
    static let wordsPerChunk = 200_000

    /// One order for the whole process: a store made later for the same term still goes on from
    /// here.
    private static let numbers = Atomic<UInt64>(0)

    init(_ batch: FencedBatch, term: UInt64) throws(RedisStoreError) {
        guard batch.byteCount <= FencedBatch.bytesPerBatch else {
            throw RedisStoreError(
                .invalidArgument,
                "a batch of \(batch.byteCount) bytes is above \(FencedBatch.bytesPerBatch)")
        }
        self.term = term
        self.batch = batch
        self.chunks = try Self.chunks(of: batch)
        self.number = Self.numbers.add(1, ordering: .relaxed).newValue
    }

    private static func chunks(of batch: FencedBatch) throws(RedisStoreError) -> [Range<Int>] {
        var chunks: [Range<Int>] = []
        var first = 0
        var bytes = 0
        var words = 0
        for index in 0..<batch.count {
            let range = batch.range(index)
            let size = batch.words.byteCount(of: range)
            guard !range.isEmpty, range.count <= FencedBatch.wordsPerCommand,
                size <= FencedBatch.bytesPerCommand
            else {
                throw RedisStoreError(
                    .invalidArgument,
                    "command \(index) of a batch has \(range.count) words and \(size) bytes; "
                        + "at most \(FencedBatch.wordsPerCommand) and "
                        + "\(FencedBatch.bytesPerCommand) are allowed"
                )
            }
            let full =
                index - first >= commandsPerChunk || bytes + size > bytesPerChunk
                || words + range.count > wordsPerChunk
            if full, index > first {
                chunks.append(first..<index)
                (first, bytes, words) = (index, 0, 0)
            }
            bytes += size
            words += range.count
        }
        // The last chunk; the only one, and without commands, for an empty batch.
        chunks.append(first..<batch.count)
        return chunks
    }

    /// Whether its chunks run as one transaction: what is in one batch must be seen whole or not at all, also
    /// by a controller that starts after a crash in the midst of it.
    var isTransaction: Bool { chunks.count > 1 }

    /// How long it may take; nil for as long as any command.
    ///
    /// A large one that was given up too early would be repeated without end.
    var patience: Duration? {
        let megabytes = batch.byteCount >> 20
        return megabytes < 8 ? nil : .seconds(5 + megabytes / 2)
    }

    /// How many replies it gets.
    var replyCount: Int { isTransaction ? chunks.count + 2 : chunks.count }

    /// The replies to its chunks, of the replies to all that was sent.
    func answers(_ replies: [RedisValue]) -> [RedisValue] {
        guard isTransaction else { return replies }
        if let done = replies.last?.array, done.count == chunks.count { return done }
        // Refused while it was taken down, so nothing of it has run.
        let refused = replies.dropFirst().dropLast().filter { $0.errorMessage != nil }
        return refused.isEmpty ? Array(replies.suffix(1)) : Array(refused)
    }

    /// All chunks as calls of the script, in one buffer.
    func encode(script: String, meta: String, into buffer: inout ByteBuffer) throws(RedisStoreError)
    {
        if isTransaction { try RedisCommand("MULTI").encode(into: &buffer) }
        for (index, chunk) in chunks.enumerated() {
            var list = ArgumentList()
            list.append("EVALSHA")
            list.append(.text(script))
            list.append(1)
            list.append(.text(meta))
            list.append(.unsigned(term))
            list.append(.unsigned(number))
            list.append(.integer(Int64(index)))
            for command in chunk {
                let range = batch.range(command)
                list.append(.integer(Int64(range.count)))
                list.append(range, of: batch.words)
            }
            try RedisCommand(list: list).encode(into: &buffer)
        }
        if isTransaction { try RedisCommand("EXEC").encode(into: &buffer) }
    }
}
