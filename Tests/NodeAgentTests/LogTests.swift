import FleetCore
import Testing

@testable import NodeAgent

@Suite struct LogSplitterTests {
    @Test func growthIsFound() {
        var splitter = LogSplitter()
        #expect(Array(splitter.fresh(in: "a\n")) == Array("a\n".utf8))
        #expect(Array(splitter.fresh(in: "a\nb")) == Array("b".utf8))
        #expect(splitter.fresh(in: "a\nb").isEmpty)
        #expect(splitter.fresh(in: "a\n").isEmpty)
        #expect(Array(splitter.fresh(in: "a\nb\nc")) == Array("\nc".utf8))
    }

    @Test func aMovingWindowIsFollowed() {
        let text = (0..<5_000).map { "line \($0)\n" }.joined()
        let whole = Array(text.utf8)
        var splitter = LogSplitter()
        var seen: [UInt8] = []
        var end = 0
        var random = SystemRandomNumberGenerator()
        while end < whole.count {
            end = min(whole.count, end + Int.random(in: 0...900, using: &random))
            let window = whole[max(0, end - 1_000)..<end]
            seen += splitter.fresh(in: String(decoding: window, as: UTF8.self))
        }
        #expect(seen == whole)
    }

    @Test func overlapIsTheLongest() {
        func overlap(_ a: String, _ b: String) -> Int {
            LogSplitter.overlap(end: Array(a.utf8), start: Array(b.utf8))
        }
        #expect(overlap("", "abc") == 0)
        #expect(overlap("abc", "") == 0)
        #expect(overlap("xabab", "ababc") == 4)
        #expect(overlap("aaa", "aaaa") == 3)
        #expect(overlap("aaaa", "aaa") == 3)
        #expect(overlap("abc", "abd") == 0)
    }

    @Test func progressIsRead() {
        func percent(_ text: String) -> Int? { ProgressMeter.percent(in: Array(text.utf8)) }
        #expect(percent("step 1  12%|#") == 12)
        #expect(percent("10%\r20%\r 35.9 % done") == 35)
        #expect(percent("100%") == 100)
        #expect(percent("500%") == nil)
        #expect(percent("%") == nil)
        #expect(percent("90% of 1000%") == 90)
        #expect(percent("no number") == nil)
    }

    @Test func progressIsNotReportedTooOften() {
        var meter = ProgressMeter()
        let now = ContinuousClock.now
        #expect(meter.note(Array("1%".utf8), at: now)?.fraction == 0.01)
        #expect(meter.note(Array("2%".utf8), at: now + .milliseconds(500)) == nil)
        #expect(meter.note(Array("3%".utf8), at: now + .seconds(2))?.text == "3%")
        #expect(meter.note(Array("3%".utf8), at: now + .seconds(4)) == nil)
    }
}

@Suite struct LogBacklogTests {
    private func drain(_ log: inout LogBacklog) -> [LogBacklog.Piece] {
        var pieces: [LogBacklog.Piece] = []
        while let piece = log.next() { pieces.append(piece) }
        return pieces
    }

    /// Applies pieces as the controller does: only what follows on what is there.
    private func store(_ pieces: [LogBacklog.Piece], _ text: inout [UInt8]) {
        for piece in pieces where piece.offset <= UInt64(text.count) {
            text += piece.bytes.dropFirst(text.count - Int(piece.offset))
        }
    }

    @Test func everythingArrivesInBoundedPieces() {
        var log = LogBacklog()
        let text = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for start in stride(from: 0, to: text.count, by: 777) {
            log.append(text[start..<min(start + 777, text.count)])
        }
        let pieces = drain(&log)
        #expect(pieces.allSatisfy { $0.bytes.count <= LogBacklog.pieceBytesMax })
        #expect(pieces.flatMap(\.bytes) == text)
        #expect(log.isEmpty)
    }

    @Test func theMiddleIsDroppedWithANote() {
        var log = LogBacklog()
        for number in 0..<400_000 { log.append(Array("line \(number)\n".utf8)) }
        var stored: [UInt8] = []
        let pieces = drain(&log)
        store(pieces, &stored)
        let text = String(decoding: stored, as: UTF8.self)
        #expect(stored.count <= LogBacklog.waitingBytesMax + 200)
        #expect(text.hasPrefix("line 0\nline 1\n"))
        #expect(text.hasSuffix("line 399999\n"))
        #expect(text.contains("bytes of log left out here"))
        #expect(
            pieces.map { Int($0.offset) }
                == pieces.indices.map { index in
                    pieces[..<index].reduce(0) { $0 + $1.bytes.count }
                })
    }

    @Test func whatALinkLostIsSentAgain() {
        var log = LogBacklog()
        var stored: [UInt8] = []
        var whole: [UInt8] = []
        for round in 0..<50 {
            let text = Array("round \(round) ".utf8) + [UInt8](repeating: 46, count: 40_000)
            whole += text
            log.append(text)
            let pieces = drain(&log)
            // Half of them are lost with the link.
            store(Array(pieces.prefix(round % 2 == 0 ? pieces.count : pieces.count / 2)), &stored)
            if round % 2 == 1 {
                log.rewind()
                store(drain(&log), &stored)
            }
        }
        #expect(stored == whole)
    }

    @Test func aPieceTakenBackComesAgain() {
        var log = LogBacklog()
        log.append(Array("abc".utf8))
        let first = log.next()
        log.takeBack()
        #expect(!log.isEmpty)
        #expect(log.next() == first)
        #expect(log.next() == nil)
    }
}

@Suite struct LogOutboxTests {
    private let key = AttemptKey(job: "J", number: 1)

    /// Lets an outbox send until it has nothing more for a link that takes so many pieces.
    private func send(_ outbox: LogOutbox, taking limit: Int, until count: Int) async -> [UInt8] {
        let sent = Posted<[UInt8]>()
        let total = Latest(0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await outbox.run { chunk in
                    guard total.value < limit else { return false }
                    sent.post(chunk.bytes)
                    total.set(total.value + 1)
                    return true
                }
            }
            _ = try? await total.wait { $0 >= count }
            group.cancelAll()
        }
        return sent.all().flatMap(\.self)
    }

    @Test func theRestOfAnEndedAttemptStillGoes() async {
        let outbox = LogOutbox(post: { _ in })
        let text = [UInt8](repeating: 7, count: 3 * LogBacklog.pieceBytesMax)
        outbox.append(key, text)
        #expect(await send(outbox, taking: 1, until: 1).count == LogBacklog.pieceBytesMax)
        outbox.forget(key)
        #expect(outbox.count == 1)
        #expect(await send(outbox, taking: 9, until: 2).count == 2 * LogBacklog.pieceBytesMax)
        #expect(outbox.count == 0)
    }

    @Test func endedAttemptsDoNotPileUp() {
        let outbox = LogOutbox(post: { _ in })
        for number in 1...100 {
            let key = AttemptKey(job: "J", number: number)
            outbox.append(key, Array("x".utf8))
            outbox.forget(key)
        }
        #expect(outbox.count == 16)
    }
}
