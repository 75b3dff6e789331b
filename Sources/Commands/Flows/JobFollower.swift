import Foundation

/// Follows one job to a state by the controller's stream, through lost connections, and shows how it goes.
struct JobFollower {
    let session: Session
    let client: APIClient
    /// Whether progress is shown on stderr.
    var isShown = true

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
        let follower = Follower<Job>(
            session: session, client: client, topic: "job:\(id)",
            look: {
                try await client.get(Job.self, Resource("jobs", id), purpose: "follow job \(id)")
            }, isDone: goal.isReached)
        do {
            return try await follower.follow(until: deadline) {
                view.show($0)
            } note: {
                view.note($0)
            } take: { events, job in
                guard events.allSatisfy({ $0.type == JobProgress.type }) else { return false }
                if let progress = events.last.flatMap({ JobProgress($0) }) { job.take(progress) }
                return true
            }
        } catch let late as Follower<Job>.TimedOut {
            throw CommandError(
                .timedOut, "gave up waiting for job \(id)",
                why: late.last.map { "it is still \($0.state ?? "in an unknown state")" },
                hint:
                    "it goes on; `jctl wait \(id)` waits again, `jctl describe job \(id)` shows it")
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
