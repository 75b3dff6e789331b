import NIOCore
import Testing

@testable import RedisStore

/// Replies made, cut and broken at random, from fixed seeds.
@Suite struct CodecFuzzTests {
    private static func randomValue(_ random: inout Seeded, depth: Int = 0) -> RedisValue {
        switch Int.random(in: 0..<(depth < 6 ? 7 : 5), using: &random) {
        case 0: .integer(Int64(truncatingIfNeeded: random.next()))
        case 1: .null
        case 2: .status("s\(UInt8.random(in: 0...255, using: &random))")
        case 3: .error("ERR \(UInt16.random(in: 0...9_999, using: &random))")
        case 4:
            .string(
                (0..<Int.random(in: 0...20, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                })
        default:
            .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    randomValue(&random, depth: depth + 1)
                })
        }
    }

    private static func encode(_ value: RedisValue) -> [UInt8] {
        switch value {
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .null: Array("$-1\r\n".utf8)
        case .status(let text): Array("+\(text)\r\n".utf8)
        case .error(let text): Array("-\(text)\r\n".utf8)
        case .string(let bytes): Array("$\(bytes.count)\r\n".utf8) + bytes + [13, 10]
        case .array(let values): Array("*\(values.count)\r\n".utf8) + values.flatMap(encode)
        }
    }

    /// What decoding in random pieces gives: the values up to the first error, and whether there
    /// was one.
    private static func decode(
        _ bytes: [UInt8], pieces: ClosedRange<Int>, _ random: inout Seeded
    ) -> (values: [RedisValue], failed: Bool) {
        var limits = RedisLimits()
        limits.replyElements = 10_000
        var decoder = RedisReplyDecoder(limits: limits)
        var values: [RedisValue] = []
        var offset = 0
        while offset < bytes.count {
            let end = min(bytes.count, offset + Int.random(in: pieces, using: &random))
            do {
                values += try decoder.decode(Array(bytes[offset..<end]))
            } catch {
                return (values, true)
            }
            offset = end
        }
        return (values, false)
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `where the bytes are cut does not matter`(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<1_500 {
            let values = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                Self.randomValue(&random)
            }
            let bytes = values.flatMap(Self.encode)
            for pieces in [1...1, 1...7, 1...bytes.count, bytes.count...bytes.count] {
                let result = Self.decode(bytes, pieces: pieces, &random)
                #expect(!result.failed)
                #expect(result.values == values)
            }
        }
    }

    @Test(arguments: 100..<104 as Range<UInt64>)
    func `broken replies never trap and fail alike however they are cut`(seed: UInt64) {
        var random = Seeded(seed)
        let alphabet = Array("+-:$*0123456789\r\n\r\nabx".utf8)
        var errors = 0
        for round in 0..<60_000 {
            var bytes: [UInt8]
            if round % 3 == 0 {
                bytes = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                    alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                }
            } else {
                bytes = Self.encode(Self.randomValue(&random))
                for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: index)
                    case 2:
                        bytes.insert(
                            alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: index)
                    default:
                        bytes[index] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                    }
                }
            }
            guard !bytes.isEmpty else { continue }
            let whole = Self.decode(bytes, pieces: bytes.count...bytes.count, &random)
            let cut = Self.decode(bytes, pieces: 1...5, &random)
            #expect(whole.failed == cut.failed)
            if !whole.failed { #expect(whole.values == cut.values) }
            if whole.failed { errors += 1 }
        }
        // The inputs reach both sides.
        #expect(errors > 1_000)
        #expect(errors < 59_000)
    }
}
