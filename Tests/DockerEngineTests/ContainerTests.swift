import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import DockerEngine

@Suite("Containers on a real engine", .timeLimit(.minutes(5)))
struct ContainerTests {
    @Test("the engine describes itself")
    func system() async throws {
        try await withDocker { engine, daemon in
            let version = try await engine.ping()
            #expect(version.negotiated >= .floor && version.negotiated <= .ceiling)
            #expect(version.osType == "linux")
            let info = try await engine.info()
            #expect(info.runtimes.contains("runc") && info.memTotal > 0 && info.ncpu > 0)
            #expect(["1", "2"].contains(info.cgroupVersion) && info.rootDir.hasPrefix("/"))
            #expect(!info.serverVersion.isEmpty && !daemon.socketPath.isEmpty)
        }
    }

    @Test("runs to exit 3, with both outputs apart")
    func exit() async throws {
        try await withContainer("echo out; echo err >&2; exit 3") { engine, id in
            #expect(try await engine.inspect(id)?.state == .created)
            try await engine.start(id)
            #expect(try await engine.wait(id) == 3)
            let info = try #require(try await engine.inspect(id))
            #expect(info.state == .exited && info.exitCode == 3 && !info.oomKilled)
            #expect(info.id == id && info.name.hasPrefix("jt-c-"))
            #expect(info.startedAt.hasPrefix("20") && info.finishedAt.hasPrefix("20"))
            #expect(info.imageID.hasPrefix("sha256:") && info.restartCount == 0)
            let text = try await output(engine, id)
            #expect(text.out == "out\n" && text.err == "err\n")
        }
    }

    @Test("tells a kill for memory")
    func outOfMemory() async throws {
        // The daemon hears of the kill and of the exit on two ways. On a busy machine the exit can
        // come first, and then it never says so: a few tries have to do.
        var isTold = false
        for _ in 0..<8 where !isTold {
            try await withContainer(
                "busybox dd if=/dev/zero of=/dev/null bs=200M count=1",
                change: { $0.memoryLimit = 16 * 1024 * 1024 }
            ) { engine, id in
                try await engine.start(id)
                #expect(try await engine.wait(id) == 137)
                isTold = try await engine.inspect(id)?.oomKilled == true
            }
        }
        #expect(isTold)
    }

    @Test("a taken name tells who has it")
    func nameConflict() async throws {
        try await withContainer("exit 0") { engine, id in
            let name = try #require(try await engine.inspect(id)).name
            let code = await failureCode {
                try await engine.create(
                    name: name, ContainerSpec(image: SharedDocker.image, command: ["/bin/sh"]))
            }
            #expect(code == .nameConflict(existingID: id))
        }
    }

