import DockerEngine
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

    @Test func whatWasNeverReportedIsNoticed() {
        var splitter = LogSplitter()
        #expect(Array(splitter.fresh(in: "a\nb\n")) == Array("a\nb\n".utf8))
        #expect(!splitter.followsLoss)
        #expect(Array(splitter.fresh(in: "b\nc")) == Array("c".utf8))
        #expect(!splitter.followsLoss)
        #expect(Array(splitter.fresh(in: "x\ny")) == Array("x\ny".utf8))
        #expect(splitter.followsLoss)
        // An outdated report tells nothing.
        #expect(splitter.fresh(in: "x").isEmpty)
        #expect(Array(splitter.fresh(in: "x\nyz")) == Array("z".utf8))
        #expect(!splitter.followsLoss)
        // The first one is as long as one can be.
        var late = LogSplitter()
        _ = late.fresh(in: String(repeating: "x", count: 64 << 10))
        #expect(late.followsLoss)
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
    private func store(_ pieces: [LogBacklog.Piece], _ text: inout [UInt8]) throws {
        for piece in pieces where piece.offset <= UInt64(text.count) {
            text += try content(
                LogText.part(behind: UInt64(text.count), of: piece.text, at: piece.offset).text)
        }
    }

    @Test func everythingArrivesInBoundedPieces() throws {
        var log = LogBacklog()
        let text = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for start in stride(from: 0, to: text.count, by: 777) {
            log.append(text[start..<min(start + 777, text.count)], at: 1)
        }
        let pieces = drain(&log)
        let most = LogBacklog.pieceBytesMax + 777 * 42
        #expect(pieces.allSatisfy { $0.text.count <= most })
        #expect(try pieces.flatMap { try content($0.text) } == text)
        #expect(pieces.map(\.span).reduce(0, +) == UInt64(text.count))
        #expect(log.isEmpty)
    }

    @Test func theMiddleIsDroppedWithANote() throws {
        var log = LogBacklog()
        var whole = 0
        for number in 0..<100_000 {
            let line = Array("line \(number)\n".utf8)
            whole += line.count
            log.append(line, at: 1)
        }
        let pieces = drain(&log)
        let text = pieces.flatMap(\.text)
        #expect(text.count <= LogBacklog.waitingBytesMax + 200)
        let records = try records(text)
        let gaps = records.filter { $0.source == .system }
        #expect(gaps.count == 1)
        #expect(String(decoding: text.prefix(47), as: UTF8.self).hasSuffix(" stdout F line 0\n"))
        #expect(String(decoding: text.suffix(11), as: UTF8.self) == "line 99999\n")
        #expect(records.map(\.span).reduce(0, +) == UInt64(whole))
        #expect(
            pieces.map(\.offset)
                == pieces.indices.map { index in pieces[..<index].reduce(0) { $0 + $1.span } })
    }

    @Test func aLossIsNotedInItsPlace() throws {
        var log = LogBacklog()
        log.append(Array("before\n".utf8), at: 1)
        log.append(.deleted, at: 2)
        log.append(Array("after\n".utf8), at: 3)
        let pieces = drain(&log)
        let text = pieces.flatMap(\.text)
        let records = try records(text)
        #expect(records.map(\.source) == [.stdout, .system, .stdout])
        #expect(records.map(\.span) == [7, 1, 6])
        #expect(pieces.map(\.span).reduce(0, +) == 14)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        #expect(lines[1].contains(" system F 1 byte or more left out: Docker "))
    }

    @Test func whatALinkLostIsSentAgain() throws {
        var log = LogBacklog()
        var stored: [UInt8] = []
        var whole: [UInt8] = []
        for round in 0..<50 {
            let text = Array("round \(round) ".utf8) + [UInt8](repeating: 46, count: 40_000)
            whole += text
            log.append(text, at: 1)
            let pieces = drain(&log)
            // Half of them are lost with the link.
            try store(
                Array(pieces.prefix(round % 2 == 0 ? pieces.count : pieces.count / 2)), &stored)
            if round % 2 == 1 {
                log.rewind()
                try store(drain(&log), &stored)
            }
        }
        #expect(stored == whole)
        #expect(log.settled < UInt64(whole.count))
    }

    @Test func theEndIsSentUntilItIsKept() {
        var log = LogBacklog(from: 10)
        log.append(Array("ab".utf8), at: 1)
        log.finish()
        #expect(drain(&log).map(\.isLast) == [false, true])
        #expect(log.isEmpty)
        log.rewind()
        let again = drain(&log)
        #expect(again.map(\.isLast) == [false, true])
        #expect(again.map(\.offset) == [10, 12])
        log.takeBack()
        #expect(drain(&log).map(\.isLast) == [true])
    }

    @Test func aPieceTakenBackComesAgain() {
        var log = LogBacklog()
        log.append(Array("abc".utf8), at: 1)
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
    private func send(
        _ outbox: LogOutbox, taking limit: Int, until count: Int
    ) async -> [FleetCore.LogChunk] {
        let sent = Posted<FleetCore.LogChunk>()
        let total = Latest(0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await outbox.run { chunk in
                    guard total.value < limit else { return false }
                    sent.post(chunk)
                    total.set(total.value + 1)
                    return true
                }
            }
            _ = try? await total.wait { $0 >= count }
            group.cancelAll()
        }
        return sent.all()
    }

    @Test func theRestOfAnEndedAttemptStillGoes() async throws {
        let outbox = LogOutbox(logger: quiet, post: { _ in })
        let text = [UInt8](repeating: 7, count: 3 * LogBacklog.pieceBytesMax)
        outbox.append(key, text)
        let first = await send(outbox, taking: 1, until: 1)
        outbox.forget(key)
        #expect(outbox.count == 1)
        let rest = await send(outbox, taking: 9, until: 3)
        #expect(try content((first + rest).flatMap(\.text)) == text)
        #expect(rest.map(\.isLast) == [false, false, true])
        // Not before the controller says so: the link may have lost it.
        #expect(outbox.count == 1)
        outbox.rewind()
        #expect(await send(outbox, taking: 9, until: 4).last?.isLast == true)
        outbox.kept(key)
        #expect(outbox.count == 0)
        // What comes too late begins no second log.
        outbox.append(key, Array("late".utf8))
        outbox.forget(key)
        #expect(outbox.count == 0)
    }

    @Test func aLogThatIsStillReadDoesNotEnd() async {
        let outbox = LogOutbox(logger: quiet, post: { _ in })
        outbox.hold(key, from: 0)
        outbox.append(key, Array("a".utf8))
        outbox.forget(key)
        #expect(await send(outbox, taking: 1, until: 1).map(\.isLast) == [false])
        outbox.append(key, Array("b".utf8))
        outbox.release(key)
        #expect(await send(outbox, taking: 9, until: 2).map(\.isLast) == [false, true])
    }

    @Test func anAttemptWithoutALogEndsToo() async {
        let outbox = LogOutbox(logger: quiet, post: { _ in })
        outbox.forget(key)
        #expect(await send(outbox, taking: 9, until: 1).map(\.isLast) == [true])
    }

    @Test func endedAttemptsDoNotPileUp() {
        let outbox = LogOutbox(logger: quiet, post: { _ in })
        for number in 1...100 {
            let key = AttemptKey(job: "J", number: number)
            outbox.append(key, Array("x".utf8))
            outbox.forget(key)
        }
        #expect(outbox.count == LogOutbox.closingMax)
    }
}

