import DockerEngine
import FleetCore
import Glibc
import Logging
import Synchronization

/// What of this machine containers may need.
final class HostFacts: Sendable {
    private let engine: DockerEngine
    private let models: ModelsFolder?
    private let logger: Logger
    private let warned = Mutex(false)

    init(engine: DockerEngine, models: ModelsFolder?, logger: Logger) {
        self.engine = engine
        self.models = models
        self.logger = logger
    }

    /// The policy for this machine as it is now.
    ///
    /// Throws a `Failure` when models are wanted and their folder is not there, or does not answer.
    func policy(
        network: String, needsGPU: Bool, needsModels: Bool
    ) async throws -> ContainerPolicy {
        let trouble = await models?.whyNotMounted()
        // Without them the worker would start, fetch them from somewhere or fail much later.
        if needsModels, let models, let trouble {
            throw Failure(.startFailed, "the models are not there: \(models.path) \(trouble)")
        }
        var gpu = ContainerPolicy.GPU.none
        if needsGPU {
            let info = try await engine.info()
            gpu = .init(runtimes: info.runtimes, cdiDevices: info.cdiDevices)
            if gpu == .none, !warned.withLock({ Self.raise(&$0) }) {
                logger.warning(
                    "Docker has no nvidia runtime and no CDI device; containers that want the GPU run without it",
                    metadata: ["docker.runtimes": "\(info.runtimes.joined(separator: ","))"])
            }
        }
        return ContainerPolicy(
            network: network, models: trouble == nil ? models?.path : nil, gpu: gpu)
    }

    /// Sets a flag; whether it was set before.
    private static func raise(_ flag: inout Bool) -> Bool {
        defer { flag = true }
        return flag
    }

    /// A device file, if that is what is there.
    static func device(_ path: String) -> ContainerPolicy.Device? {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else { return nil }
        let kind = facts.st_mode & S_IFMT
        guard kind == S_IFCHR || kind == S_IFBLK else { return nil }
        return ContainerPolicy.Device(group: facts.st_gid)
    }
}