    @Test("a missing image, runtime or mount source fails at create")
    func badSpecifications() async throws {
        try await withDocker { engine, _ in
            let name = SharedDocker.uniqueName("bad")
            let missing = ContainerSpec(image: "jessica-test/none:9")
            #expect(
                await failureCode { try await engine.create(name: name, missing) } == .imageNotFound
            )
            var runtime = ContainerSpec(image: SharedDocker.image, command: ["/bin/sh"])
            runtime.runtime = "no-such-runtime"
            #expect(
                await failureCode { try await engine.create(name: name, runtime) }
                    == .invalidArgument)
            var mount = ContainerSpec(image: SharedDocker.image, command: ["/bin/sh"])
            mount.mounts = [.init(source: "/no/such/place", target: "/x")]
            #expect(
                await failureCode { try await engine.create(name: name, mount) } == .invalidArgument
            )
            let left = try await engine.inspect(name)
            #expect(left == nil)
        }
    }

    @Test(
        "a command that cannot run fails the start",
        arguments: [("/no/such", 127), ("/etc/notexec", 126)])
    func badCommand(_ sample: (String, Int)) async throws {
        try await withContainer(
            "",
            change: {
                $0.command = [sample.0]; $0.initProcess = false
            }
        ) {
            engine, id in
            #expect(
                await failureCode { try await engine.start(id) } == .badCommand(exitCode: sample.1))
            let info = try #require(try await engine.inspect(id))
            #expect(info.state == .created && info.exitCode == sample.1 && !info.error.isEmpty)
        }
    }

    @Test("a missing device or container fails the start otherwise; a second start is fine")
    func otherStarts() async throws {
        try await withContainer("exit 0", change: { $0.devices = [.init("/dev/no-such")] }) {
            engine, id in
            do {
                try await engine.start(id)
                Issue.record("started")
            } catch let error as DockerError {
                #expect(error.code == .other && error.message.contains("/dev/no-such"))
            }
            #expect(await failureCode { try await engine.start("jt-none") } == .notFound)
        }
        try await withContainer("busybox sleep 600") { engine, id in
            try await engine.start(id)
            try await engine.start(id)
        }
    }

    @Test("stops with and without the container's cooperation")
    func stop() async throws {
        try await withContainer("trap 'exit 7' TERM; echo up; while :; do busybox sleep 0.05; done")
        {
            engine, id in
            try await engine.start(id)
            try await Self.waitForOutput(engine, id)
            try await engine.stop(id, grace: 20)
            #expect(try await engine.inspect(id)?.exitCode == 7)
            try await engine.stop(id, grace: 1)
        }
        try await withContainer("trap '' TERM; echo up; while :; do busybox sleep 0.05; done") {
            engine, id in
            try await engine.start(id)
            try await Self.waitForOutput(engine, id)
            let began = ContinuousClock.now
            try await engine.stop(id, grace: 1)
            #expect(try await engine.inspect(id)?.exitCode == 137)
            #expect(ContinuousClock.now - began > .milliseconds(900))
        }
        try await withDocker { engine, _ in
            #expect(await failureCode { try await engine.stop("jt-none", grace: 1) } == .notFound)
        }
    }

    @Test("kills what runs, and says what does not")
    func kill() async throws {
        try await withContainer("busybox sleep 600", change: { $0.initProcess = true }) {
            engine, id in
            #expect(await failureCode { try await engine.kill(id) } == .notRunning)
            try await engine.start(id)
            async let code = engine.wait(id)
            try await engine.kill(id, signal: "SIGTERM")
            #expect(try await code == 143)
            #expect(await failureCode { try await engine.kill("jt-none") } == .notFound)
            #expect(
                await failureCode { try await engine.kill(id, signal: "../x") } == .invalidArgument)
        }
    }

    @Test("removes what runs only by force, from many sides at once, and again")
    func remove() async throws {
        try await withContainer("busybox sleep 600") { engine, id in
            try await engine.start(id)
            #expect(await failureCode { try await engine.remove(id) } == .conflict)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { try await engine.remove(id, force: true) } }
                try await group.waitForAll()
            }
            #expect(try await engine.inspect(id) == nil)
            try await engine.remove(id, force: true)
        }
    }

    @Test("lists by label")
    func list() async throws {
        let mark = SharedDocker.uniqueName("mark")
        try await withContainer("busybox sleep 600", change: { $0.labels["jt.mark"] = mark }) {
            engine, id in
            #expect(try await engine.list(labels: ["jt.mark": mark], all: false).isEmpty)
            let found = try await engine.list(labels: ["jt.mark": mark])
            #expect(found.map(\.id) == [id] && found.first?.state == .created)
            #expect(found.first?.labels["jessica.test"] == "1")
            #expect(try await engine.list(labels: ["jt.mark": ""]).contains { $0.id == id })
            #expect(try await engine.list(labels: ["jt.mark": "x"]).isEmpty)
            try await engine.start(id)
            #expect(try await engine.list(labels: ["jt.mark": mark], all: false).count == 1)
        }
    }

    @Test("the daemon applies what the specification says")
    func specification() async throws {
        try await withFolder { folder in
            try "host".write(toFile: folder + "/f", atomically: true, encoding: .utf8)
            let script = """
                busybox grep -E 'CapEff|NoNewPrivs' /proc/self/status
                busybox id -u; pwd; echo "$GREETING"
                busybox cat /ro/f; echo x >/ro/g; echo x >/rw/g && echo rw
                echo x >/mem/f && echo mem; echo x >/g
                busybox df -k /dev/shm | busybox tail -n 1
                busybox cat /proc/1/comm
                """
            try await withContainer(
                script,
                change: {
                    $0.env = ["GREETING": "a=b c"]
                    $0.user = "0:0"
                    $0.workingDir = "/tmp"
                    $0.readOnlyRootfs = true
                    $0.mounts = [
                        .init(source: folder, target: "/ro"),
                        .init(source: folder, target: "/rw", readOnly: false),
                    ]
                    $0.tmpfs = [.init(target: "/mem", sizeBytes: 1 << 20)]
                    $0.shmSize = 8 << 20
                    $0.devices = [.init("/dev/null", pathInContainer: "/dev/mynull")]
                    $0.stopTimeout = 3
                }
            ) { engine, id in
                try await engine.start(id)
                _ = try await engine.wait(id)
                let text = try await output(engine, id)
                let lines = text.out.split(separator: "\n").map(String.init)
                #expect(lines.contains("CapEff:\t0000000000000000"))
                #expect(lines.contains("NoNewPrivs:\t1"))
                #expect(lines.contains("a=b c") && lines.contains("/tmp"))
                #expect(text.out.contains("hostrw\nmem\n"))
                #expect(text.out.contains(" 8192 "))
                #expect(lines.last == "docker-init")
                #expect(text.err.contains("/ro/g") && text.err.contains("can't create /g"))
            }
        }
    }

    @Test("reads what a container uses")
    func stats() async throws {
        try await withContainer("busybox sleep 600", change: { $0.memoryLimit = 64 << 20 }) {
            engine, id in
            try await engine.start(id)
            let stats = try #require(try await engine.stats(id))
            #expect(stats.memoryLimitBytes == 64 << 20 && stats.memoryBytes > 0)
            #expect(stats.processes >= 1 && stats.onlineCPUs > 0 && stats.systemNanoseconds > 0)
            #expect(try await engine.stats("jt-none") == nil)
        }
    }

    @Test("many waits at once leave room for other calls, and end when cancelled")
    func manyWaits() async throws {
        try await withContainer("busybox sleep 600") { engine, id in
            try await engine.start(id)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        await #expect(throws: CancellationError.self) { try await engine.wait(id) }
                    }
                }
                for _ in 0..<5 { #expect(try await engine.inspect(id)?.state == .running) }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    /// Returns when the container has written something.
    static func waitForOutput(_ engine: DockerEngine, _ id: String) async throws {
        for try await _ in try await engine.logs(id, follow: true) { return }
    }
}
