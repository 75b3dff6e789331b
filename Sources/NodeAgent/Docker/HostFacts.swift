import DockerEngine
import FleetCore
import Glibc
import Logging
import Synchronization

/// What of this machine containers may need.
final class HostFacts: Sendable {
    private let engine: DockerEngine
    private let models: ModelsFolder?
    private let memoryMax: Int64
    private let devices: DeviceRules
    private let logger: Logger
    private let warned = Mutex(false)

    /// How much a container wants the GPU.
    enum GPUWish: Sendable, Hashable {
        case none
        /// It can use one where there is one.
        case welcome
        /// It was made for one.
        case wanted
    }

    init(
        engine: DockerEngine, models: ModelsFolder?, memoryMax: Int64, devices: DeviceRules,
        logger: Logger
    ) {
        self.engine = engine
        self.models = models
        self.memoryMax = memoryMax
        self.devices = devices
        self.logger = logger
    }

    /// The policy for this machine as it is now.
    ///
    /// Throws a `Failure` when models are wanted and their folder is named nowhere, is not there, or does
    /// not answer.
    func policy(
        network: String, gpu wish: GPUWish, needsModels: Bool
    ) async throws -> ContainerPolicy {
        let mount = await models?.mount()
        // Without them the worker would start, fetch them from somewhere or fail much later.
        if needsModels {
            guard let mount else { throw Self.noModels }
            if case .failure(let failure) = mount { throw failure }
        }
        var gpu = ContainerPolicy.GPU.none
        if wish != .none {
            let info = try await engine.info()
            gpu = .init(runtimes: info.runtimes, cdiDevices: info.cdiDevices)
            if gpu == .none, wish == .wanted, !warned.withLock({ Self.raise(&$0) }) {
                logger.warning(
                    "Docker has no nvidia runtime and no CDI device; containers that want the GPU run without it",
                    metadata: ["docker.runtimes": "\(info.runtimes.joined(separator: ","))"])
            }
        }
        return ContainerPolicy(
            network: network, models: try? mount?.get(), gpu: gpu, memoryMax: memoryMax,
            devices: devices)
    }

    private static let noModels = Failure(
        .startFailed,
        "it needs models, and its node has no folder of them: name it in the agent's setting `models.mount`"
    )

    /// Sets a flag; whether it was set before.
    private static func raise(_ flag: inout Bool) -> Bool {
        defer { flag = true }
        return flag
    }

    /// A device file, if that is what links lead to; no disk, which is a file of blocks.
    static func device(_ path: String) -> ContainerPolicy.Device? {
        guard let end = RealPath.resolve(path) else { return nil }
        var facts = stat()
        guard unsafe lstat(end, &facts) == 0, facts.st_mode & S_IFMT == S_IFCHR else { return nil }
        return ContainerPolicy.Device(path: end, group: facts.st_gid)
    }
}
