import DockerEngine
import FleetCore

/// Which rights a container gets: one pure function of the order and the machine.
///
/// Never more than this: no privileges, no capabilities, no namespaces of the host, no files of the
/// host but the models (read-only) and the devices the fleet's file names.
struct ContainerPolicy: Sendable, Hashable {
    /// The network of the node.
    let network: String
    /// Where models are, if the folder exists on this machine.
    let models: String?
    /// Whether Docker has the runtime that shows the GPU.
    let hasNvidia: Bool

    /// The most processes and threads in a container.
    static let processesMax: Int64 = 512
    /// The most bytes of one log file, and how many Docker keeps.
    static let logBytes: Int64 = 10 << 20
    static let logFiles = 3
    /// The bound of shared memory of a worker: frameworks pass tensors in it, and 64 MiB is too little.
    static let workerSharedMemory: Int64 = 1 << 30

    /// A device of this machine.
    struct Device: Sendable, Hashable {
        /// The group that may open it.
        let group: UInt32
    }

    /// A worker's container.
    ///
    /// Throws when a device is missing or is none.
    func worker(
        _ spec: WorkerSpec, image: String, labels: [String: String],
        device: (String) -> Device?
    ) throws(Failure) -> ContainerSpec {
        var container = base(image, spec.command, labels, memory: spec.memory)
        container.shmSize = Self.workerSharedMemory
        for path in spec.devices {
            guard Self.isDevicePath(path) else {
                throw Failure(.startFailed, "\(path) is not a path of a device below /dev")
            }
            guard let found = device(path) else {
                throw Failure(.startFailed, "this node has no device \(path)")
            }
            container.devices.append(.init(path))
            let group = "\(found.group)"
            // Root's own group would be more than the device.
            if found.group != 0, !container.groups.contains(group) {
                container.groups.append(group)
            }
        }
        if spec.gpu, hasNvidia {
            container.runtime = "nvidia"
            container.env["NVIDIA_VISIBLE_DEVICES"] = "all"
            container.env["NVIDIA_DRIVER_CAPABILITIES"] = "compute,utility,graphics,video"
        }
        return container
    }

    /// An attempt's own container.
    func attempt(
        _ key: AttemptKey, _ order: ContainerOrder, image: String, labels: [String: String],
        environment: [String: String]
    ) -> ContainerSpec {
        var container = base(image, order.command, labels, memory: order.memory)
        container.env.merge(environment) { $1 }
        return container
    }

    private func base(
        _ image: String, _ command: [String], _ labels: [String: String], memory: Int64?
    ) -> ContainerSpec {
        var container = ContainerSpec(image: image, command: command.isEmpty ? nil : command)
        container.labels = labels
        container.networkName = network
        container.memoryLimit = memory
        container.pidsLimit = Self.processesMax
        container.capDropAll = true
        container.noNewPrivileges = true
        container.initProcess = true
        container.logMaxSize = Self.logBytes
        container.logMaxFiles = Self.logFiles
        if let models {
            container.mounts = [.init(source: models, target: models, readOnly: true)]
            container.env["JESSICA_MODELS"] = models
        }
        return container
    }

    /// Whether a path is plainly below /dev.
    static func isDevicePath(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.hasPrefix("/dev/") && path.utf8.count <= 256
            && parts.dropFirst().allSatisfy { !["", ".", ".."].contains($0) }
            && path.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f }
    }
}
