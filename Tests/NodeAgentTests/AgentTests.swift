import DockerEngine
import FleetCore
import Foundation
import NIOCore
import Testing

@testable import NodeAgent

/// A whole agent against a real link and a real Docker Engine.
@Suite(.serialized, .timeLimit(.minutes(5))) struct AgentTests {
    private let key = AttemptKey(job: "01JTEST", number: 1)

    @Test func anExecAttemptSucceeds() async throws {
        try await Harness.with { harness in
            try await harness.withAgent {
                harness.controller.order(
                    harness.container(
                        key,
                        """
                        busybox cat /job/input.json > /job/outputs/in.json
                        busybox mkdir -p /job/outputs/sub
                        echo $JESSICA_JOB > /job/outputs/sub/name.txt
                        echo working; echo done 100% >&2
                        """))
                let report = try await harness.controller.attempt(key, .succeeded)
                #expect(report.error == nil)
                #expect(report.phase == .succeeded)
                #expect(report.exitCode == 0)
                #expect(report.outputs.map(\.name) == ["in.json", "sub-name.txt"])
                #expect(report.outputs.map(\.contentType) == ["application/json", "text/plain"])
                #expect(report.outputs.map(\.size) == [19, 8])
                let stored = harness.store.thing("/outputs/\(key)/in.json")
                #expect(stored?.body == Array("{\"prompt\":\"sunset\"}".utf8))
                #expect(stored?.contentType == "application/json")
                _ = try await harness.controller.wait("log") {
                    let log = $0.log(key)
                    return log.contains("working\n") && log.contains("done 100%\n") ? log : nil
                }
                // Nothing is left on the node but the outputs, until the controller lets go of them.
                #expect(try await harness.engine.list(labels: harness.labels.common).isEmpty)
                harness.controller.order { $0.attempts = [] }
                let folder = harness.settings.stateDir + "/attempts/" + NodeLabels.plain(key)
                try await eventually("outputs deleted") {
                    !FileManager.default.fileExists(atPath: folder)
                }
            }
            let phases = harness.controller.reports(key).map(\.phase)
            #expect(phases.map(\.rank) == phases.map(\.rank).sorted())
            #expect(phases.contains(.running) && phases.contains(.uploading))
        }
    }

    @Test func anExitCodeIsAFailure() async throws {
        try await Harness.with { harness in
            try await harness.withAgent {
                harness.controller.order(harness.container(key, "echo no >&2; exit 3"))
                let report = try await harness.controller.attempt(key, .failed)
                #expect(report.phase == .failed)
                #expect(report.error?.code == .exitCode)
                #expect(report.exitCode == 3)
                #expect(try await harness.engine.list(labels: harness.labels.common).isEmpty)
                _ = try await harness.controller.wait("log") { $0.log(key) == "no\n" ? true : nil }
            }
        }
    }

    @Test func whatCannotRunFails() async throws {
        try await Harness.with { harness in
            let second = AttemptKey(job: "01JTEST2", number: 1)
            try await harness.withAgent {
                var order = harness.container(key, "")
                order.place = .container(
                    ContainerOrder(image: PrivateDocker.image, command: ["/no/such/command"]))
                harness.controller.order(order)
                var other = harness.container(second, "")
                other.place = .container(
                    ContainerOrder(image: "127.0.0.1:1/none:1", command: []))
                harness.controller.order(other)
                let report = try await harness.controller.attempt(key, .failed)
                // The small init runs, and finds no command.
                #expect(report.exitCode == 127)
                #expect(report.error?.message.contains("not found") == true)
                let pull = try await harness.controller.attempt(second, .failed)
                #expect(pull.error?.code == .pullFailed)
                #expect(try await harness.engine.list(labels: harness.labels.common).isEmpty)
            }
        }
    }

    @Test func aRunningAttemptIsStopped() async throws {
        try await Harness.with { harness in
            try await harness.withAgent {
                let script = "echo begun; while :; do busybox sleep 1; done"
                harness.controller.order(harness.container(key, script))
                try await harness.controller.reach(key, .running)
                _ = try await harness.controller.wait("log") {
                    $0.log(key) == "begun\n" ? true : nil
                }
                harness.controller.order(harness.container(key, script, stop: .cancelled))
                let report = try await harness.controller.attempt(key, .stopped)
                #expect(report.phase == .stopped)
                #expect(try await harness.engine.list(labels: harness.labels.common).isEmpty)
            }
        }
    }

    @Test func anExecAttemptSucceedsInARootItCannotWriteTo() async throws {
        try await Harness.with { harness in
            try await harness.withAgent {
                let script = """
                    echo x > /x && exit 1
                    busybox cp /job/input.json /job/outputs/in.json && echo tmp > /tmp/x
                    """
                harness.controller.order(
                    harness.container(key, script, image: PrivateDocker.readOnlyImage))
                let report = try await harness.controller.attempt(key, .succeeded)
                #expect(report.error == nil && report.outputs.map(\.size) == [19])
                #expect(try await harness.engine.list(labels: harness.labels.common).isEmpty)
                #expect(try await harness.engine.listVolumes(labels: harness.labels.common).isEmpty)
            }
        }
    }

    @Test func workGoesOnWithoutTheAgent() async throws {
        try await Harness.with { harness in
            let script = """
                echo begun
                until busybox test -e /tmp/go; do busybox sleep 0.1; done
                echo on > /job/outputs/x
                """
            try await harness.withAgent {
                harness.controller.order(harness.container(key, script))
                try await harness.controller.reach(key, .running)
                _ = try await harness.controller.wait("log") {
                    $0.log(key) == "begun\n" ? true : nil
                }
            }
            let name = harness.labels.name(key)
            let before = try #require(try await harness.engine.inspect(name))
            #expect(before.state == .running)
            try await harness.withAgent {
                let hello = try await harness.controller.wait("second hello") { controller in
                    let hellos = controller.heard.compactMap { message -> Hello? in
                        guard case .hello(let hello) = message else { return nil }
                        return hello
                    }
                    return hellos.first { $0.incarnation != hellos.first?.incarnation }
                }
                #expect(hello.attempts == [key])
                try await harness.engine.putFile(before.id, path: "/tmp/go", .init(string: "1"))
                let report = try await harness.controller.attempt(key, .succeeded)
                #expect(report.outputs.map(\.name) == ["x"])
            }
            #expect(harness.controller.log(key) == "begun\n")
            #expect(harness.store.thing("/outputs/\(key)/x")?.body == Array("on\n".utf8))
        }
    }

    @Test func theEndIsFoundThatCameWhileTheAgentWasAway() async throws {
        try await Harness.with { harness in
            try await harness.withAgent {
                harness.controller.order(
                    harness.container(
                        key, "until busybox test -e /tmp/go; do busybox sleep 0.1; done; exit 5"))
                try await harness.controller.reach(key, .running)
            }
            let name = harness.labels.name(key)
            try await harness.engine.putFile(name, path: "/tmp/go", .init(string: "1"))
            #expect(try await harness.engine.wait(name) == 5)
            try await harness.withAgent {
                let report = try await harness.controller.attempt(key, .failed)
                #expect(report.error?.code == .exitCode)
                #expect(report.exitCode == 5)
            }
        }
    }

    @Test func aWorkerIsKeptRunningAndCleanedAway() async throws {
        try await Harness.with { harness in
            let id = WorkerID("w-1")
            let spec = WorkerSpec(
                image: PrivateDocker.image, contract: .opaque, memory: 64 << 20,
                command: ["/bin/sh", "-c", "while :; do busybox sleep 1; done"])
            try await harness.withAgent {
                harness.controller.order {
                    $0.workers = [
                        WorkerOrder(
                            id: id, spec: spec, isPod: true,
                            readyWithin: .seconds(30))
                    ]
                }
                _ = try await harness.controller.wait("worker ready") {
                    $0.workerReports(id).first { $0.phase == .ready }
                }
                let name = harness.labels.name(id)
                let first = try #require(try await harness.engine.inspect(name))
                try await harness.engine.kill(first.id)
                _ = try await harness.controller.wait("worker ready again") {
                    $0.workerReports(id).first { $0.phase == .ready && $0.restarts == 1 }
                }
                #expect(try #require(try await harness.engine.inspect(name)).id != first.id)

                // What nobody ordered goes as well.
                var stray = ContainerSpec(image: PrivateDocker.image, command: ["/bin/sh"])
                stray.labels = harness.labels.common
                _ = try await harness.engine.create(name: harness.labels.network + "-stray", stray)
                try FileManager.default.createDirectory(
                    atPath: harness.settings.stateDir + "/attempts/OLD-1",
                    withIntermediateDirectories: true)
                harness.controller.order {
                    $0.workers = []
                    $0.cleaning = 7
                }
                let clean = try await harness.controller.wait("cleaned") { controller in
                    controller.heard.compactMap { message -> CleanReport? in
                        guard case .report(_, .cleaned(let report)) = message else { return nil }
                        return report
                    }.first
                }
                #expect(clean == CleanReport(order: 7, leftovers: []))
                #expect(try await harness.engine.list(labels: harness.labels.common).isEmpty)
                #expect(try await harness.engine.inspectNetwork(harness.labels.network) == nil)
                let left = try FileManager.default.contentsOfDirectory(
                    atPath: harness.settings.stateDir + "/attempts")
                #expect(left.isEmpty)
            }
        }
    }

    @Test func aForeignContainerIsNotTouched() async throws {
        try await Harness.with { harness in
            var foreign = ContainerSpec(image: PrivateDocker.image, command: ["/bin/sh"])
            foreign.labels = ["jessica.fleet": "another"]
            let name = harness.labels.name(key)
            let id = try await harness.engine.create(name: name, foreign)
            try await harness.withAgent {
                harness.controller.order(harness.container(key, "echo"))
                let report = try await harness.controller.attempt(key, .failed)
                #expect(report.error?.code == .startFailed)
            }
            #expect(try await harness.engine.inspect(id) != nil)
            try await harness.engine.remove(id, force: true)
        }
    }

    @Test func aSecondAgentRefusesToStart() async throws {
        try await Harness.with { harness in
            try await harness.withAgent {
                _ = try await harness.controller.wait("hello") { $0.heard.isEmpty ? nil : true }
                await #expect(throws: AgentError.self) {
                    try await NodeAgent(settings: harness.settings, logger: quiet).run()
                }
            }
        }
    }

    @Test func samplesAreSent() async throws {
        try await Harness.with { harness in
            try await harness.withAgent {
                let sample = try await harness.controller.wait("telemetry") { controller in
                    controller.heard.compactMap { message -> Telemetry? in
                        guard case .telemetry(let sample) = message else { return nil }
                        return sample
                    }.first { $0.cpu != nil }
                }
                #expect(sample.memoryTotal != nil && sample.diskFree != nil)
            }
        }
    }
}

/// Waits until something is so, by looking now and then: for files, which tell nobody.
func eventually(_ what: String, _ check: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while !check() {
        guard ContinuousClock.now < deadline else { throw Timeout(description: what) }
        await Task.yield()
    }
}
