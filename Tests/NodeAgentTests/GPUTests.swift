import FleetCore
import NIOHTTP1
import Testing

@testable import DockerEngine
@testable import NodeAgent

/// Workers with a GPU and devices on a real engine, which has a runtime of that name.
@Suite(.timeLimit(.minutes(2))) struct GPUTests {
    private func order(_ id: WorkerID, gpu: Bool) -> WorkerOrder {
        let spec = WorkerSpec(
            image: PrivateDocker.image, contract: .opaque, memory: 64 << 20, gpu: gpu,
            devices: ["/dev/null"],
            command: ["/bin/sh", "-c", "while :; do busybox sleep 1; done"])
        return WorkerOrder(id: id, spec: spec, isPod: true, readyWithin: .seconds(30))
    }

    /// An engine of somebody's own may have no such runtime, and one without runc.
    private func hasRuntime(_ engine: DockerEngine) async throws -> Bool {
        try await engine.info().runtimes.contains("nvidia")
    }

    /// Expects that Docker holds what was ordered for a container.
    private func expectAsOrdered(
        _ engine: DockerEngine, _ container: String, gpu: Bool
    ) async throws {
        let all = try await engine.send(Call(.GET, ["containers", container, "json"])).json()
        let host = all["HostConfig"]
        #expect((host["Runtime"].string == "nvidia") == gpu)
        #expect(all["Config"]["Env"].strings.contains("NVIDIA_VISIBLE_DEVICES=all") == gpu)
        #expect(host["DeviceRequests"].elements.isEmpty)
        let device = JSONValue.object([
            "PathOnHost": .string("/dev/null"), "PathInContainer": .string("/dev/null"),
            "CgroupPermissions": .string("rw"),
        ])
        #expect(host["Devices"] == .array([device]))
        #expect(host["ShmSize"].int64 == 1 << 30)
        var limits: [String: Int64] = ["core": 0]
        if gpu { limits.merge(["memlock": -1, "stack": 64 << 20]) { $1 } }
        let given = host["Ulimits"].elements
        #expect(Set(given.compactMap { $0["Name"].string }) == Set(limits.keys))
        for limit in given {
            let wanted = limits[limit["Name"].string ?? ""]
            #expect(limit["Soft"].int64 == wanted && limit["Hard"].int64 == wanted, "\(limit)")
        }
    }

    @Test func `Docker takes a GPU, devices and limits as they are ordered`() async throws {
        let socket = try await PrivateDocker.socket()
        try await DockerEngine.with(socketPath: socket, logger: quiet) { engine in
            guard try await hasRuntime(engine) else { return }
            let facts = HostFacts(
                engine: engine, models: nil, memoryMax: 1 << 30,
                devices: DeviceRules(more: ["/dev/null"]), logger: quiet)
            for gpu in [true, false] {
                let policy = try await facts.policy(
                    network: "bridge", gpu: gpu ? .wanted : .none, needsModels: false)
                let spec = try policy.worker(
                    order("w", gpu: gpu).spec, image: PrivateDocker.image, labels: [:],
                    device: HostFacts.device)
                // Only made: whether it may be started is for the machine to say.
                let id = try await engine.create(
                    name: "gpu-\(UInt32.random(in: 0 ... .max))", spec)
                let outcome: Result<Void, any Error>
                do {
                    outcome = .success(try await expectAsOrdered(engine, id, gpu: gpu))
                } catch { outcome = .failure(error) }
                try await engine.remove(id, force: true)
                try outcome.get()
            }
        }
    }

    @Test func `a whole agent starts them so, or says why it cannot`() async throws {
        try await Harness.with { usual in
            guard try await hasRuntime(usual.engine) else { return }
            let harness = usual.allowing(["/dev/null"])
            let withGPU = WorkerID("w-gpu")
            let without = WorkerID("w-plain")
            try await harness.withAgent {
                harness.controller.order { $0.workers = [order(withGPU, gpu: true)] }
                let report = try await harness.controller.wait("the worker with a GPU") {
                    $0.workerReports(withGPU).first { $0.phase == .ready || $0.error != nil }
                }
                let name = harness.labels.name(withGPU)
                if report.phase == .ready {
                    try await expectAsOrdered(harness.engine, name, gpu: true)
                } else {
                    // Where the engine itself may not raise limits (no CAP_SYS_RESOURCE), it does not
                    // start what wants to lock memory.
                    #expect(report.error?.code == .startFailed)
                    #expect(report.error?.message.contains("rlimit") == true, "\(report)")
                    #expect(try await harness.engine.inspect(name)?.state != .running)
                }
                harness.controller.order { $0.workers = [order(without, gpu: false)] }
                _ = try await harness.controller.wait("the worker without one") {
                    $0.workerReports(without).first { $0.phase == .ready }
                }
                try await expectAsOrdered(
                    harness.engine, harness.labels.name(without), gpu: false)
            }
        }
    }
}
