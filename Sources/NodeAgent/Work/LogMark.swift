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
    /// Where the log was surely not read beyond before another mark was kept; nil in marks of old.
    ///
    /// What was read may have been sent, and the controller may hold other bytes under these places.
    var reach: UInt64?
}

/// The marks of a log that were passed, until one of them is surely behind all that was lost.
struct LogMarks: Sendable {
    /// Bytes of log from one mark to the next, and so about what is sent twice.
    static let every: UInt64 = 256 << 10
    /// The shortest time between two that are kept.
    static let keptEvery = Duration.seconds(2)
    /// Bytes of log that may be read before a mark says so.
    static let reachBytes: UInt64 = 4 << 20
    private static let countMax = 64

    private var passed: [LogMark] = []
    private var keptAt: ContinuousClock.Instant?
    /// The mark on the disk.
    private var kept: LogMark
    private var reach: UInt64
    /// The reach of the agent's former life, until something was read in this one.
    private var formerReach: UInt64?

    /// Creates the marks of a log that is read from the mark on which is on the disk, if there is one.
    init(from mark: LogMark = LogMark()) {
        kept = mark
        reach = mark.reach ?? mark.offset
        formerReach = reach
    }

    /// How many are held.
    var count: Int { passed.count }

    /// Where a loss stands that is found at a place: behind all that a former life can have sent.
    func place(ofLossAt offset: UInt64) -> UInt64 { max(offset, formerReach ?? 0) }

    /// The mark that is to be kept before what was read up to there is sent; nil when none need be.
    mutating func reaching(_ place: LogMark) -> LogMark? {
        guard place.offset > reach else { return nil }
        let (sum, isTooMuch) = place.offset.addingReportingOverflow(Self.reachBytes)
        reach = isTooMuch ? .max : sum
        // Until one is settled, that of the beginning tells whether it is still there.
        if kept.offset == 0, kept.cursor == nil { kept.cursor = place.cursor?.beginning }
        kept.reach = reach
        return kept
    }

    /// Notes where a reader is.
    mutating func pass(_ mark: LogMark) {
        formerReach = nil
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
        kept = passed[index]
        kept.reach = reach
        passed.removeFirst(index + 1)
        return kept
    }
}
