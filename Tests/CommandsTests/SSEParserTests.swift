import Testing

@testable import Commands

@Suite struct SSEParserTests {
    private static let stream =
        "\u{FEFF}: ping\r\n\r\nid: 7\nevent: job.state\ndata: {\"a\":1}\ndata:  b\n\n"
        + "retry: 2500\r\rid:8\rdata\r\rdata: ünïcode ✓\r\n\r\nevent: x\n\nid: a\u{0}b\ndata:c\n\n"
        + "data: never ended"

    private static let expected = [
        ServerSentEvent(id: "7", type: "job.state", data: "{\"a\":1}\n b"),
        ServerSentEvent(id: "8", type: "message", data: ""),
        ServerSentEvent(id: "8", type: "message", data: "ünïcode ✓"),
        ServerSentEvent(id: "8", type: "message", data: "c"),
    ]

    @Test func readsAWholeStream() throws {
        var parser = SSEParser()
        #expect(try parser.feed(Self.stream.utf8) == Self.expected)
        #expect(parser.lastID == "8")
    }

    @Test func everySplitPointGivesTheSame() throws {
        let bytes = Array(Self.stream.utf8)
        for cut in 0...bytes.count {
            var parser = SSEParser()
            let events = try parser.feed(bytes[..<cut]) + parser.feed(bytes[cut...])
            #expect(events == Self.expected, "cut at \(cut)")
        }
    }

    @Test func byteByByteGivesTheSame() throws {
        var parser = SSEParser()
        let events = try Self.stream.utf8.flatMap { try parser.feed([$0]) }
        #expect(events == Self.expected)
    }

    @Test func anyBytesInAnyPiecesGiveTheSameAsAtOnce() throws {
        var random = SplitMix(state: 42)
        let alphabet = Array("data: id\r\n\n\r:evnt ✓\u{0}".utf8) + [0xFF, 0xC3]
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            var whole = SSEParser()
            var pieces = SSEParser()
            var events: [ServerSentEvent] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let size = Int.random(in: 1...rest.count, using: &random)
                events += try pieces.feed(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            #expect(try whole.feed(bytes) == events)
            #expect(whole.lastID == pieces.lastID)
        }
    }

    @Test func anIDAloneIsNoEventAndIsKept() throws {
        var parser = SSEParser()
        #expect(try parser.feed("id: 3\n\nid: 4\n".utf8).isEmpty)
        #expect(parser.lastID == "3")
        #expect(try parser.feed("\n: ping\n\nid: 5\nda".utf8).isEmpty)
        #expect(parser.lastID == "4")
    }

    @Test func refusesAnEndlessLine() {
        var parser = SSEParser()
        let piece = [UInt8](repeating: 0x61, count: 65_536)
        #expect(throws: SSEParser.TooLong.self) {
            for _ in 0..<17 { _ = try parser.feed(piece) }
        }
    }
}

/// A small seeded generator, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
