import Testing

@testable import RedisStore

@Suite struct SealedBatchTests {
    @Test func `chunks keep their bounds and lose no command`() throws {
        var batch = FencedBatch()
        for index in 0..<7_000 {
            batch.set(
                "k\(index)", .bytes([UInt8](repeating: 1, count: index % 50 == 0 ? 40_000 : 10)))
        }
        let sealed = try SealedBatch(batch, term: 1)
        #expect(sealed.chunks.first?.lowerBound == 0)
        #expect(sealed.chunks.last?.upperBound == 7_000)
        for (one, next) in zip(sealed.chunks, sealed.chunks.dropFirst()) {
            #expect(one.upperBound == next.lowerBound)
        }
        for chunk in sealed.chunks {
            #expect(chunk.count <= SealedBatch.commandsPerChunk)
            let bytes = chunk.reduce(0) { $0 + batch.words.byteCount(of: batch.range($1)) }
            #expect(bytes <= SealedBatch.bytesPerChunk)
        }
    }

    @Test func `what is above the limits is not sent`() throws {
        var wide = FencedBatch()
        wide.append(RedisCommand("DEL", [RedisArgument](repeating: "k", count: 4_000)))
        #expect(throws: RedisStoreError.self) { try SealedBatch(wide, term: 1) }
        var large = FencedBatch()
        large.set("k", .bytes([UInt8](repeating: 0, count: FencedBatch.bytesPerCommand)))
        #expect(throws: RedisStoreError.self) { try SealedBatch(large, term: 1) }
        var empty = FencedBatch()
        empty.append(RedisCommand(words: []))
        #expect(throws: RedisStoreError.self) { try SealedBatch(empty, term: 1) }
    }

    @Test func `expiries are whole milliseconds within bounds`() {
        #expect(Duration.microseconds(1).wholeMilliseconds == 1)
        #expect(Duration.seconds(-5).wholeMilliseconds == 1)
        #expect(Duration.milliseconds(2_500).wholeMilliseconds == 2_500)
        #expect(Duration.seconds(Int64.max).wholeMilliseconds == 3_153_600_000_000)
    }
}
