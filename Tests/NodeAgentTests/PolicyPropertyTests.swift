import FleetCore
import Testing

@testable import DockerEngine
@testable import NodeAgent

/// Whatever is ordered, what Docker is asked for is never more than the policy gives.
@Suite struct PolicyPropertyTests {
    private var random = SeededGenerator(seed: 4)

    /// Texts as an enemy would write them, and ordinary ones.
    private static let texts = [
        "", "a", "jessica/sdxl:latest", "host", "container:other", "/var/run/docker.sock", "/",
        "../..",
        "/dev/video0", "/dev/snd/timer", "/dev/sda", "/dev/robot", "/dev/../\u{301}/sda",
        "/dev/../etc/shadow", "/dev/mem", "--privileged", "SYS_ADMIN", "\u{0}", "\n",
        "\"}", "{\"Privileged\":true}", "A=b", "LD_PRELOAD", "ünïcode", "0", "root",
        "sdxl-base-1.0", "nvidia", String(repeating: "x", count: 300), "true", "bridge",
        "jessica-mesh", "fleet-mgmt", "jessica-agx-02",
    ]

    /// What a create request may hold at all.
    private static let bodyKeys: Set<String> = ["Image", "Labels", "Env", "HostConfig", "Cmd"]
    private static let hostKeys: Set<String> = [
        "RestartPolicy", "Init", "ReadonlyRootfs", "Mounts", "Devices", "LogConfig", "Memory",
        "MemorySwap", "PidsLimit", "ShmSize", "CapDrop", "SecurityOpt", "GroupAdd", "Runtime",
        "Ulimits", "DeviceRequests",
        "NetworkMode",
    ]

    @Test mutating func `no order widens what a container may do`() throws {
        for _ in 0..<5_000 {
            let hasModels = Bool.random(using: &random)
            let models = ModelsMount(source: "/srv/models", target: "/mnt/models")
            let policy = ContainerPolicy(
                network: "jessica-agx-01", models: hasModels ? models : nil,
                gpu: [.none, .runtime, .cdi("nvidia.com/gpu=all")].randomElement(using: &random)
                    ?? .none,
                memoryMax: [1, 1 << 21, 1 << 36].randomElement(using: &random) ?? 1,
                devices: DeviceRules(more: ["/dev/robot"]))
            var spec = worker()
            spec.networks = list()
            let networks = ContainerPolicy.networks(of: spec)
            #expect(Set(networks).isSubset(of: WorkerSpec.clusterNetworks), "\(networks)")
            let group = UInt32.random(in: 0...50, using: &random)
            // A machine that has every device, and links that lead anywhere.
            let end = Bool.random(using: &random) ? nil : text()
            let made = try? policy.worker(
                spec, image: text(), imageLabels: ["jessica.read-only": text(), text(): text()],
                labels: ["jessica.node": "agx-01"],
                device: { .init(path: end ?? $0, group: group) })
            if let made {
                let volume = spec.contract == .cog ? "/tmp" : nil
                try check(
                    made, memory: spec.memory, devices: spec.devices, volume: volume, policy)
                #expect(made.devices.count == spec.devices.count)
            }
            let order = ContainerOrder(image: text(), command: list(), memory: memory())
            let own = policy.attempt(
                AttemptKey(job: "j", number: 1), order, image: text(),
                imageLabels: ["jessica.read-only": text(), text(): text()],
                labels: ["jessica.node": "agx-01"], environment: ["JESSICA_JOB": text()])
            try check(own, memory: order.memory, devices: [], volume: "/job", policy)
        }
    }

    private func check(
        _ spec: ContainerSpec, memory: Int64?, devices: [String], volume: String?,
        _ policy: ContainerPolicy
    ) throws {
        guard case .object(let body) = try spec.json(),
            case .object(let host)? = body["HostConfig"]
        else {
            Issue.record("no object")
            return
        }
        #expect(Set(body.keys).isSubset(of: Self.bodyKeys), "\(body.keys)")
        #expect(Set(host.keys).isSubset(of: Self.hostKeys), "\(host.keys)")
        #expect(host["CapDrop"] == .list(["ALL"]))
        #expect(host["SecurityOpt"] == .list(["no-new-privileges:true"]))
        #expect(host["NetworkMode"] == .string("jessica-agx-01"))
        #expect(host["PidsLimit"] == .int(512))
        #expect(host["RestartPolicy"] == .object(["Name": .string("no")]))
        let limit = try #require(host["Memory"]?.int64)
        #expect(0 < limit && limit <= policy.memoryMax)
        if let memory, memory > 0 { #expect(limit == min(memory, policy.memoryMax)) }
        // Swap is for who has not said what it needs.
        #expect(host["MemorySwap"] == ((memory ?? 0) > 0 ? host["Memory"] : .int(-1)))
        #expect(host["Runtime"] == nil || host["Runtime"] == .string("nvidia"))
        for mount in spec.mounts {
            #expect(mount.readOnly)
            #expect(ModelsMount(source: mount.source, target: mount.target) == policy.models)
        }
        #expect(spec.mounts.count == (policy.models == nil ? 0 : 1))
        for device in spec.devices {
            let allowed = ["/dev/video0", "/dev/snd/timer", "/dev/robot"]
            #expect(allowed.contains(device.pathOnHost))
            #expect(allowed.contains(device.pathInContainer))
            #expect(devices.contains(device.pathInContainer) && device.permissions == "rw")
        }
        let request = JSONValue.object([
            "Driver": .string("cdi"), "DeviceIDs": .list(["nvidia.com/gpu=all"]),
        ])
        #expect(host["DeviceRequests"] == nil || host["DeviceRequests"] == .array([request]))
        // Without the label of its node nobody would find a volume whose container is lost.
        #expect(
            spec.volumes.allSatisfy {
                $0.target == volume && $0.labels == ["jessica.node": "agx-01"]
            })
        #expect(spec.tmpfs.allSatisfy { $0.target == "/tmp" })
        let own = spec.volumes.map(\.target) + spec.tmpfs.map(\.target)
        #expect(Set(own).count == own.count && own.contains("/tmp") == spec.readOnlyRootfs)
        #expect(!spec.groups.contains("0"))
        for name in spec.env.keys {
            #expect(name.hasPrefix("JESSICA_") || name.hasPrefix("NVIDIA_"))
        }
    }

    // MARK: Orders

    private mutating func text() -> String {
        Self.texts.randomElement(using: &random) ?? ""
    }
    private mutating func list() -> [String] {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in text() }
    }
    private mutating func memory() -> Int64? {
        [nil, 0, -1, 1 << 20, .max, .min].randomElement(using: &random) ?? nil
    }
    private mutating func worker() -> WorkerSpec {
        WorkerSpec(
            image: text(), contract: Contract.allCases.randomElement(using: &random) ?? .cog,
            slots: Int.random(in: 1...4, using: &random),
            memory: memory(), gpu: Bool.random(using: &random), models: list(), devices: list(),
            components: list(), command: list())
    }
}
