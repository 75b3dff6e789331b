import DockerEngine
import FleetCore

/// How far a container's log has been sent, kept for the agent's next life.
///
/// Docker keeps only the end of a long log. An agent that comes back goes on behind its mark, so that
/// what is left of the log gets the places in it that it had before. The controller drops what it has.
struct LogMark: Hashable, Sendable, Codable {
    /// The place in the log.
    var offset: UInt64 = 0
    /// The same place, for Docker; nil for a terminal's log, which is read from its beginning.
    var cursor: LogCursor?
}

/// The marks of a log that were passed, until one of them is surely behind all that was lost.
struct LogMarks: Sendable {
    /// Bytes of log from one mark to the next, and so about what is sent twice.
    static let every: UInt64 = 256 << 10
    /// The shortest time between two that are kept.
    static let keptEvery = Duration.seconds(2)
    private static let countMax = 64

    private var passed: [LogMark] = []
    private var keptAt: ContinuousClock.Instant?

    /// How many are held.
    var count: Int { passed.count }

    /// Notes where a reader is.
    mutating func pass(_ mark: LogMark) {
        guard mark.offset >= (passed.last?.offset ?? 0) + Self.every else { return }
        passed.append(mark)
        // While nothing is sent, fewer do.
        if passed.count > Self.countMax {
            passed = passed.indices.filter { $0 % 2 == 0 }.map { passed[$0] }
        }
    }

    /// The mark that is to be kept now: the last one before `settled`.
    mutating func next(settled: UInt64, at now: ContinuousClock.Instant = .now) -> LogMark? {
        if let keptAt, now - keptAt < Self.keptEvery { return nil }
        guard let index = passed.lastIndex(where: { $0.offset <= settled }) else { return nil }
        keptAt = now
        let mark = passed[index]
        passed.removeFirst(index + 1)
        return mark
    }
}
