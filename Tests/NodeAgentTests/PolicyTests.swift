import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite struct PolicyTests {
    let policy = ContainerPolicy(
        network: "net", models: ModelsMount(source: "/srv/models", target: "/mnt/models"),
        gpu: .runtime, memoryMax: 1 << 33)

    /// What must hold for every container, whatever was ordered.
    private func check(_ spec: ContainerSpec, memory: Int64?) {
        #expect(spec.capDropAll)
        #expect(spec.noNewPrivileges)
        #expect(spec.initProcess)
        #expect(spec.pidsLimit == 512)
        #expect(spec.memoryLimit == memory)
        #expect(spec.networkName == "net")
        #expect(spec.user == nil)
        #expect(spec.logMaxSize * Int64(spec.logMaxFiles) <= 32 << 20)
        #expect(spec.shmSize == 1 << 30)
        #expect(spec.mounts == [.init(source: "/srv/models", target: "/mnt/models")])
        #expect(spec.env["JESSICA_MODELS"] == "/mnt/models")
    }

    @Test func noOrderGetsMoreThanItMay() throws {
        for gpu in [false, true] {
            for memory in [nil, Int64(512 << 20)] {
                for command in [[], ["sh"]] {
                    let spec = WorkerSpec(
                        image: "a", memory: memory, gpu: gpu, devices: ["/dev/video0"],
                        command: command)
                    let made = try policy.worker(spec, image: "sha256:1", labels: ["l": "1"]) {
                        ContainerPolicy.Device(path: $0, group: 44)
                    }
                    check(made, memory: memory ?? 1 << 33)
                    #expect(made.image == "sha256:1")
                    #expect(made.command == (command.isEmpty ? nil : command))
                    #expect(made.devices == [.init("/dev/video0")])
                    #expect(made.groups == ["44"])
                    #expect((made.runtime == "nvidia") == gpu)
                    #expect((made.ulimits["memlock"] == -1) == gpu)
                    #expect(made.ulimits["core"] == 0 && !made.readOnlyRootfs)
                    #expect((made.env["NVIDIA_VISIBLE_DEVICES"] == "all") == gpu)
                }
            }
        }
    }

    @Test func theGPUComesAsTheEngineOffersIt() throws {
        typealias GPU = ContainerPolicy.GPU
        let cdi = "nvidia.com/gpu=all"
        #expect(GPU(runtimes: ["nvidia", "runc"], cdiDevices: [cdi]) == .runtime)
        #expect(GPU(runtimes: ["runc"], cdiDevices: [cdi, "nvidia.com/gpu=0"]) == .cdi(cdi))
        #expect(GPU(runtimes: ["runc"], cdiDevices: ["vendor.com/x=all"]) == .none)
        let policy = ContainerPolicy(
            network: "net", models: nil, gpu: .cdi(cdi), memoryMax: 1 << 33)
        let made = try policy.worker(
            WorkerSpec(image: "a", gpu: true), image: "i", labels: [:], device: { _ in nil })
        #expect(made.runtime == nil && made.cdiDevices == [cdi])
        let without = try policy.worker(
            WorkerSpec(image: "a"), image: "i", labels: [:], device: { _ in nil })
        #expect(without.cdiDevices.isEmpty)
    }

    @Test func anImageMayAskForAReadOnlyRoot() throws {
        for (image, isReadOnly) in [
            (["jessica.read-only": "true"], true), (["jessica.read-only": "yes"], false),
            ([:], false),
        ] {
            for contract in Contract.allCases {
                let labels = ["jessica.node": "n"]
                let made = try policy.worker(
                    WorkerSpec(image: "a", contract: contract), image: "i", imageLabels: image,
                    labels: labels, device: { _ in nil })
                #expect(made.readOnlyRootfs == isReadOnly)
                // Nothing could be taken out of memory.
                let leavesFiles = contract == .cog
                let volume = ContainerSpec.Volume(target: "/tmp", labels: labels)
                #expect(
                    made.tmpfs.map(\.target) == (isReadOnly && !leavesFiles ? ["/tmp"] : []))
                #expect(made.volumes == (isReadOnly && leavesFiles ? [volume] : []))
            }
        }
    }

    @Test func anImageTellsThePortOfItsServer() throws {
        func port(
            _ contract: Contract, _ exposed: [UInt16], label: String? = nil,
            command: [String] = []
        ) throws -> String? {
            let image = label.map { [NodeLabels.port: $0] } ?? [:]
            let made = try policy.worker(
                WorkerSpec(image: "a", contract: contract, command: command), image: "i",
                imageLabels: image, exposedPorts: exposed, labels: [:], device: { _ in nil })
            // Docker gives a container its image's labels too.
            let labels = NodeLabels(fleet: "f", node: "n")
            var info = ContainerInfo(
                id: "c", name: "c", state: .running,
                labels: image.merging(labels.common) { $1 }.merging(made.labels) { $1 })
            info.ipAddresses = [labels.network: "10.1.2.3"]
            return labels.fact(info)?.address
        }
        #expect(try port(.openai, [8_000]) == "10.1.2.3:8000")
        #expect(try port(.openai, [8_000], command: ["--model", "x"]) == "10.1.2.3:8000")
        #expect(try port(.openai, [8_000], command: ["--port", "5000"]) == "10.1.2.3:5000")
        #expect(try port(.openai, []) == "10.1.2.3:5000")
        #expect(try port(.openai, [8_000, 9_000]) == "10.1.2.3:5000")
        #expect(try port(.openai, [8_000], label: "7000") == "10.1.2.3:7000")
        #expect(try port(.cog, [8_000]) == "10.1.2.3:5000")
        #expect(try port(.cog, [], label: "70000") == "10.1.2.3:5000")
    }

    @Test func onlyCogsServerIsToldWhereFilesGoAndOnlyWhenAsked() {
        let server = ["python", "-m", "cog.server.http"]
        let image = ImageInfo(id: "i", command: server)
        func command(_ spec: WorkerSpec, _ image: ImageInfo?) -> [String]? {
            ContainerPolicy.commandForUploads(spec, image)
        }
        // Containers of services that do not ask for it stay as they are.
        #expect(command(WorkerSpec(image: "a"), image) == nil)
        var spec = WorkerSpec(image: "a", largeOutputs: true)
        #expect(command(spec, image) == server)
        #expect(command(spec, nil) == nil)
        #expect(command(spec, ImageInfo(id: "i", command: ["serve"])) == nil)
        let entered = ImageInfo(id: "i", entrypoint: server, command: ["--host", "::"])
        #expect(command(spec, entered) == ["--host", "::"])
        spec.command = ["serve"]
        #expect(command(spec, image) == nil)
        spec.command = server + ["--threads", "2"]
        #expect(command(spec, ImageInfo(id: "i", command: ["serve"])) == spec.command)
        spec.contract = .openai
        #expect(command(spec, image) == nil)
    }

    @Test func onlyCamerasJoinTheirNetwork() {
        let plain = WorkerSpec(image: "a", devices: ["/dev/nvhost-gpu"])
        #expect(ContainerPolicy.networks(of: plain) == ["jessica-mesh"])
        let camera = WorkerSpec(image: "a", devices: ["/dev/video2"])
        #expect(ContainerPolicy.networks(of: camera) == ["jessica-mesh", "camera-net"])
        let managing = WorkerSpec(
            image: "a", networks: ["fleet-mgmt", "host", "jessica-mesh", "bridge"])
        #expect(ContainerPolicy.networks(of: managing) == ["jessica-mesh", "fleet-mgmt"])
        // A container that was made before there were networks is the same as one without any.
        #expect(WorkerSpec(image: "a").fingerprint != managing.fingerprint)
        #expect(
            WorkerSpec(image: "a", networks: []).fingerprint == WorkerSpec(image: "a").fingerprint)
    }

    @Test func noContainerGetsTheWholeMachine() throws {
        func limit(_ memory: Int64?) throws -> Int64? {
            try policy.worker(
                WorkerSpec(image: "a", memory: memory), image: "i", labels: [:],
                device: { _ in nil }
            ).memoryLimit
        }
        #expect(try limit(1 << 30) == 1 << 30)
        #expect(try limit(1 << 40) == 1 << 33)
        // Nothing that Docker takes for no limit at all.
        for none: Int64? in [nil, 0, -1, .min] { #expect(try limit(none) == 1 << 33) }
        #expect(ContainerPolicy.memoryMax(offered: 64 << 30) == 68_182_605_824)
        #expect(ContainerPolicy.memoryMax(offered: 1 << 28) == 1 << 24)
        #expect(ContainerPolicy.memoryMax(offered: 0) == 1)
        #expect(ContainerPolicy.memoryMax(offered: .max) > 0)
    }

    @Test func whatIsReservedIsOfferedToNobody() {
        let (total, half) = (UInt64(32) << 30, UInt64(512) << 20)
        // The controller takes that much off again.
        for usual in [0, half] {
            #expect(NodeTelemetry.offered(of: total, reserve: usual) == total)
        }
        let offered = NodeTelemetry.offered(of: total, reserve: 3 << 30)
        #expect(offered == total + half - (3 << 30))
        #expect(ContainerPolicy.memoryMax(offered: offered) == 29 << 30)
        // Zero would be taken for a machine that has not told.
        #expect(NodeTelemetry.offered(of: total, reserve: .max) == 2 << 30)
        #expect(NodeTelemetry.offered(of: 0, reserve: half) == 1)
    }

    @Test func attemptsGetTheGPUButNoDevices() {
        let key = AttemptKey(job: "J", number: 1)
        let order = ContainerOrder(image: "a", command: ["x"], memory: 7)
        let made = policy.attempt(
            key, order, image: "sha256:2", labels: [:], environment: ["A": "b"])
        check(made, memory: 7)
        #expect(made.devices.isEmpty && made.groups.isEmpty)
        #expect(made.runtime == "nvidia" && made.ulimits["memlock"] == -1)
        #expect(made.env["A"] == "b" && made.env["NVIDIA_VISIBLE_DEVICES"] == "all")
        #expect(!made.readOnlyRootfs && made.volumes.isEmpty && made.tmpfs.isEmpty)
        let closed = policy.attempt(
            key, order, image: "i", imageLabels: ["jessica.read-only": "true"],
            labels: ["jessica.node": "n"], environment: [:])
        // Its input could not be put into it otherwise, nor its outputs be found after an accident.
        #expect(closed.volumes == [.init(target: "/job", labels: ["jessica.node": "n"])])
        #expect(closed.readOnlyRootfs && closed.tmpfs.map(\.target) == ["/tmp"])
        let plain = ContainerPolicy(network: "n", models: nil, gpu: .none, memoryMax: 1)
            .attempt(key, order, image: "i", labels: [:], environment: [:])
        #expect(plain.runtime == nil && plain.cdiDevices.isEmpty && plain.env.isEmpty)
    }

    @Test func missingDeviceIsNamed() {
        let spec = WorkerSpec(image: "a", devices: ["/dev/video9"])
        #expect {
            try policy.worker(spec, image: "i", labels: [:]) { _ in nil }
        } throws: { error in
            (error as? Failure)?.code == .startFailed
                && (error as? Failure)?.message.contains("/dev/video9") == true
        }
    }

    @Test(arguments: [
        "/etc/passwd", "/dev/../etc", "dev/x", "/dev/", "/dev/a//b", "/dev/\u{7}", "/dev/sda",
        "/dev/nvme0n1", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/tty", "/dev/tty1",
        "/dev/video", "/dev/videos/0", "/dev/snd", "/dev/dri/../mem", "/dev/dri/../\u{301}mem",
        "/dev/dri/\u{301}/../mem", "/dev/bus/pci/0", "/dev/nvmap0", "/dev/rtc0",
    ])
    func onlyDevicesAreDevices(_ path: String) {
        let spec = WorkerSpec(image: "a", devices: [path])
        #expect(throws: Failure.self, "\(path)") {
            try policy.worker(spec, image: "i", labels: [:]) { .init(path: $0, group: 0) }
        }
        // Nor may a link with a harmless name lead to it.
        let link = WorkerSpec(image: "a", devices: ["/dev/video0"])
        #expect(throws: Failure.self, "\(path)") {
            try policy.worker(link, image: "i", labels: [:]) { _ in .init(path: path, group: 0) }
        }
    }

    @Test(arguments: [
        "/dev/video0", "/dev/media1", "/dev/v4l/by-id/usb-cam-index0", "/dev/snd/pcmC0D0p",
        "/dev/dri/renderD128", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvhost-ctrl-gpu",
        "/dev/nvmap",
        "/dev/nvgpu/igpu0/ctrl", "/dev/ttyACM0", "/dev/ttyUSB1", "/dev/ttyTHS2", "/dev/ttyS0",
        "/dev/i2c-7", "/dev/spidev0.0", "/dev/gpiochip0", "/dev/input/event3",
        "/dev/bus/usb/001/002", "/dev/hidraw0", "/dev/serial/by-id/usb-arm",
    ])
    func usualDevicesAreGiven(_ path: String) throws {
        let spec = WorkerSpec(image: "a", devices: [path])
        let made = try policy.worker(spec, image: "i", labels: [:]) { .init(path: $0, group: 0) }
        #expect(made.devices == [.init(path)])
    }

    @Test func settingsNameMoreDevices() throws {
        var policy = policy
        policy.devices = DeviceRules(more: ["/dev/arm"])
        let spec = WorkerSpec(image: "a", devices: ["/dev/arm"])
        let made = try policy.worker(spec, image: "i", labels: [:]) { _ in
            .init(path: "/dev/ttyUSB0", group: 20)
        }
        // The end of the link, so that it leads nowhere else when Docker looks.
        #expect(made.devices == [.init("/dev/ttyUSB0", pathInContainer: "/dev/arm")])
        #expect(throws: Failure.self) {
            try policy.worker(spec, image: "i", labels: [:]) { _ in
                .init(path: "/dev/sda", group: 6)
            }
        }
    }

    @Test func devicesAreFilesOfCharacters() throws {
        #expect(HostFacts.device("/dev/null")?.path == "/dev/null")
        #expect(HostFacts.device("/dev") == nil)
        #expect(HostFacts.device("/etc/passwd") == nil)
        #expect(HostFacts.device("/dev/no-such") == nil)
        // A link leads to /dev/null or wherever this process has its input from: never to itself.
        #expect(HostFacts.device("/dev/stdin")?.path != "/dev/stdin")
    }

    @Test func withoutModelsOrRuntimeThereAreNone() throws {
        let plain = ContainerPolicy(network: "n", models: nil, gpu: .none, memoryMax: 1 << 33)
        let made = try plain.worker(
            WorkerSpec(image: "a", gpu: true), image: "i", labels: [:]
        ) { _ in nil }
        #expect(made.mounts.isEmpty && made.runtime == nil && made.env.isEmpty)
    }

    @Test func dockerFailuresAreSorted() {
        func code(_ docker: DockerError.Code) -> FailureCode {
            Failure(docker: DockerError(docker, "x"), otherwise: .pullFailed).code
        }
        #expect(code(.unavailable) == .dockerUnavailable)
        #expect(code(.imageNotFound) == .imageNotFound)
        #expect(code(.noSpace) == .diskFull)
        #expect(code(.unauthorized) == .pullFailed)
        #expect(code(.stalled) == .pullFailed)
    }
}
