import DockerEngine
import FleetCore
import Logging
import Synchronization

/// Has images here: one pull for everybody who wants the same one.
final class ImagePulls: Sendable {
    private let engine: DockerEngine
    private let sources: ImageSources
    private let ledger: ImageLedger
    private let stallTimeout: Duration
    private let logger: Logger
    private let waiting = Mutex<[String: [FleetCore.Operation]]>([:])

    init(
        engine: DockerEngine, sources: ImageSources, ledger: ImageLedger,
        stallTimeout: Duration, logger: Logger
    ) {
        self.engine = engine
        self.sources = sources
        self.ledger = ledger
        self.stallTimeout = stallTimeout
        self.logger = logger
    }

    /// Notes who wants an image; true when nobody else does yet, and the caller must `run`.
    func join(_ operation: FleetCore.Operation, _ image: String) -> Bool {
        waiting.withLock {
            $0[image, default: []].append(operation)
            return $0[image]?.count == 1
        }
    }

    /// Fetches an image, and answers everybody who wants it.
    func run(_ image: String, post: @escaping @Sendable (AgentEvent) -> Void) async {
        let meter = Mutex(PullMeter())
        let result = await fetch(image) { progress in
            guard let step = meter.withLock({ $0.note(progress) }) else { return }
            for operation in self.waiting.withLock({ $0[image] ?? [] }) {
                post(.pulling(operation, step))
            }
        }
        // Whoever comes later begins anew, which is quick then.
        let operations = waiting.withLock { $0.removeValue(forKey: image) ?? [] }
        for operation in operations { post(.pulled(operation, result)) }
    }

    private func fetch(
        _ image: String, onProgress: @escaping @Sendable (PullProgress) -> Void
    ) async -> Result<String, Failure> {
        if let refusal = sources.refusal(of: image) { return .failure(refusal) }
        do {
            return .success(
                try await Patience.wait {
                    // What is named by its content cannot have changed.
                    if image.contains("sha256:"), let info = try await engine.inspectImage(image) {
                        ledger.used(info.id)
                        return info.id
                    }
                    let before = try await engine.imageIDs()
                    let id = try await engine.pull(
                        image: image, stallTimeout: stallTimeout, onProgress: onProgress
                    ).id
                    before.contains(id) ? ledger.used(id) : ledger.pulled(id)
                    return id
                })
        } catch {
            if Task.isCancelled {
                return .failure(Failure(.pullFailed, "the agent is stopping"))
            }
            if let local = try? await engine.inspectImage(image) {
                logger.notice(
                    "image cannot be pulled; using the one that is here",
                    metadata: [
                        "image.name": "\(image)", "image.id": "\(local.id)", "error": "\(error)",
                    ])
                return .success(local.id)
            }
            return .failure(Failure(docker: error, otherwise: .pullFailed))
        }
    }
}
