import NIOCore
import Testing

@testable import RedisStore

@Suite struct CodecTests {
    private func encoded(_ command: RedisCommand) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try command.encode(into: &buffer)
        return Array(buffer.readableBytesView)
    }

    @Test func `a command is spelled as the protocol wants it`() throws {
        let command = RedisCommand("SET", "k", .bytes([0, 13, 10, 255]), "PX", 250)
        let expected: [UInt8] =
            Array("*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n".utf8) + [0, 13, 10, 255]
            + Array("\r\n$2\r\nPX\r\n$3\r\n250\r\n".utf8)
        #expect(try encoded(command) == expected)
    }

    @Test func `empty arguments keep their place`() throws {
        #expect(
            try encoded(RedisCommand(words: ["ECHO", ""]))
                == Array("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n".utf8))
        #expect(try encoded(RedisCommand(words: [""])) == Array("*1\r\n$0\r\n\r\n".utf8))
    }

    @Test func `a command without words or with too many is refused`() async throws {
        var buffer = ByteBuffer()
        #expect(throws: RedisStoreError.self) {
            try RedisCommand(words: []).encode(into: &buffer)
        }
        let many = [RedisArgument](repeating: "x", count: RedisLimits.commandArguments)
        #expect(throws: RedisStoreError.self) {
            try RedisCommand("DEL", many).encode(into: &buffer)
        }
        #expect(buffer.readableBytes == 0)
    }

    @Test func `numbers and fractions are sent so that they read back the same`() {
        let command = RedisCommand(
            "ZADD", "k", .double(1.0e16 / 3), .double(-0.5), .integer(.min), .unsigned(.max))
        let words = command.arguments.map { String(decoding: $0, as: UTF8.self) }
        #expect(Double(words[2]) == 1.0e16 / 3)
        #expect(Double(words[3]) == -0.5)
        #expect(words[4] == "-9223372036854775808")
        #expect(words[5] == "18446744073709551615")
    }

    @Test func `lists of words can be cut and joined`() {
        var first = ArgumentList()
        for word in ["a", "", "ccc", "dd"] { first.append(.text(word)) }
        var second = ArgumentList()
        second.append("zz")
        second.append(1..<4, of: first)
        #expect(
            (0..<4).map { String(decoding: second[$0], as: UTF8.self) } == ["zz", "", "ccc", "dd"])
        #expect(second.byteCount == 7)
        #expect(second.byteCount(of: 1..<3) == 3)
    }

    @Test func `every kind of reply is read`() throws {
        var decoder = RedisReplyDecoder()
        let text =
            "+OK\r\n-ERR no\r\n:-42\r\n$3\r\na\r\n\r\n$-1\r\n$0\r\n\r\n*-1\r\n*0\r\n"
            + "*3\r\n:1\r\n*1\r\n+x\r\n$-1\r\n"
        #expect(
            try decoder.decode(Array(text.utf8)) == [
                .status("OK"), .error("ERR no"), .integer(-42), .string([97, 13, 10]), .null,
                .string([]), .null, .array([]),
                .array([.integer(1), .array([.status("x")]), .null]),
            ])
    }

    @Test func `values are read as what they hold`() {
        #expect(RedisValue.string(Array("17".utf8)).integer == 17)
        #expect(RedisValue.string([0xFF]).text == "\u{FFFD}")
        #expect(RedisValue.null.text == nil)
        #expect(RedisValue.error("ERR x").errorMessage == "ERR x")
        #expect(RedisValue.error("ERR x").text == nil)
    }

    @Test(arguments: [
        "*2147483647\r\n", "*1001\r\n", "*600\r\n*600\r\n", "*99999999999999\r\n", "*-2\r\n",
        "$-2\r\n", "$9223372036854775807\r\n", "$99999999999999999999\r\n", "$100001\r\nabc",
        "$" + String(repeating: "0", count: 40), ":12a\r\n", "x\r\n", "\r\n",
        String(repeating: "*1\r\n", count: 20) + ":1\r\n",
        "$90000\r\n" + String(repeating: "b", count: 10), "*3\r\n$80000\r\n",
    ])
    func `hostile bytes are an error, and stay one`(text: String) {
        var limits = RedisLimits()
        limits.replyElements = 1_000
        limits.stringBytes = 64 << 10
        var decoder = RedisReplyDecoder(limits: limits)
        for bytes in [Array(text.utf8), Array("+OK\r\n".utf8)] {
            do {
                let values = try decoder.decode(bytes)
                Issue.record("was read as \(values)")
            } catch {
                #expect(error.code == .protocolViolation)
            }
        }
    }

    @Test func `a line without an end is refused`() {
        var decoder = RedisReplyDecoder()
        #expect(throws: RedisStoreError.self) {
            try decoder.decode(Array("+".utf8) + [UInt8](repeating: 97, count: 70_000))
        }
    }

    @Test func `a reply may not be larger than the limit, however it is cut`() throws {
        var limits = RedisLimits()
        limits.replyBytes = 100_000
        var decoder = RedisReplyDecoder(limits: limits)
        // Many small replies together are fine.
        let small = Array(String(repeating: ":1\r\n", count: 50_000).utf8)
        #expect(try decoder.decode(small).count == 50_000)
        let item = Array(("$1000\r\n" + String(repeating: "c", count: 1_000) + "\r\n").utf8)
        _ = try decoder.decode(Array("*1000\r\n".utf8))
        var failed = false
        for _ in 0..<110 where !failed {
            do { _ = try decoder.decode(item) } catch { failed = true }
        }
        #expect(failed)
    }

    @Test func `a million elements and a large string pass`() throws {
        var decoder = RedisReplyDecoder()
        let count = 200_000
        let array = "*\(count)\r\n" + String(repeating: "$1\r\nx\r\n", count: count)
        #expect(try decoder.decode(Array(array.utf8)).first?.array?.count == count)
        let size = 4 << 20
        let string =
            Array("$\(size)\r\n".utf8) + [UInt8](repeating: 7, count: size) + Array("\r\n".utf8)
        #expect(try decoder.decode(string).first?.bytes?.count == size)
    }
}
