import DockerEngine
import FleetCore
import Logging
import NIOCore
import Synchronization
import WorkerContracts

/// Makes, starts and removes the containers of this node.
struct Containers: Sendable {
    let engine: DockerEngine
    let labels: NodeLabels
    let network: NodeNetwork
    let joins: NetworkJoins
    let host: HostFacts
    let memory: IdleMemory
    let ledger: ContainerLedger
    let inputs: InputResolver
    /// Where that worker sends its files; nil when nobody would take them.
    let uploadURL: @Sendable (WorkerID, _ gateway: String?) async -> String?
    let logger: Logger

    /// How often a container is made anew when its name is taken.
    private static let tries = 4

    /// Whether Docker was asked to make or start something and has not said what came of it.
    private final class Doubt: Sendable {
        private let state = Mutex(false)
        var isOpen: Bool { state.withLock { $0 } }
        func set(_ value: Bool) { state.withLock { $0 = value } }
    }

    /// A worker's container: made and started, or adopted.
    func launch(
        _ order: WorkerOrder, image: String
    ) async -> Result<ContainerFact, Failure> {
        let own = labels.labels(order.id, order.spec)
        let adopts: (ContainerInfo) -> Bool = { $0.labels.contains(own) && $0.state == .running }
        return await attempt(labels.name(order.id), adopts) { doubt in
            let policy = try await host.policy(
                network: network.name, gpu: order.spec.gpu ? .wanted : .none,
                needsModels: !order.spec.models.isEmpty)
            let info = try await engine.inspectImage(image)
            var spec = try policy.worker(
                order.spec, image: image, imageLabels: info?.labels ?? [:],
                exposedPorts: info?.exposedPorts ?? [],
                labels: own.merging(NetworkLabels(order).labels) { mine, _ in mine },
                device: HostFacts.device)
            if let command = try await sendingUploads(order, info) { spec.command = command }
            let fact = try await make(
                labels.name(order.id), spec, doubt, adopts: adopts)
            await joins.join(fact.id, order)
            return fact
        }
    }

    /// The command of a worker that asks for large outputs, with where its files go; nil for its own.
    private func sendingUploads(
        _ order: WorkerOrder, _ image: ImageInfo?
    ) async throws -> [String]? {
        guard order.spec.largeOutputs else { return nil }
        guard let command = ContainerPolicy.commandForUploads(order.spec, image) else {
            logger.notice(
                "worker cannot be told where its files go: they come in its reports",
                metadata: ["worker": "\(order.id)"])
            return nil
        }
        // Where we listen is not known before the network is there.
        try await network.ensure()
        guard let url = await uploadURL(order.id, network.gateway.value) else {
            throw Failure(.startFailed, "nobody listens for the worker's files yet")
        }
        return CogCommand.sendingUploads(to: url, command)
    }

    /// An attempt's own container: made, given its input and started, or adopted.
    func launch(
        _ order: AttemptOrder, _ container: ContainerOrder, image: String
    ) async -> Result<ContainerFact, Failure> {
        let own = labels.labels(order.key)
        // One that has ended was this attempt too: it must not run a second time.
        let adopts: (ContainerInfo) -> Bool = {
            $0.labels.contains(own) && $0.state != .created && $0.state != .dead
        }
        return await attempt(labels.name(order.key), adopts) { doubt in
            var policy = try await host.policy(
                network: network.name, gpu: .welcome, needsModels: false)
            let info = try await engine.inspectImage(image)
            func run() async throws -> ContainerFact {
                let spec = policy.attempt(
                    order.key, container, image: image, imageLabels: info?.labels ?? [:],
                    labels: own,
                    environment: [
                        "JESSICA_JOB": order.key.job.rawValue,
                        "JESSICA_ATTEMPT": "\(order.key.number)",
                        "JESSICA_INPUT": ExecContract.inputPath,
                        "JESSICA_OUTPUTS": ExecContract.outputsPath,
                    ])
                return try await make(
                    labels.name(order.key), spec, doubt, adopts: adopts,
                    prepare: {
                        // A volume is there already.
                        if spec.volumes.isEmpty {
                            try await engine.putFiles($0, [.directory(ExecContract.folder)])
                        }
                        try await putInput(order, into: $0)
                    })
            }
            do {
                return try await run()
            } catch let error as DockerError
                where error.code == .other && policy.gpu != .none && !doubt.isOpen
            {
                // Its driver may be away; whether the command needs the GPU nobody has said.
                logger.notice(
                    "job does not start with the GPU; trying without",
                    metadata: ["attempt": "\(order.key)", "error": "\(error)"])
                policy.gpu = .none
                return try await run()
            }
        }
    }

    private func attempt(
        _ name: String, _ adopts: (ContainerInfo) -> Bool,
        _ body: (Doubt) async throws -> ContainerFact
    ) async -> Result<ContainerFact, Failure> {
        let doubt = Doubt()
        do {
            return .success(
                try await Patience.wait(mustKnow: { doubt.isOpen }) {
                    do {
                        if doubt.isOpen, let known = try await settle(name, adopts, doubt) {
                            return known
                        }
                        return try await body(doubt)
                    } catch let error as DockerError where doubt.isOpen {
                        // Nothing else counts until it is known what came of the start.
                        throw DockerError(.timedOut, error.message)
                    }
                })
        } catch let failure as Failure {
            return .failure(failure)
        } catch {
            logger.debug(
                "launch failed", metadata: ["container": "\(name)", "error": "\(error)"])
            return .failure(Failure(docker: error, otherwise: .startFailed))
        }
    }

