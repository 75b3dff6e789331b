import DockerEngine
import FleetCore
import WorkerContracts

/// Which rights a container gets: one pure function of the order and the machine.
///
/// Never more than this: no privileges, no capabilities, no namespaces of the host, no files of the
/// host but the models (read-only) and the devices the fleet's file names.
struct ContainerPolicy: Sendable, Hashable {
    /// The network of the node.
    let network: String
    /// Where models are, if the folder exists on this machine.
    let models: ModelsMount?
    /// How Docker shows the GPU to a container.
    var gpu: GPU
    /// The most memory of one container, in bytes; see ``memoryMax(offered:)``.
    let memoryMax: Int64
    /// Which devices containers may have.
    var devices = DeviceRules()

    /// How Docker shows the GPU to a container.
    enum GPU: Sendable, Hashable {
        /// Not at all.
        case none
        /// By the runtime `nvidia`, as on a Jetson.
        case runtime
        /// By the container device interface, under this name.
        case cdi(String)

        /// What an engine offers; the runtime where there is one: on a Jetson it knows more than a
        /// request for a device does.
        init(runtimes: [String], cdiDevices: [String]) {
            if runtimes.contains("nvidia") {
                self = .runtime
            } else if cdiDevices.contains("nvidia.com/gpu=all") {
                self = .cdi("nvidia.com/gpu=all")
            } else {
                self = .none
            }
        }
    }

    /// The most processes and threads in a container.
    static let processesMax: Int64 = 512
    /// The most bytes of one log file, and how many Docker keeps.
    static let logBytes: Int64 = 10 << 20
    static let logFiles = 3
    /// The bound of shared memory: frameworks pass tensors in it, and 64 MiB is too little.
    static let sharedMemory: Int64 = 1 << 30

    /// Limits of every container: no core files, which fill disks.
    ///
    /// None is raised: where the engine itself may not, the container would not start.
    static let ulimits: [String: Int64] = ["core": 0]
    /// Limits more of a worker with a GPU, as NVIDIA's frameworks want them.
    static let gpuUlimits: [String: Int64] = ["memlock": -1, "stack": 64 << 20]
    /// The label of an image that can do with a root folder it cannot write to.
    static let readOnlyLabel = "jessica.read-only"
    /// The network of the cluster that all workers join under their service's name, where it exists.
    static let meshNetwork = "jessica-mesh"
    /// The one that those join which have a camera.
    static let cameraNetwork = "camera-net"

    /// A device of this machine.
    struct Device: Sendable, Hashable {
        /// Its path, where all links have led.
        let path: String
        /// The group that may open it.
        let group: UInt32
    }

    /// A worker's container.
    ///
    /// `imageLabels` and `exposedPorts` are those of its image; `device` finds a device of the
    /// machine. Throws when one is missing, or is none that containers may have.
    func worker(
        _ spec: WorkerSpec, image: String, imageLabels: [String: String] = [:],
        exposedPorts: [UInt16] = [], labels: [String: String], device: (String) -> Device?
    ) throws(Failure) -> ContainerSpec {
        var container = base(image, spec.command, labels, memory: spec.memory)
        // Servers of that contract have no port in common; a command may choose the usual one.
        if spec.contract == .openai, exposedPorts.count == 1, imageLabels[NodeLabels.port] == nil,
            !spec.command.contains(where: { $0.contains("\(NodeLabels.usualPort)") })
        {
            container.labels[NodeLabels.port] = "\(exposedPorts[0])"
        }
        if imageLabels[Self.readOnlyLabel] == "true" {
            // Older servers of that contract leave their files there, for us to fetch.
            container.makeRootReadOnly(keepsFiles: spec.contract == .cog)
        }
        for path in spec.devices {
            guard devices.allows(path) else { throw refusal(of: path) }
            guard let found = device(path) else {
                throw Failure(.startFailed, "this node has no device \(path)")
            }
            guard devices.allows(found.path) else { throw refusal(of: found.path) }
            container.devices.append(.init(found.path, pathInContainer: path))
            let group = "\(found.group)"
            // Root's own group would be more than the device.
            if found.group != 0, !container.groups.contains(group) {
                container.groups.append(group)
            }
        }
        if spec.gpu { give(gpu, to: &container) }
        return container
    }

    private func refusal(of path: String) -> Failure {
        Failure(
            .startFailed,
            "containers of this node may not have the device \(path); "
                + "its agent's setting `devices` names more than the usual ones")
    }

