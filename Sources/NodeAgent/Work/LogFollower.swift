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
    /// The containers followed, and whether each log was read to its end.
    private let followed = Mutex<[String: Latest<Bool>]>([:])

    /// How long the end of a log is waited for once its container has ended.
    private static let drainWithin = Duration.seconds(5)

    init(engine: DockerEngine, outbox: LogOutbox, logger: Logger) {
        self.engine = engine
        self.outbox = outbox
        self.logger = logger
    }

    /// Notes that a container's log is to be read; false when it is already.
    func begin(_ container: String) -> Bool {
        followed.withLock {
            guard $0[container] == nil else { return false }
            $0[container] = Latest(false)
            return true
        }
    }

    /// Waits until a log is read to its end, within bounds; its container must have ended.
    func drained(_ container: String) async {
        guard let end = followed.withLock({ $0[container] }) else { return }
        _ = try? await withLimit(Self.drainWithin) { try await end.wait { $0 } }
    }

    /// Follows a container's log to its end, from its beginning; call `begin` first.
    func follow(_ key: AttemptKey, container: String) async {
        defer { followed.withLock { $0.removeValue(forKey: container) }?.set(true) }
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
