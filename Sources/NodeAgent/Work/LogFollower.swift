import DockerEngine
import FleetCore
import Logging
import NIOCore
import Synchronization

/// Watches the logs of attempts' own containers.
final class LogFollower: Sendable {
    private let engine: DockerEngine
    private let outbox: LogOutbox
    private let logger: Logger
    private let followed = Mutex<Set<String>>([])

    init(engine: DockerEngine, outbox: LogOutbox, logger: Logger) {
        self.engine = engine
        self.outbox = outbox
        self.logger = logger
    }

    /// Follows a container's log to its end, from its beginning; once for each container.
    func follow(_ key: AttemptKey, container: String) async {
        guard followed.withLock({ $0.insert(container).inserted }) else { return }
        defer { _ = followed.withLock { $0.remove(container) } }
        var taken = 0
        var pause = Duration.milliseconds(200)
        while !Task.isCancelled {
            do {
                try await read(key, container, &taken)
                return
            } catch let error as DockerError where error.code == .unavailable {
                // The log is the same when Docker is back: what was read before is skipped.
                try? await Task.sleep(for: pause, clock: .continuous)
                pause = min(pause * 2, .seconds(5))
            } catch {
                if !Task.isCancelled {
                    logger.notice(
                        "log of an attempt ended early",
                        metadata: ["attempt": "\(key)", "error": "\(error)"])
                }
                return
            }
        }
    }

    private func read(_ key: AttemptKey, _ container: String, _ taken: inout Int) async throws {
        var toSkip = taken
        for try await piece in try await engine.logs(container, follow: true) {
            let bytes = piece.bytes.readableBytesView
            let skipped = min(toSkip, bytes.count)
            toSkip -= skipped
            let fresh = bytes.dropFirst(skipped)
            taken += fresh.count
            outbox.append(key, fresh)
        }
    }
}
