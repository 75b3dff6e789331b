import OrderedCollections

extension Agent {
    /// What an agent is doing, counted, for display.
    package struct Summary: Hashable, Sendable {
        /// Attempts by phase.
        package internal(set) var attempts: [AttemptPhase: Int] = [:]
        /// Workers by phase.
        package internal(set) var workers: [WorkerPhase: Int] = [:]
        /// Reports that the controller has not acknowledged.
        package internal(set) var pendingReports = 0
        /// The highest term seen.
        package internal(set) var term: UInt64 = 0
        /// When the lease was last known to be renewed; nil before the first.
        package internal(set) var renewedAt: Instant?

        /// Of an agent that has done nothing yet.
        package init() {}
    }

    /// What it is doing now.
    package var summary: Summary {
        var summary = Summary()
        for attempt in attempts.values { summary.attempts[attempt.record.phase, default: 0] += 1 }
        for worker in workers.values { summary.workers[worker.phase, default: 0] += 1 }
        summary.pendingReports = outbox.count
        summary.term = term
        summary.renewedAt = renewedAt
        return summary
    }
}
