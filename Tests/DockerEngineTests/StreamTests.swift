import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import DockerEngine

@Suite("Logs and events of a real engine", .timeLimit(.minutes(15)))
struct StreamTests {
    @Test("follows a log until the container ends")
    func follow() async throws {
        try await withContainer(
            "for i in 1 2 3; do echo line $i; busybox sleep 0.1; done"
        ) { engine, id in
            try await engine.start(id)
            #expect(try await output(engine, id).out == "line 1\nline 2\nline 3\n")
        }
    }

    @Test(
        "keeps megabytes of both outputs whole, also for a reader far behind",
        arguments: [(false, 100 << 20), (true, 100 << 20), (true, 4 << 20)] as [(Bool, Int64)])
    func volume(_ sample: (isLate: Bool, logMaxSize: Int64)) async throws {
        let script = """
            busybox seq 1 60000; busybox seq 1 60000 >&2
            busybox head -c 100000 /dev/zero | busybox tr '\\0' x
            """
        try await withContainer(
            script,
            change: {
                $0.logMaxSize = sample.logMaxSize
                $0.logMaxFiles = 5
            }
        ) { engine, id in
            try await engine.start(id)
            var texts: [LogChunk.Stream: ByteBuffer] = [:]
            for try await chunk in try await engine.logs(id, follow: true) {
                // Docker 20.10 leaves out the rest for who is behind when the container ends.
                if sample.isLate, texts.isEmpty { _ = try await engine.wait(id) }
                texts[chunk.stream, default: ByteBuffer()].writeImmutableBuffer(chunk.bytes)
                if chunk.time == nil { Issue.record("a message without a time") }
            }
            // The kept log is the truth: a busy daemon gives up writing it after some seconds.
            let kept = try await output(engine, id, follow: false)
            let out = String(buffer: texts[.stdout] ?? ByteBuffer())
            let err = String(buffer: texts[.stderr] ?? ByteBuffer())
            #expect(kept.out.utf8.count > 300_000)
            // A failure must not print megabytes.
            let isOutWhole = out == kept.out
            let isErrWhole = err == kept.err
            #expect(isOutWhole, "\(out.utf8.count) of \(kept.out.utf8.count) bytes")
            #expect(isErrWhole, "\(err.utf8.count) of \(kept.err.utf8.count) bytes")
            let numbers = (1...60_000).map { "\($0)\n" }.joined()
            #expect((numbers + String(repeating: "x", count: 100_000)).hasPrefix(kept.out))
            #expect(numbers.hasPrefix(kept.err))
        }
    }

    struct Deletion: Sendable {
        var lines: Int
        /// 1 or 2, for stdout or stderr; what was read before is on stdout.
        var output = 1
        /// Whether the reader goes on at the beginning, of which it knows one message.
        var isFromBeginning = false
    }

    @Test(
        "says where the daemon has deleted what was not read yet",
        arguments: [
            Deletion(lines: 10), Deletion(lines: 20_000), Deletion(lines: 20_000, output: 2),
            Deletion(lines: 10, isFromBeginning: true),
            Deletion(lines: 20_000, isFromBeginning: true),
        ])
    func deleted(_ sample: Deletion) async throws {
        let flood = "busybox seq 1 \(sample.lines) >&\(sample.output)"
        let script = "[ -e /again ] && \(flood); >/again; echo end"
        try await withContainer(
            script,
            change: {
                $0.logMaxSize = 20_000
                $0.logMaxFiles = 2
            }
        ) { engine, id in
            var cursor: LogCursor?
            var texts: [String] = []
            var losses: [Int] = []
            for life in 1...2 {
                if life == 2, sample.isFromBeginning {
                    cursor = cursor?.beginning
                    texts = []
                }
                try await engine.start(id)
                _ = try await engine.wait(id)
                var pieces = try await engine.logs(id, after: cursor).makeAsyncIterator()
                while let piece = try await pieces.next() {
                    if piece.followsLoss { losses.append(texts.count) }
                    texts.append(String(buffer: piece.bytes))
                }
                cursor = pieces.cursor
            }
            let isShort = sample.lines == 10
            #expect((texts.count == sample.lines + 2) == isShort)
            // Across the two outputs there is no order.
            #expect(texts.last == "end\n" || sample.output == 2)
            let readBefore = sample.isFromBeginning ? 0 : 1
            #expect(losses == (isShort ? [] : [readBefore]))
            #expect((texts.first == "end\n") == (isShort || readBefore == 1))
        }
    }

    @Test("tail, since and timestamps")
    func options() async throws {
        try await withContainer("echo a; echo b; echo c") { engine, id in
            try await engine.start(id)
            _ = try await engine.wait(id)
            var last: [String] = []
            for try await chunk in try await engine.logs(id, tail: 2, timestamps: true) {
                last.append(String(buffer: chunk.bytes))
            }
            #expect(last.map { $0.suffix(2) } == ["b\n", "c\n"])
            #expect(last.allSatisfy { $0.hasPrefix("20") && $0.contains("Z ") })
            let future = Int64(Date().timeIntervalSince1970 + 3600) * 1_000_000_000
            for try await _ in try await engine.logs(id, since: future) {
                Issue.record("a line from the future")
            }
            #expect(await failureCode { try await engine.logs("jt-none") } == .notFound)
        }
    }

