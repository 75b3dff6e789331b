import Synchronization

/// Runs an operation, and cancels it when it takes longer than the limit.
func withDeadline<Result: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await Task.sleep(for: limit, clock: .continuous)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            throw DockerError(.timedOut, "the Docker daemon did not answer within \(limit)")
        }
        return result
    }
}

/// When a transfer last moved, and how long it may stand still.
final class Activity: Sendable {
    private struct State {
        var last: ContinuousClock.Instant
        var limit: Duration
    }

    private let state: Mutex<State>

    init(limit: Duration) {
        state = Mutex(State(last: .now, limit: limit))
    }

    /// Notes progress, and how long the next step may take.
    func touch(nextWithin limit: Duration? = nil) {
        state.withLock {
            $0.last = .now
            if let limit { $0.limit = limit }
        }
    }

    /// When the transfer counts as stalled unless it moves before.
    var deadline: ContinuousClock.Instant {
        state.withLock { $0.last.advanced(by: $0.limit) }
    }
}

/// Runs a transfer, and cancels it when nothing moved for the activity's limit.
///
/// There is no limit on the whole: images of ten gigabytes over slow links are normal.
func withStallWatch<Result: Sendable>(
    limit: Duration, _ what: String,
    _ operation: @escaping @Sendable (Activity) async throws -> Result
) async throws -> Result {
    let activity = Activity(limit: limit)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await operation(activity) }
        group.addTask {
            while activity.deadline > .now {
                try await Task.sleep(until: activity.deadline, clock: .continuous)
            }
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            throw DockerError(.stalled, "\(what) made no progress for too long")
        }
        return result
    }
}
