import Foundation
import Synchronization
import Testing

@testable import Commands

/// A terminal of the test's own: it shows what was drawn, and is typed on.
final class FakeScreen: Screen {
    private struct State {
        var size: TopSize
        var cells: [String]
        var writes = 0
        var isClosed = false
    }
    private let state: Mutex<State>
    private let typed: (stream: AsyncStream<ScreenInput>, to: AsyncStream<ScreenInput>.Continuation)
    private let drawn = Bell()

    init(columns: Int = 80, rows: Int = 24) {
        let size = TopSize(columns: columns, rows: rows)
        state = Mutex(State(size: size, cells: Array(repeating: "", count: rows)))
        let (stream, continuation) = AsyncStream<ScreenInput>.makeStream()
        typed = (stream, continuation)
    }

    var size: TopSize { state.withLock { $0.size } }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    var writes: Int { state.withLock { $0.writes } }
    var text: String { state.withLock { $0.cells.joined(separator: "\n") } }
    func inputs() -> AsyncStream<ScreenInput> { typed.stream }
    func close() { state.withLock { $0.isClosed = true } }

    func type(_ keys: String) { typed.to.yield(.bytes(Array(keys.utf8))) }
    func end() { typed.to.yield(.ended) }
    func resize(_ columns: Int, _ rows: Int) {
        state.withLock {
            $0.size = TopSize(columns: columns, rows: rows)
            $0.cells = Array(repeating: "", count: rows)
        }
        typed.to.yield(.resized)
    }

    func write(_ data: Data) {
        let text = String(decoding: data, as: UTF8.self)
        state.withLock { state in
            state.writes += 1
            var row = 0
            for piece in text.split(separator: "\u{1B}[") {
                if let mark = piece.firstIndex(of: "H"), piece.hasSuffix(";1H") {
                    row = (Int(piece[..<mark].prefix { $0 != ";" }) ?? 1) - 1
                } else if piece.hasPrefix("2K"), state.cells.indices.contains(row) {
                    state.cells[row] = String(piece.dropFirst(2))
                }
            }
        }
        drawn.ring()
    }

    /// Waits until the screen shows something.
    func shows(_ words: String...) async {
        func isThere() -> Bool { words.allSatisfy { text.contains($0) } }
        guard !isThere() else { return }
        for await _ in drawn.rings where isThere() { return }
    }
}

/// Lets a test say what the stub's stream sends.
final class Feed: Sendable {
    private let lines = AsyncStream<String>.makeStream()

    func send(_ event: String) { lines.continuation.yield("data: \(event)\n\n") }
    func send(_ type: String, _ event: String) {
        lines.continuation.yield("event: \(type)\ndata: \(event)\n\n")
    }
    func sendResync() { lines.continuation.yield("event: resync\ndata: {}\n\n") }

