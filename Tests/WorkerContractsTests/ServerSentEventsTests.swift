import NIOCore
import Testing

@testable import WorkerContracts

/// A small generator of numbers that are the same in every run.
private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What a stream came to: its events, and whether it was then refused.
private struct Reading: Equatable {
    var events: [ServerSentEvent] = []
    var error: WorkerError.Code?
}

private func read(_ pieces: [[UInt8]]) -> Reading {
    var parser = ServerSentEvents()
    var reading = Reading()
    do {
        for piece in pieces {
            parser.append(piece)
            while let event = try parser.next() { reading.events.append(event) }
        }
        parser.finish()
        while let event = try parser.next() { reading.events.append(event) }
    } catch {
        reading.error = error.code
    }
    return reading
}

private func event(_ data: String, _ name: String = "") -> ServerSentEvent {
    ServerSentEvent(name: name, data: Array(data.utf8))
}

struct ServerSentEventsTests {
    @Test(arguments: [
        ("data: a\n\ndata: b\n\n", [event("a"), event("b")]),
        ("data: a\r\n\r\ndata:b\r\n\r\n", [event("a"), event("b")]),
        ("data: a\r\rdata: b\r\r", [event("a"), event("b")]),
        (": ping\n\n: ping\n\ndata: a\n\n", [event("a")]),
        ("data: a\ndata\ndata:  b\n\n", [event("a\n\n b")]),
        (
            "event: error\nid: 7\nretry: 1\ndata: x\n\ndata: y\n\n",
            [event("x", "error"), event("y")]
        ),
        ("event: nothing\n\ndata: a\n\n", [event("a")]),
        ("\u{FEFF}data: a\n\n", [event("a")]),
        ("data: a\n\ndata: no end", [event("a"), event("no end")]),
        ("data: a\n\ndata: no empty line\n", [event("a"), event("no empty line")]),
        ("dataa: x\nDATA: x\n\n", []), ("", []), ("\n\r\n\r", []), ("data:\n\n", [event("")]),
    ])
    func `streams as servers write them`(_ stream: String, _ events: [ServerSentEvent]) {
        #expect(read([Array(stream.utf8)]).events == events, "\(stream.debugDescription)")
        #expect(read(stream.utf8.map { [$0] }).events == events, "\(stream.debugDescription)")
    }

    @Test func `any split gives the same events`() async {
        let words: [String] = [
            "data: ", "data:", "data", "event: ", "event", ":", ": ping", "\n", "\n\n", "\r",
            "\r\n",
            "\r\n\r\n", "{\"a\":1}", "[DONE]", " ", "é", "日", "\u{FEFF}", "\0", "id: 4\n", "x",
        ]
        for seed in 0..<1_000 as Range<UInt64> {
            // Others wait for real servers meanwhile.
            await Task.yield()
            var dice = Dice(state: seed)
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 0...40, using: &dice) {
                if Int.random(in: 0..<20, using: &dice) == 0 {
                    stream.append(UInt8.random(in: 0...255, using: &dice))
                } else {
                    stream += Array((words.randomElement(using: &dice) ?? "").utf8)
                }
            }
            let whole = read([stream])
            var pieces: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let count = Int.random(in: 0...min(9, rest.count), using: &dice)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(read(pieces) == whole, "seed \(seed)")
            #expect(read(stream.map { [$0] }) == whole, "seed \(seed)")
        }
    }

    @Test func `an endless line and an endless event are refused, whatever came before is kept`() {
        let start = Array("data: a\n\ndata: ".utf8)
        let megabyte = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        let line = read([start] + Array(repeating: megabyte, count: 5))
        #expect(line == Reading(events: [event("a")], error: .tooLarge))
        let lines = Array("data: ".utf8) + megabyte + Array("\n".utf8)
        let event = read([start] + Array(repeating: lines, count: 6))
        #expect(event.error == .tooLarge && event.events.count == 1)
    }
}