    private func make(
        _ name: String, _ spec: ContainerSpec, _ doubt: Doubt,
        adopts: (ContainerInfo) -> Bool, prepare: (String) async throws -> Void = { _ in }
    ) async throws -> ContainerFact {
        memory.workBegins()
        try await network.ensure()
        for _ in 1...Self.tries {
            let id: String
            do {
                id = try await engine.create(name: name, spec)
            } catch let error as DockerError {
                guard case .nameConflict = error.code else { throw error }
                if let known = try await resolve(name, adopts) { return known }
                continue
            }
            do {
                try await prepare(id)
                doubt.set(true)
                try await engine.start(id)
            } catch let error as DockerError where [.unavailable, .timedOut].contains(error.code) {
                // It may run: the next try finds it by its name.
                throw error
            } catch {
                // Only what is surely gone has surely not begun.
                if !Task.isCancelled, (try? await engine.remove(id, force: true)) != nil {
                    doubt.set(false)
                }
                throw error
            }
            let fact = try await fact(of: id)
            ledger.started(fact)
            return fact
        }
        throw Failure(.startFailed, "the container name \(name) stays taken")
    }

    /// Finds out what came of a start; nil when the container has surely not run, and is removed.
    private func settle(
        _ name: String, _ adopts: (ContainerInfo) -> Bool, _ doubt: Doubt
    ) async throws -> ContainerFact? {
        guard try await engine.inspect(name) != nil else {
            doubt.set(false)
            throw Failure(.startFailed, "its container is gone, and may have run")
        }
        let known = try await resolve(name, adopts)
        doubt.set(false)
        return known
    }

    /// Decides about a container that has the name already: it is adopted, or removed.
    private func resolve(
        _ name: String, _ adopts: (ContainerInfo) -> Bool
    ) async throws -> ContainerFact? {
        guard let info = try await engine.inspect(name) else { return nil }
        guard labels.owns(info.labels) else {
            throw Failure(
                .startFailed, "a container that is not of this node has the name \(name)")
        }
        if adopts(info), let fact = labels.fact(info) { return fact }
        ledger.removing(volumes: info.anonymousVolumes)
        try await engine.remove(info.id, force: true)
        ledger.removed(info.id)
        return nil
    }

    private func putInput(_ order: AttemptOrder, into id: String) async throws {
        let input = try await inputs.resolve(order) { path, bytes in
            try await put([.directory(InputResolver.folder), .file(path, bytes)], into: id)
        }
        try await put(
            [
                .file(ExecContract.inputPath, ByteBuffer(bytes: input)),
                // The image's user is whoever it is; the folder is this container's alone.
                .directory(ExecContract.outputsPath, mode: 0o1777),
            ], into: id)
    }

    /// Puts files into the folder of input and outputs: where that is a volume, Docker takes them for it
    /// only.
    private func put(_ entries: [ArchiveEntry], into id: String) async throws {
        let below = entries.map { entry in
            var entry = entry
            let path = entry.path.utf8.dropFirst(ExecContract.folder.utf8.count)
            entry.path = String(decoding: path, as: UTF8.self)
            return entry
        }
        try await engine.putFiles(id, below, below: ExecContract.folder)
    }

    /// What Docker says of a container of this node.
    ///
    /// Throws `.notFound`.
    func fact(of id: String) async throws -> ContainerFact {
        guard let info = try await engine.inspect(id), let fact = labels.fact(info) else {
            throw DockerError(.notFound, "the container is gone")
        }
        return fact
    }

    /// Asks a container of this node to end, waits for the grace, and removes it; nil when it is gone.
    ///
    /// `drain` is called between its end and its removal, which takes its log away.
    func remove(_ id: String, grace: Duration, drain: () async -> Void) async -> Failure? {
        do {
            guard let info = try await engine.inspect(id) else { return nil }
            guard labels.owns(info.labels) else {
                return Failure(.startFailed, "container \(id) is not of this node")
            }
            // Should it be gone at the next try, nothing tells any more which they were.
            ledger.removing(volumes: info.anonymousVolumes)
            let seconds = grace > .zero ? Int(max(1, grace.components.seconds)) : 0
            do {
                try await engine.stop(id, grace: seconds)
                await drain()
            } catch let error as DockerError where error.code == .notFound {
                return nil
            } catch let error as DockerError where error.code != .unavailable {
                // What cannot be stopped may still be removed by force.
                logger.notice(
                    "container cannot be stopped",
                    metadata: ["container": "\(info.name)", "error": "\(error)"])
            }
            try await engine.remove(id, force: true)
            ledger.removed(id)
            return nil
        } catch {
            return Failure(docker: error, otherwise: .startFailed)
        }
    }
}

extension [String: String] {
    /// Whether every pair of the other is in here.
    func contains(_ other: [String: String]) -> Bool {
        other.allSatisfy { self[$0.key] == $0.value }
    }
}