    private func give(_ gpu: GPU, to container: inout ContainerSpec) {
        switch gpu {
        case .none: return
        case .runtime:
            container.runtime = "nvidia"
            container.env["NVIDIA_VISIBLE_DEVICES"] = "all"
            container.env["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility,graphics,video"
        case .cdi(let device): container.cdiDevices = [device]
        }
        container.ulimits.merge(Self.gpuUlimits) { $1 }
    }

    /// The networks a worker joins beside the node's own, where they exist.
    static func networks(of spec: WorkerSpec) -> [String] {
        let hasCamera = spec.devices.contains { $0.hasPrefix("/dev/video") }
        let own = [meshNetwork] + (hasCamera ? [cameraNetwork] : [])
        // Whatever an order says, no other network of the machine is joined.
        return own
            + spec.networks.filter { !own.contains($0) && WorkerSpec.clusterNetworks.contains($0) }
    }

    /// The command of a worker that is to be told where to send its files; nil to leave it as it is.
    ///
    /// Only cog's own server can be told, and only who asks for large outputs wants it: a file does
    /// not wait for an agent that is away, as a report does.
    static func commandForUploads(_ spec: WorkerSpec, _ image: ImageInfo?) -> [String]? {
        guard spec.largeOutputs, spec.contract == .cog, let image else { return nil }
        let command = spec.command.isEmpty ? image.command : spec.command
        return CogCommand.takesUploads(image.entrypoint + command) ? command : nil
    }

    /// An attempt's own container, with the GPU where there is one.
    ///
    /// Where its image wants a root folder that cannot be written to, the folder of its input and outputs
    /// is a volume.
    func attempt(
        _ key: AttemptKey, _ order: ContainerOrder, image: String,
        imageLabels: [String: String] = [:], labels: [String: String],
        environment: [String: String]
    ) -> ContainerSpec {
        var container = base(image, order.command, labels, memory: order.memory)
        if imageLabels[Self.readOnlyLabel] == "true" {
            container.makeRootReadOnly(keepsFiles: false)
            container.volumes = [.init(target: ExecContract.folder, labels: labels)]
        }
        container.env.merge(environment) { $1 }
        give(gpu, to: &container)
        // An image may name a driver newer than the machine's; whether its command needs the GPU nobody knows.
        if gpu == .runtime { container.env["NVIDIA_DISABLE_REQUIRE"] = "true" }
        return container
    }

    private func base(
        _ image: String, _ command: [String], _ labels: [String: String], memory: Int64?
    ) -> ContainerSpec {
        var container = ContainerSpec(image: image, command: command.isEmpty ? nil : command)
        container.labels = labels
        container.networkName = network
        container.memoryLimit = memoryLimit(memory)
        // Who has said what it needs is held to that.
        container.maySwap = (memory ?? 0) <= 0
        container.shmSize = Self.sharedMemory
        container.pidsLimit = Self.processesMax
        container.ulimits = Self.ulimits
        container.capDropAll = true
        container.noNewPrivileges = true
        container.initProcess = true
        container.logMaxSize = Self.logBytes
        container.logMaxFiles = Self.logFiles
        if let models {
            container.mounts = [
                .init(source: models.source, target: models.target, readOnly: true)
            ]
            container.env["JESSICA_MODELS"] = models.target
        }
        return container
    }

    /// What is ordered, as far as the machine has it; all it can give when nothing is.
    ///
    /// Never none: where the GPU has no memory of its own, a container without a limit takes the
    /// machine with it. To Docker zero is no limit.
    private func memoryLimit(_ ordered: Int64?) -> Int64 {
        guard let ordered, ordered > 0 else { return memoryMax }
        return min(ordered, memoryMax)
    }

    /// The most memory that a container may have of a machine that offers so much: what the controller
    /// reckons with, and at least a sixteenth.
    static func memoryMax(offered: UInt64) -> Int64 {
        let offered = Int64(clamping: offered)
        return max(offered - ControllerPolicy().memoryReserve, offered / 16, 1)
    }
}

extension ContainerSpec {
    /// Only `/tmp` can be written to: in memory, or a volume where files are to be taken out of it,
    /// as Docker takes none out of memory.
    fileprivate mutating func makeRootReadOnly(keepsFiles: Bool) {
        readOnlyRootfs = true
        if keepsFiles {
            volumes = [.init(target: "/tmp", labels: labels)]
        } else {
            tmpfs = [.init(target: "/tmp", sizeBytes: ContainerPolicy.sharedMemory)]
        }
    }
}
