import Foundation
import Glibc
import Testing

@testable import Telemetry

/// Feeds of real programs: shell scripts in place of tegrastats and nvidia-smi.
@Suite(.timeLimit(.minutes(2))) struct ChildTests {
    typealias Sensors = MachineSensors<ChildRunner, ContinuousClock>

    static let quick: FeedPatience = {
        var patience = FeedPatience()
        patience.first = .milliseconds(5)
        patience.longest = .milliseconds(20)
        patience.stale = .seconds(60)
        return patience
    }()

    /// Runs a script in place of a program while the body does.
    private func with(
        _ name: String = "tegrastats", script: String, patience: FeedPatience = quick,
        _ body: (Scratch, Sensors, AsyncStream<FeedEvent>) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        try scratch.write("/usr/bin/\(name)", "#!/bin/sh\n\(script)\n", isProgram: true)
        let (events, tell) = AsyncStream<FeedEvent>.makeStream()
        let sensors = Sensors(
            tree: scratch.tree, runner: ChildRunner(), clock: ContinuousClock(),
            patience: patience, report: { tell.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sensors.run() }
            try await body(scratch, sensors, events)
            group.cancelAll()
            try await group.waitForAll()
        }
        // Gone and waited for: a zombie could still be sent a signal.
        for file in scratch.tree.names("/pids") {
            let pid = try #require(Int32(file))
            #expect(kill(pid, 0) == -1 && errno == ESRCH, "process \(pid) is still there")
        }
    }

    /// Makes a script write its process id, by which it is looked for later.
    private static let mark = #"mkdir -p "${0%/usr/*}/pids"; : > "${0%/usr/*}/pids/$$""#

    @Test func `a program's lines arrive and it is ended at the end`() async throws {
        let script = """
            \(Self.mark)
            echo "$@" > "${0%/usr/*}/arguments"
            while :; do echo 'RAM 1/2MB GR3D_FREQ 37% cpu@41.5C VDD_IN 4000/4000'; sleep 0.05; done
            """
        try await with(script: script) { scratch, sensors, events in
            for _ in 0..<3 {
                #expect(await events.take() == .updated(program: "tegrastats"))
            }
            #expect(scratch.tree.line("/arguments") == "--interval 1000")
            var sampler = sensors.sampler()
            let sample = sampler.sample()
            #expect(sample.gpu == 0.37)
            #expect(sample.temperature == 41.5)
            #expect(sample.power == 4)
        }
    }

    @Test func `a program that crashes is started again`() async throws {
        let script = "\(Self.mark)\necho 'GR3D_FREQ 37%'; echo 'some error' >&2; exit 3"
        try await with(script: script) { scratch, _, events in
            for _ in 0..<3 {
                #expect(await events.take() == .updated(program: "tegrastats"))
                guard case .ended("tegrastats", let how, let again) = await events.take() else {
                    Issue.record("it did not end")
                    return
                }
                #expect(how == "exited(3)")
                #expect(again <= .milliseconds(20))
            }
            #expect(scratch.tree.names("/pids").count >= 3)
        }
    }

    @Test func `a program that hangs is killed even if it does not listen`() async throws {
        var patience = Self.quick
        patience.silent = .milliseconds(300)
        let script = """
            \(Self.mark)
            trap '' TERM INT HUP
            echo 'GR3D_FREQ 37%'
            while :; do read -r x < "${0%/usr/*}/never" || :; done
            """
        let make = { (scratch: Scratch) in
            #expect(unsafe mkfifo(scratch.path + "/never", 0o600) == 0)
        }
        try await with(
            script: "[ -p \"${0%/usr/*}/never\" ] || exit 9\n" + script, patience: patience
        ) {
            scratch, _, events in
            make(scratch)
            var ends: [String] = []
            while ends.count < 2 {
                guard case .ended(_, let how, _) = await events.take() else { continue }
                if how != "exited(9)" { ends.append(how) }
            }
            #expect(ends.allSatisfy { $0 == "it wrote nothing for 0.3 seconds" })
        }
    }

    @Test func `a flood without lines does no harm`() async throws {
        let script = """
            \(Self.mark)
            head -c 3000000 /dev/zero | tr '\\0' x; echo
            echo 'GR3D_FREQ 37%'
            exec sleep 1000
            """
        try await with(script: script) { _, sensors, events in
            #expect(
                await events.take()
                    == .refused(
                        program: "tegrastats", reason: "the line has more than 8192 bytes"))
            #expect(await events.take() == .updated(program: "tegrastats"))
            var sampler = sensors.sampler()
            #expect(sampler.sample().gpu == 0.37)
        }
    }

    @Test func `a program that cannot be started is tried again`() async throws {
        let scratch = try Scratch()
        try scratch.write("/usr/bin/tegrastats", "#!/no/such/shell\n", isProgram: true)
        let (events, tell) = AsyncStream<FeedEvent>.makeStream()
        let sensors = Sensors(
            tree: scratch.tree, runner: ChildRunner(), clock: ContinuousClock(),
            patience: Self.quick, report: { tell.yield($0) })
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await sensors.run() }
            var count = 0
            for await event in events {
                guard case .ended("tegrastats", _, _) = event else {
                    Issue.record("\(event)")
                    break
                }
                count += 1
                if count == 3 { break }
            }
            group.cancelAll()
        }
    }

    @Test func `a Spark is asked by nvidia-smi`() async throws {
        let script = """
            \(Self.mark)
            echo "$@" > "${0%/usr/*}/arguments"
            while :; do echo '93, 61, [N/A]'; sleep 0.05; done
            """
        try await with("nvidia-smi", script: script) { scratch, sensors, events in
            #expect(sensors.programs == ["nvidia-smi"])
            #expect(await events.take() == .updated(program: "nvidia-smi"))
            #expect(
                scratch.tree.line("/arguments")
                    == "--query-gpu=utilization.gpu,temperature.gpu,power.draw "
                    + "--format=csv,noheader,nounits -l 1")
            var sampler = sensors.sampler()
            let sample = sampler.sample()
            #expect(sample.gpu == 0.93)
            #expect(sample.temperatures == [.init(name: "gpu", value: 61)])
            #expect(sample.power == nil && sample.watts == [])
        }
    }

    @Test func `no descriptor is left open`() async throws {
        let scratch = try Scratch()
        try scratch.write(
            "/usr/bin/tegrastats", "#!/bin/sh\necho 'GR3D_FREQ 1%'\n", isProgram: true)
        let runner = ChildRunner()
        let program = Program(path: scratch.path + "/usr/bin/tegrastats", arguments: [])
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
                let link = "/proc/self/fd/\($0)"
                let end = (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) ?? ""
                return end.hasPrefix("pipe:")
            }.count
        }
        _ = try await runner.run(program) { _ in }
        let before = try descriptors()
        for _ in 0..<50 { _ = try await runner.run(program) { _ in } }
        // Other tests run beside this one, with a few pipes of their own.
        #expect(try descriptors() < before + 25)
    }
}
