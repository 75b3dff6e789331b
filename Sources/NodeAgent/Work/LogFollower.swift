import DockerEngine
import FleetCore
import Logging
import NIOCore
import Settings
import Synchronization

/// Watches the logs of attempts' own containers.
final class LogFollower: Sendable {
    private let engine: DockerEngine
    private let outbox: LogOutbox
    private let folders: AttemptFolders
    private let logger: Logger
    /// The containers followed, and how far each log was read.
    private let followed = Mutex<[String: Latest<Reading>]>([:])

    private struct Reading: Hashable {
        var offset: UInt64 = 0
        var isAtEnd = false
    }

    /// How long the next piece of a log is waited for once its container has ended.
    private static let pieceWithin = Duration.seconds(5)
    /// How long the end is: Docker keeps 30 MB of a log.
    private static let drainWithin = Duration.seconds(60)

    init(engine: DockerEngine, outbox: LogOutbox, folders: AttemptFolders, logger: Logger) {
        self.engine = engine
        self.outbox = outbox
        self.folders = folders
        self.logger = logger
    }

    /// Notes that a container's log is to be read; false when it is already.
    func begin(_ container: String) -> Bool {
        followed.withLock {
            guard $0[container] == nil else { return false }
            $0[container] = Latest(Reading())
            return true
        }
    }

    /// Waits until a log is read to its end, within bounds; its container must have ended.
    func drained(_ container: String) async {
        guard let reading = followed.withLock({ $0[container] }) else { return }
        let end = ContinuousClock.now + Self.drainWithin
        while ContinuousClock.now < end {
            let seen = reading.value
            if seen.isAtEnd { return }
            let isNews = try? await withLimit(Self.pieceWithin) {
                try await reading.wait { $0 != seen }
            }
            if isNews == nil || Task.isCancelled { return }
        }
    }

    /// Follows a container's log to its end, from its beginning or from where a former life of the agent
    /// was; call `begin` first.
    func follow(_ key: AttemptKey, container: String) async {
        var place = await folders.logMark(of: key) ?? LogMark()
        outbox.hold(key, from: place.offset)
        defer {
            // Cut short by the agent's own end, the log goes on in the next life.
            if !Task.isCancelled { outbox.release(key) }
            followed.withLock { $0.removeValue(forKey: container) }?
                .set(Reading(offset: place.offset, isAtEnd: true))
        }
        var marks = LogMarks(from: place)
        var pause = Duration.milliseconds(200)
        while !Task.isCancelled {
            do {
                try await read(key, container, &place, &marks)
                return
            } catch let error as DockerError where [.unavailable, .timedOut].contains(error.code) {
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

    private func read(
        _ key: AttemptKey, _ container: String, _ place: inout LogMark, _ marks: inout LogMarks
    ) async throws {
        let log = try await engine.logs(container, follow: true, after: place.cursor)
        // A terminal's log begins anew each time: what was read before is skipped.
        var toSkip = log.isRaw ? place.offset : 0
        var pieces = log.makeAsyncIterator()
        while let piece = try await pieces.next() {
            if piece.followsLoss {
                place.offset = marks.place(ofLossAt: place.offset)
                outbox.appendLoss(
                    key, .deleted, from: place.offset, at: piece.time ?? WallTime.now)
                place.offset += 1
            }
            let bytes = piece.bytes.readableBytesView
            let skipped = min(Int(clamping: toSkip), bytes.count)
            toSkip -= UInt64(skipped)
            let fresh = bytes.dropFirst(skipped)
            place.offset += UInt64(fresh.count)
            if !log.isRaw { place.cursor = pieces.cursor }
            if outbox.settled(key) != nil, let mark = marks.reaching(place) {
                await folders.noteLog(mark, key)
            }
            outbox.append(
                key, fresh, from: piece.stream == .stderr ? .stderr : .stdout,
                at: piece.time ?? WallTime.now)
            followed.withLock { $0[container] }?.set(Reading(offset: place.offset))
            marks.pass(place)
            if let settled = outbox.settled(key), let mark = marks.next(settled: settled) {
                await folders.noteLog(mark, key)
            }
        }
    }
}