    var answer: StubAnswer {
        .stream(type: "text/event-stream") { write in
            try await write(": welcome\n\n")
            for await line in self.lines.stream {
                try await write(line)
                if line.contains("resync") { return }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct TopShellTests {
    private static let past = Samples.event(7)

    /// Runs `jctl top` on a screen of the test's own; answers the exit code.
    private func top(
        _ screen: FakeScreen = FakeScreen(), feed: Feed = Feed(),
        answer: @escaping @Sendable (StubRequest) -> StubAnswer? = { _ in nil },
        _ body: @escaping @Sendable (FakeScreen, Feed, Stub) async -> Void
    ) async throws -> Int32 {
        try await Stub.serve { request in
            if let own = answer(request) { return own }
            switch request.route {
            case "GET /summary": return .json(Samples.summary)
            case "GET /clusters": return .json(Samples.list(Samples.cluster))
            case "GET /nodes": return .json(Samples.list(Samples.node, Samples.roamer))
            case "GET /nodes/agx-01": return .json(Samples.node)
            case "GET /jobs" where request.query["state"] == "active":
                return .json(Samples.list(Samples.running, Samples.queued))
            case "GET /jobs": return .json(Samples.list(Samples.succeeded))
            case "GET /events":
                return .json(Samples.list(Self.past))
            case "GET /stream": return feed.answer
            default: return .error(404, "not_found", "no \(request.route)")
            }
        } _: { stub in
            var context = Context(
                console: RecordingConsole(terminal: true),
                environment: [
                    "HOME": "/nonexistent", "JCTL_ENDPOINT": stub.socket, "NO_COLOR": "1",
                ], now: { FakeTime.noon })
            context.screen = { screen }
            return await withTaskGroup(of: Int32?.self) { group in
                let context = context
                group.addTask { await Runner.run(["top"], in: context) }
                group.addTask {
                    await body(screen, feed, stub)
                    return nil
                }
                var code: Int32 = -1
                for await result in group { code = result ?? code }
                return code
            }
        }
    }

    @Test func eventsMoveTheScreenAndQQuits() async throws {
        let code = try await top { screen, feed, _ in
            await screen.shows("[1 overview]", "agx-11", "live")
            screen.type("5")
            await screen.shows("[5 events]", "IDLE → ASSIGNED")
            feed.send(
                #"{"seq":8,"at":"2026-11-23T12:00:01Z","type":"roamer.state","node":"agx-11","to":"CLEANUP"}"#
            )
            await screen.shows("CLEANUP")
            screen.type("q")
        }
        #expect(code == 0)
    }

    @Test func keysDescribeFilterAndResize() async throws {
        let screen = FakeScreen()
        let code = try await top(screen) { screen, _, _ in
            await screen.shows("[1 overview]")
            screen.type("2/agx-0\r\r")
            await screen.shows("node agx-01", "10.0.0.11")
            screen.resize(40, 10)
            await screen.shows("node agx-01", "more below")
            screen.resize(30, 8)
            await screen.shows("top needs 40x10.")
            screen.resize(120, 40)
            screen.type("\u{1B}")
            await screen.shows("[2 nodes]", "SEEN", "/agx-0 1/1")
            screen.type("\u{03}")
        }
        #expect(code == 0 && screen.isClosed)
    }

    @Test func aJobIsCancelledOnlyAfterYes() async throws {
        let code = try await top(answer: { request in
            request.route == "POST /jobs/\(Samples.id)/cancel" ? .json(Samples.cancelled) : nil
        }) { screen, _, stub in
            screen.type("3c")
            await screen.shows("cancel \(Samples.id)", "y/N")
            screen.type("n")
            await screen.shows("goes on")
            screen.type("cy")
            await screen.shows("job \(Samples.id) is cancelled")
            #expect(stub.requests.count { $0.method == "POST" } == 1)
            screen.type("q")
        }
        #expect(code == 0)
    }

    @Test func aSlowControllerIsNotAskedWithoutEnd() async throws {
        let code = try await top(answer: { request in
            guard request.route == "GET /nodes/agx-01" else { return nil }
            // No answer before the terminal is given back.
            return .stream(type: "application/json") { _ in try await Task.sleep(for: .seconds(600))
            }
        }) { screen, _, stub in
            screen.type("2")
            await screen.shows("[2 nodes]", "agx-01")
            screen.type(String(repeating: "\r\u{1B}", count: 50))
            await screen.shows("the controller is slow")
            #expect(stub.requests("GET /nodes/agx-01").count <= 8)
            screen.type("q")
        }
        #expect(code == 0)
    }

    @Test func aLogIsFollowedOnTheScreen() async throws {
        let code = try await top(answer: { request in
            switch request.route {
            case "GET /jobs/\(Samples.id)": .json(Samples.succeeded)
            case "GET /jobs/\(Samples.id)/logs":
                .bytes(
                    "2026-11-23T12:00:00.000000000Z stdout F painting \u{1B}[2J now\n",
                    type: "text/plain")
            default: nil
            }
        }) { screen, _, _ in
            screen.type("3l")
            await screen.shows("log of", "painting ^[[2J now", "— job succeeded —")
            screen.type("\u{1B}")
            await screen.shows("[3 jobs]")
            screen.type("q")
        }
        #expect(code == 0)
    }

    @Test func afterAResyncEverythingIsReadAgain() async throws {
        let looks = Counter()
        let connections = Counter()
        let again = Bell()
        let code = try await top(answer: { request in
            if request.route == "GET /stream", connections.next() == 2 { again.ring() }
            guard request.route == "GET /clusters" else { return nil }
            let name = looks.next() == 1 ? "vision" : "renewed"
            return .json(Samples.list(Samples.cluster.replacing("vision", with: name)))
        }) { screen, feed, stub in
            await screen.shows("renewed")
            feed.send(Samples.event(8))
            feed.sendResync()
            for await _ in again.rings { break }
            // Not from where events were missed, or it would be told so for ever.
            #expect(stub.requests("GET /stream").last?.header("Last-Event-ID") == nil)
            screen.type("q")
        }
        #expect(code == 0)
    }

    @Test func whatIsMeasuredIsShownAndTheSameIsNotWrittenAgain() async throws {
        @Sendable func sample(_ cpu: Int) -> String {
            #"{"node":"agx-01","starting":[],"telemetry":{"cpu":\#(cpu),"memoryUsed":11e9,"memoryTotal":64e9}}"#
        }
        let looks = Counter()
        _ = try await top(answer: { request in
            guard request.route == "GET /clusters" else { return nil }
            let name = looks.next() == 1 ? "vision" : "renewed"
            return .json(Samples.list(Samples.cluster.replacing("vision", with: name)))
        }) { screen, feed, stub in
            // All is read that is read without an event.
            await screen.shows("live", "renewed")
            screen.type("2")
            feed.send("node.telemetry", sample(41))
            await screen.shows("[2 nodes]", "41%")
            let before = screen.writes
            for _ in 0..<3 { feed.send("node.telemetry", sample(41)) }
            feed.send("node.telemetry", sample(42))
            await screen.shows("42%")
            #expect(screen.writes == before + 1)
            // Nobody had to ask.
            #expect(stub.requests("GET /nodes").count <= 2)
            feed.send(
                "job.progress",
                #"{"job":"\#(Samples.id)","state":"running","progress":{"fraction":0.77,"text":"step 39"}}"#
            )
            screen.type("3")
            await screen.shows("77%")
            screen.type("q")
        }
    }

    @Test func aRefusalAndAGoneTerminalEndIt() async throws {
        let screen = FakeScreen()
        let refused = try await top(
            screen,
            answer: { request in
                request.route == "GET /stream" ? .error(403, "forbidden", "not for you") : nil
            }
        ) { _, _, _ in }
        #expect(refused == 4 && screen.isClosed)
        let gone = try await top { screen, _, _ in
            await screen.shows("live")
            screen.end()
        }
        #expect(gone == 0)
        let unused = FakeScreen()
        let unreachable = try await top(unused, answer: { _ in .error(503, "starting", "wait") }) {
            _, _, _ in
        }
        #expect(unreachable == 7 && unused.writes == 0)
    }
}
