/// Takes up a record of the past, when what happened since is known to nobody but the agents.
///
/// Between the backup and now a controller may have given any number of terms, attempts, assignments
/// and events. Agents remember the highest they have seen and refuse what is not above, and objects lie
/// under an attempt's number. So all of these go on far above: at the seconds of the wall clock, which no
/// counter of ours keeps up with, and above a margin, should the clock be wrong.
package struct Renewal: Hashable, Sendable {
    /// Seconds since 1970.
    package let wallSeconds: Int64

    /// 2026-01-01, from which smaller numbers are counted.
    private static let epoch: Int64 = 1_767_225_600
    private static let termMargin: UInt64 = 1_000_000
    private static let counterMargin: UInt64 = 1_000_000
    private static let eventMargin: UInt64 = 10_000_000
    private static let attemptMargin = 1_000
    /// The highest number an attempt may be pushed to; some must be left.
    private static let attemptMost = 1_900_000_000

    /// A renewal at a time of the wall clock.
    package init(wallSeconds: Int64) { self.wallSeconds = wallSeconds }

    private var recent: Int64 { max(wallSeconds - Self.epoch, 0) }

    /// The term to go on from: above that of the backup, and above that of the record it replaces.
    package func term(backup: UInt64, replaced: UInt64) -> UInt64 {
        Self.above(
            max(backup, replaced), by: Self.termMargin, and: UInt64(clamping: wallSeconds))
    }

    /// The numbers given so far.
    package func counters(_ counters: Controller.Counters) -> Controller.Counters {
        let recent = UInt64(clamping: recent)
        var counters = counters
        counters.event = Self.above(counters.event, by: Self.eventMargin, and: recent)
        counters.assignment = Self.above(counters.assignment, by: Self.counterMargin, and: recent)
        counters.cleaning = Self.above(counters.cleaning, by: Self.counterMargin, and: recent)
        return counters
    }

    /// A job as it goes on.
    ///
    /// What was only assigned may have been confirmed since: an agent that does not know it has
    /// finished with it, and is not to be asked again.
    package func job(_ job: Job) -> Job {
        guard job.ending?.outcome != .succeeded || job.isActive else { return job }
        var job = job
        let used = max(job.attempts.last?.number ?? 0, job.numbersUsed ?? 0)
        let raised = max(used &+ Self.attemptMargin, Int(clamping: recent))
        job.numbersUsed = max(used, min(raised, Self.attemptMost))
        for index in job.attempts.indices where job.attempts[index].state == .assigned {
            job.attempts[index].state = .provisioning
        }
        return job
    }

    private static func above(_ value: UInt64, by margin: UInt64, and floor: UInt64) -> UInt64 {
        let (sum, overflow) = value.addingReportingOverflow(margin)
        return max(overflow ? value : sum, floor)
    }
}
