import Foundation
import NIOCore
import Synchronization
import Testing

@testable import DockerEngine

@Suite("Going on in a log")
struct LogCursorTests {
    private func message(_ nanoseconds: Int, _ text: String, _ stream: LogChunk.Stream = .stdout)
        -> LogChunk
    {
        let digits = String(nanoseconds)
        let time = "2026-11-23T16:21:17." + String(repeating: "0", count: 9 - digits.count) + digits
        return LogChunk(stream: stream, bytes: ByteBuffer(string: "\(time)Z \(text)"))
    }

    @Test(
        "reads the daemon's times",
        arguments: [
            ("1970-01-01T00:00:00.000000000Z", 0),
            ("2000-02-29T12:00:00.000000001Z", 951_825_600_000_000_001),
            ("2026-11-23T16:21:17.722532488Z", 1_795_450_877_722_532_488),
            ("2100-03-01T00:00:00.000000000Z", 4_107_542_400_000_000_000),
        ] as [(String, Int64)])
    func times(_ sample: (String, Int64)) {
        #expect(UnixTime.parseLogTime(sample.0.utf8) == sample.1)
        #expect(UnixTime.parseLogTime((sample.0 + " x").utf8) == sample.1)
    }

    @Test(
        "takes nothing else for a time",
        arguments: [
            "", "2026", "2026-11-23T16:21:17.722532488", "2026-13-23T16:21:17.722532488Z",
            "2026-11-23 16:21:17.722532488Z", "9999-11-23T16:21:17.722532488Z",
            "2026-11-23T16:21:17.72253248+Z",
        ])
    func noTimes(_ text: String) {
        #expect(UnixTime.parseLogTime(text.utf8) == nil)
    }

    @Test("after any early end, gives each message once and in order")
    func resumption() {
        // Equal times, and outputs out of step with each other.
        let log = [
            message(1, "a"), message(0, "early", .stderr), message(1, "a"),
            message(3, "c", .stderr), message(2, "b"),
            message(3, "c"), message(3, "c", .stderr), message(3, "d"), message(9, ""),
        ]
        for first in 0...log.count {
            for second in first...log.count {
                var cursor = LogCursor()
                var taken: [LogChunk] = []
                for end in [first, second, log.count] {
                    let since = cursor.since
                    if since != nil { cursor.resume() }
                    for chunk in log[..<end] {
                        let time = UnixTime.parseLogTime(chunk.bytes.readableBytesView) ?? 0
                        guard time >= since ?? 0 else { continue }
                        if let new = cursor.take(chunk, keepsTimestamp: true) { taken.append(new) }
                    }
                }
                for stream in [LogChunk.Stream.stdout, .stderr] {
                    #expect(
                        taken.filter { $0.stream == stream }.map(\.bytes)
                            == log.filter { $0.stream == stream }.map(\.bytes))
                }
                #expect(taken.count == log.count && cursor.taken == log.count)
            }
        }
    }

    @Test("says where the daemon has deleted what was not read yet, and nowhere else")
    func losses() {
        let log = [
            message(1, "a"), message(1, "b"), message(2, "x", .stderr), message(3, "c"),
            message(4, "d"), message(5, "y", .stderr), message(6, "e"),
        ]
        func losses(read: Int, deleted: Int) -> [String] {
            var cursor = LogCursor()
            for chunk in log[..<read] { _ = cursor.take(chunk, keepsTimestamp: false) }
            cursor.resume()
            return log[deleted...].compactMap { cursor.take($0, keepsTimestamp: false) }
                .filter(\.followsLoss).map { String(buffer: $0.bytes) }
        }
        #expect(losses(read: 2, deleted: 0) == [])
        // What was read last is there, so nothing behind it is gone.
        #expect(losses(read: 2, deleted: 1) == [])
        #expect(losses(read: 2, deleted: 3) == ["c"])
        #expect(losses(read: 2, deleted: 4) == ["d"])
        // Only what was read is gone, though nothing of stderr comes again.
        #expect(losses(read: 4, deleted: 3) == [])
        #expect(losses(read: 2, deleted: 5) == ["y"])
        #expect(losses(read: 7, deleted: 7) == [])
        // One output is far behind the other: it is not asked from there.
        var cursor = LogCursor()
        _ = cursor.take(message(1, "a"), keepsTimestamp: false)
        let late = LogChunk(
            stream: .stderr, bytes: ByteBuffer(string: "2026-11-23T16:22:17.000000001Z z"))
        _ = cursor.take(late, keepsTimestamp: false)
        cursor.resume()
        #expect(cursor.take(late, keepsTimestamp: false) == nil)
        let next = LogChunk(
            stream: .stdout, bytes: ByteBuffer(string: "2026-11-23T16:22:18.000000001Z b"))
        #expect(cursor.take(next, keepsTimestamp: false)?.followsLoss == false)
    }

    @Test("at the beginning, says when the first message is gone", arguments: [0, 1])
    func lossOfTheBeginning(_ deleted: Int) throws {
        let log = [message(1, "a"), message(1, "b"), message(2, "x", .stderr)]
        var reader = LogCursor()
        _ = reader.take(log[0], keepsTimestamp: false)
        let kept = try JSONEncoder().encode(reader.beginning)
        var cursor = try JSONDecoder().decode(LogCursor.self, from: kept)
        cursor.resume()
        #expect(cursor.since == nil)
        let taken = log[(deleted * 2)...].compactMap { cursor.take($0, keepsTimestamp: false) }
        #expect(taken.map { String(buffer: $0.bytes) } == (deleted == 0 ? ["a", "b", "x"] : ["x"]))
        #expect(taken.map(\.followsLoss) == (deleted == 0 ? [false, false, false] : [true]))
    }

    @Test("cuts the time off, and passes on what has none")
    func prefixes() {
        var cursor = LogCursor()
        let chunk = cursor.take(message(5, "text\n"), keepsTimestamp: false)
        #expect(chunk.map { String(buffer: $0.bytes) } == "text\n")
        #expect(chunk?.time == 1_795_450_877_000_000_005)
        let odd = LogChunk(stream: .stderr, bytes: ByteBuffer(string: "no time"))
        #expect(cursor.take(odd, keepsTimestamp: false) == odd)
    }

    @Test("a log that keeps ending while the container runs is opened again, then given up")
    func givenUp() async throws {
        try await StubDaemon.run { request in
            request.contains("/json")
                ? .full(200, #"{"Id":"x","State":{"Status":"running"}}"#) : .chunks([])
        } _: { engine, stub in
            #expect(await failureCode { try await output(engine, "x") } == .other)
            #expect(stub.requestLines.filter { $0.contains("/logs") }.count == 5)
        }
    }

    @Test("a log whose daemon goes away is not at its end")
    func daemonGone() async throws {
        let frame = "\u{1}\0\0\0\0\0\0\u{21}2026-11-23T16:21:17.722532488Z ab"
        let isGone = Mutex(false)
        try await StubDaemon.run { request in
            if isGone.withLock({ $0 }) { return .raw("") }
            if request.contains("/json") {
                return .full(200, #"{"Id":"x","State":{"Status":"running"}}"#)
            }
            isGone.withLock { $0 = true }
            return .chunks([frame])
        } _: { engine, _ in
            let code = await failureCode {
                for try await chunk in try await engine.logs("x", follow: true) {
                    #expect(String(buffer: chunk.bytes) == "ab")
                }
            }
            #expect(code == .unavailable)
        }
    }
}