@Suite struct LogMarkTests {
    @Test func theLastMarkThatIsSettledIsKept() {
        var marks = LogMarks()
        let every = LogMarks.every
        for number in 1...10 { marks.pass(LogMark(offset: UInt64(number) * every / 2)) }
        let now = ContinuousClock.now
        #expect(marks.next(settled: every - 1, at: now) == nil)
        #expect(marks.next(settled: every * 3 + 7, at: now)?.offset == every * 3)
        // Not at every piece of log.
        #expect(marks.next(settled: every * 5, at: now + .seconds(1)) == nil)
        #expect(marks.next(settled: every * 5, at: now + .seconds(3))?.offset == every * 5)
        #expect(marks.next(settled: .max, at: now + .seconds(9)) == nil)
    }

    @Test func aMarkSaysHowFarTheLogMayHaveBeenSent() {
        var marks = LogMarks()
        #expect(marks.place(ofLossAt: 0) == 0)
        let first = LogMark(offset: 3, cursor: LogCursor())
        // The first is that of the beginning, and kept before anything is sent.
        let kept = marks.reaching(first)
        #expect(kept?.offset == 0 && kept?.cursor != nil)
        #expect(kept?.reach == 3 + LogMarks.reachBytes)
        marks.pass(first)
        #expect(marks.reaching(LogMark(offset: LogMarks.reachBytes)) == nil)
        let far = LogMark(offset: 2 * LogMarks.reachBytes)
        #expect(marks.reaching(far)?.reach == 3 * LogMarks.reachBytes)
        marks.pass(far)
        #expect(marks.next(settled: .max)?.reach == 3 * LogMarks.reachBytes)
        #expect(marks.reaching(LogMark(offset: .max))?.reach == .max)
    }

    @Test func aLossStandsBehindAllThatAFormerLifeMayHaveSent() {
        var marks = LogMarks(from: LogMark(offset: 100, reach: 5_000))
        #expect(marks.place(ofLossAt: 100) == 5_000)
        // Once something was read again, the places are exact.
        marks.pass(LogMark(offset: 200))
        #expect(marks.place(ofLossAt: 200) == 200)
        var backlog = LogBacklog(from: 100)
        backlog.append(.deleted, from: 5_000, at: 0)
        backlog.append(Array("x".utf8), at: 0)
        #expect(backlog.next()?.offset == 5_000)
        #expect(LogMarks(from: LogMark(offset: 100)).place(ofLossAt: 100) == 100)
    }

    @Test func aLongWaitKeepsFewMarks() {
        var marks = LogMarks()
        for number in 1...10_000 { marks.pass(LogMark(offset: UInt64(number) * LogMarks.every)) }
        #expect(marks.count <= 64)
    }
}

/// What the job wrote, of a log's records.
private func content(_ text: [UInt8]) throws -> [UInt8] {
    try records(text).flatMap {
        Array(text[$0.content]) + ($0.endsLine ? [UInt8(ascii: "\n")] : [])
    }
}

private func records(_ text: [UInt8]) throws -> [LogRecord] {
    var records: [LogRecord] = []
    while let record = try LogText.record(in: text, at: records.last?.end ?? 0) {
        records.append(record)
    }
    return records
}