    @Test("passes a terminal's output through as it is")
    func terminal() async throws {
        try await withDocker { engine, _ in
            var body = try ContainerSpec(
                image: SharedDocker.image,
                command: ["/bin/sh", "-c", "echo out; echo err >&2"]
            ).json().members
            body["Tty"] = .bool(true)
            let name = SharedDocker.uniqueName("tty")
            _ = try await engine.send(
                Call(.POST, ["containers", "create"], query: [("name", name)])
                    .json(.object(body)))
            try await engine.start(name)
            _ = try await engine.wait(name)
            #expect(try await output(engine, name).out == "out\r\nerr\r\n")
            try await engine.remove(name, force: true)
        }
    }

    @Test("letting go of a log, or cancelling, ends it")
    func letGo() async throws {
        try await withContainer("while :; do echo x; busybox sleep 0.02; done") { engine, id in
            try await engine.start(id)
            for _ in 0..<20 { try await ContainerTests.waitForOutput(engine, id) }
            let reader = Task { try await output(engine, id) }
            try await ContainerTests.waitForOutput(engine, id)
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
        }
    }

    @Test("events tell a container's life, and only of the asked label")
    func events() async throws {
        let mark = SharedDocker.uniqueName("ev")
        try await withDocker { engine, _ in
            let events = try await engine.events(labels: ["jt.mark": mark])
            try await withContainer("exit 3", change: { $0.labels["jt.mark"] = mark }) {
                engine, id in
                try await withContainer("exit 4") { engine, other in
                    try await engine.start(other)
                    _ = try await engine.wait(other)
                }
                try await engine.start(id)
                _ = try await engine.wait(id)
            }
            var seen: [ContainerEvent] = []
            for try await event in events {
                seen.append(event)
                if event.action == "destroy" { break }
            }
            #expect(seen.map(\.action) == ["create", "start", "die", "destroy"])
            #expect(seen.allSatisfy { $0.labels["jt.mark"] == mark && $0.time > 0 })
            #expect(seen.map(\.exitCode) == [nil, nil, 3, nil])
            // The kept events can be had again; Docker keeps the latest 256, of everybody.
            let last = try #require(seen.last)
            let again = try await engine.events(labels: ["jt.mark": mark], since: last.time)
            for try await event in again {
                #expect(event == last)
                break
            }
        }
    }

    @Test("an event right after opening is not lost")
    func noGap() async throws {
        try await withDocker { engine, _ in
            for _ in 0..<10 {
                let mark = SharedDocker.uniqueName("gap")
                let events = try await engine.events(labels: ["jt.mark": mark])
                var spec = ContainerSpec(image: SharedDocker.image, command: ["/bin/sh"])
                spec.labels = ["jt.mark": mark]
                let id = try await engine.create(name: mark, spec)
                for try await event in events {
                    #expect(event.action == "create" && event.id == id)
                    break
                }
                try await engine.remove(id)
            }
        }
    }

    @Test(
        "events and a wait outlive five idle minutes",
        .enabled(if: ProcessInfo.processInfo.environment["JESSICA_TEST_SLOW"] != nil))
    func idle() async throws {
        let mark = SharedDocker.uniqueName("idle")
        try await withContainer(
            "busybox sleep 330; exit 6", change: { $0.labels["jt.mark"] = mark }
        ) {
            engine, id in
            let events = try await engine.events(labels: ["jt.mark": mark])
            async let logs = output(engine, id)
            try await engine.start(id)
            async let code = engine.wait(id)
            for try await event in events where event.action == "die" {
                #expect(event.exitCode == 6)
                break
            }
            #expect(try await code == 6)
            #expect(try await logs.out == "")
        }
    }

    @Test(
        "streams end when the daemon dies, and calls work again when it is back",
        .enabled(if: DockerDaemon.isInstalled("dockerd")))
    func daemonDies() async throws {
        let daemon = try await DockerDaemon.start()
        defer { daemon.stop() }
        try await DockerEngine.with(
            socketPath: daemon.socketPath, logger: Logger(label: "test")
        ) { engine in
            try await SharedDocker.importImage(engine)
            var spec = ContainerSpec(
                image: SharedDocker.image, command: ["/bin/busybox", "sleep", "600"])
            spec.networkName = "none"
            let id = try await engine.create(name: "sleeper", spec)
            let events = try await engine.events()
            try await engine.start(id)
            // Opened here and not by `wait`, to be sure that it is open before the end comes.
            let wait = try await engine.open(Call(.POST, ["containers", id, "wait"]))
            var actions: [String] = []
            for try await event in events {
                actions.append(event.action)
                if event.action == "start" { try daemon.kill() }
            }
            #expect(actions.first == "start")
            let code = await failureCode { try await engine.collect(wait.body, upTo: 1000) }
            #expect(code == .unavailable)
            try await daemon.waitUntilReady()
            let info = try #require(try await engine.inspect(id))
            #expect(info.state == .exited)
            try await engine.remove(id, force: true)
        }
    }
}
