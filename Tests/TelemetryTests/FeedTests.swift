import Testing

@testable import Telemetry

@Suite struct LineAssemblerTests {
    @Test func `lines come whole in whatever pieces they arrive`() {
        for size in 1...12 {
            var lines = LineAssembler(lineMax: 10)
            var found: [String] = []
            let bytes = Array("one\n\ntwo\nthree".utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                let piece = bytes[start..<min(start + size, bytes.count)]
                found += lines.append(piece).map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(found == ["one", "", "two"])
            #expect(lines.finish() == Array("three".utf8))
            #expect(lines.finish() == nil)
        }
    }

    @Test func `a line without end takes no more memory than a line`() {
        var lines = LineAssembler(lineMax: 100)
        for _ in 0..<1000 {
            #expect(lines.append([UInt8](repeating: 1, count: 5000)) == [])
        }
        let found = lines.append([10, 65, 10])
        #expect(found.map(\.count) == [101, 1])
    }
}

@Suite struct FeedPatienceTests {
    @Test func `the wait doubles up to a bound and a part of it is chance`() {
        let patience = FeedPatience()
        #expect(patience.wait(afterFailures: 1, chance: 1) == .seconds(1))
        #expect(patience.wait(afterFailures: 1, chance: 0) == .milliseconds(500))
        #expect(patience.wait(afterFailures: 4, chance: 1) == .seconds(8))
        #expect(patience.wait(afterFailures: 7, chance: 1) == .seconds(60))
        #expect(patience.wait(afterFailures: .max, chance: 0) == .seconds(30))
        #expect(patience.wait(afterFailures: 0, chance: 7) == .seconds(1))
        #expect(patience.wait(afterFailures: .min, chance: -7) == .milliseconds(500))
    }
}

/// A feed with a program, a clock and chance that the test has in its hands.
@Suite(.timeLimit(.minutes(1))) struct ProgramFeedTests {
    typealias Feed = ProgramFeed<SensorLine, ScriptedRunner, ManualClock>

    struct Rig: Sendable {
        let clock = ManualClock()
        let runner = ScriptedRunner()
        let events: AsyncStream<FeedEvent>
        let feed: Feed

        init() {
            let (events, tell) = AsyncStream<FeedEvent>.makeStream()
            self.events = events
            let source = SensorLine.Source.tegrastats
            feed = ProgramFeed(
                program: Program(path: "/bin/tegrastats", arguments: ["--interval", "1000"]),
                runner: runner, clock: clock, chance: { 1 }, report: { tell.yield($0) },
                read: { source.read($0) })
        }

        /// Runs the feed while the body does; it has ended afterwards.
        func whileRunning(_ body: () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await feed.run() }
                try await body()
                group.cancelAll()
                try await group.waitForAll()
            }
        }

        var gpu: Double? {
            guard case .tegrastats(let reading) = feed.latest else { return nil }
            return reading.gpuLoad
        }
    }

    @Test func `the last line wins and is stale after a while`() async throws {
        let rig = Rig()
        try await rig.whileRunning {
            let run = try #require(await rig.runner.runs.take())
            #expect(run.program.arguments == ["--interval", "1000"])
            #expect(rig.gpu == nil)
            run.write("RAM 1/2MB GR3D_FREQ 5%\nRAM 1/2MB GR3D")
            #expect(await rig.events.take() == .updated(program: "tegrastats"))
            #expect(rig.gpu == 0.05)
            run.write("_FREQ 9%\n")
            #expect(await rig.events.take() == .updated(program: "tegrastats"))
            #expect(rig.gpu == 0.09)
            rig.clock.advance(by: .seconds(5))
            #expect(rig.gpu == 0.09)
            rig.clock.advance(by: .milliseconds(1))
            #expect(rig.gpu == nil)
        }
    }

    @Test func `a bad line says why and leaves the value`() async throws {
        let rig = Rig()
        try await rig.whileRunning {
            let run = try #require(await rig.runner.runs.take())
            run.write("GR3D_FREQ 5%\nwords\n" + String(repeating: "x", count: 20_000) + "\n")
            #expect(await rig.events.take() == .updated(program: "tegrastats"))
            for reason in [
                "the line has no field that tegrastats prints",
                "the line has more than 8192 bytes",
            ] {
                #expect(await rig.events.take() == .refused(program: "tegrastats", reason: reason))
            }
            #expect(rig.gpu == 0.05)
        }
    }

    @Test func `a program that ends is started again more and more rarely`() async throws {
        let rig = Rig()
        try await rig.whileRunning {
            for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
                let run = try #require(await rig.runner.runs.take())
                run.end("exited(1)")
                #expect(
                    await rig.events.take()
                        == .ended(program: "tegrastats", how: "exited(1)", again: .seconds(wait)))
                await rig.pass(.seconds(wait))
            }
            // One that ran long was no failure.
            let run = try #require(await rig.runner.runs.take())
            run.write("GR3D_FREQ 5%\n")
            #expect(await rig.events.take() == .updated(program: "tegrastats"))
            rig.clock.advance(by: .seconds(15))
            run.write("GR3D_FREQ 5%\n")
            #expect(await rig.events.take() == .updated(program: "tegrastats"))
            rig.clock.advance(by: .seconds(15))
            run.fail()
            guard case .ended(_, let how, let again) = await rig.events.take() else {
                Issue.record("it did not end")
                return
            }
            #expect(how == "CannotStart()")
            #expect(again == .seconds(1))
        }
    }

    @Test func `a program that hangs is ended and started again`() async throws {
        let rig = Rig()
        try await rig.whileRunning {
            let run = try #require(await rig.runner.runs.take())
            run.write("GR3D_FREQ 5%\n")
            #expect(await rig.events.take() == .updated(program: "tegrastats"))
            await rig.pass(.seconds(20))
            for await _ in run.ended {}
            #expect(
                await rig.events.take()
                    == .ended(
                        program: "tegrastats", how: "it wrote nothing for 20.0 seconds",
                        again: .seconds(1)))
            await rig.pass(.seconds(1))
            let next = try #require(await rig.runner.runs.take())
            next.write("GR3D_FREQ 6%\n")
            #expect(await rig.events.take() == .updated(program: "tegrastats"))
            #expect(rig.gpu == 0.06)
        }
    }

    @Test func `the program has ended when the feed has`() async throws {
        let rig = Rig()
        let run = Box<ScriptedRunner.Run>()
        try await rig.whileRunning {
            run.value = await rig.runner.runs.take()
        }
        for await _ in try #require(run.value).ended {}
    }
}

extension ProgramFeedTests.Rig {
    /// Waits until somebody sleeps to just that end, then lets the time pass.
    func pass(_ duration: Duration) async {
        let end = clock.now.advanced(by: duration)
        for await until in clock.sleeps where until == end { break }
        clock.advance(by: duration)
    }
}

/// Something handed out of a closure.
final class Box<Value> {
    var value: Value?
}
