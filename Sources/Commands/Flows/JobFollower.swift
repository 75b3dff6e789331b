import Foundation

/// Follows one job to a state by the controller's stream, through lost connections, and shows how it goes.
struct JobFollower {
    let session: Session
    let client: APIClient
    /// Whether progress is shown on stderr.
    var isShown = true

    /// How long the controller may be unreachable before following ends, in seconds.
    private static let patience = 120.0

    /// The state to wait for.
    enum Goal: Sendable, Equatable {
        case ended
        case state(String)
        /// That it has ended, or runs in an attempt later than this one.
        case attempt(after: Int)

        /// Whether the job is there, or past it.
        func isReached(by job: Job) -> Bool {
            if job.isEnded { return true }
            switch self {
            case .ended: return false
            case .state(let name):
                let states = Job.states
                guard let goal = states.firstIndex(of: name),
                    let at = states.firstIndex(of: job.state ?? "")
                else { return false }
                return at >= goal
            case .attempt(let shown):
                return job.state == "running" && (job.attempt ?? shown) > shown
            }
        }
    }

    /// Waits until the goal is reached, or the deadline has passed (then a timeout error).
    func follow(_ id: String, to goal: Goal = .ended, deadline: Date? = nil) async throws
        -> Fetched<Job>
    {
        session.farewell = Self.farewell(id)
        var view = ProgressView(session: session, isShown: isShown)
        defer { view.clear() }
        // Before a stream is asked for: of what is not there, there is nothing to follow.
        var job = try await look(id)
        var stream = EventStream(
            client: client, session: session, topics: ["job:\(id)"], after: nil)
        stream.patience = Self.patience
        stream.isPatientAtFirst = true
        if let job {
            view.show(job.model)
            if goal.isReached(by: job.model) { return job }
        }
        var isAway = false
        for try await news in stream.news(until: deadline) {
            switch news {
            case .lost:
                isAway = true
                view.note("the controller is unreachable; trying again")
            case .tick: if let job { view.show(job.model) }
            case .deadline:
                throw CommandError(
                    .timedOut, "gave up waiting for job \(id)",
                    why: job.map { "it is still \($0.model.state ?? "in an unknown state")" },
                    hint:
                        "it goes on; `jctl wait \(id)` waits again, `jctl describe job \(id)` shows it"
                )
            case .events(let events) where events.allSatisfy({ $0.type == JobProgress.type }):
                guard let last = events.last, let progress = JobProgress(last), job != nil else {
                    continue
                }
                job?.model.take(progress)
                if let job { view.show(job.model) }
            case .connected, .events:
                guard let now = try await look(id) else { continue }
                if isAway { view.note("the controller is back") }
                isAway = false
                job = now
                view.show(now.model)
                if goal.isReached(by: now.model) { return now }
            }
        }
        throw CancellationError()
    }

    /// The job as it is; nil when the controller is away, which the stream will say.
    private func look(_ id: String) async throws -> Fetched<Job>? {
        do {
            return try await client.get(
                Job.self, Resource("jobs", id), purpose: "follow job \(id)")
        } catch let error as CommandError where error.status.isPassing {
            return nil
        }
    }

    /// What ^C leaves behind.
    static func farewell(_ id: String) -> [String] {
        [
            "interrupted; job \(id) goes on",
            "come back with: jctl wait \(id)",
            "stop it with:   jctl cancel \(id)",
        ]
    }
}
