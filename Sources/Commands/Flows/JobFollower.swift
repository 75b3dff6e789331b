import Foundation

/// Follows one job to a state by long polls, through lost connections, and shows how it goes.
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

        /// What the long poll may wait for.
        var poll: String {
            switch self {
            case .ended: "ended"
            case .state(let name):
                ["assigned", "provisioning", "running"].contains(name) ? "running" : "ended"
            }
        }

        /// Whether the job is there, or past it.
        func isReached(by job: Job) -> Bool {
            guard case .state(let name) = self, !job.isEnded else { return job.isEnded }
            let states = Job.states
            guard let goal = states.firstIndex(of: name),
                let at = states.firstIndex(of: job.state ?? "")
            else { return false }
            return at >= goal
        }
    }

    /// Waits until the goal is reached, or the deadline has passed (then a timeout error).
    func follow(_ id: String, to goal: Goal = .ended, deadline: Date? = nil) async throws
        -> Fetched<Job>
    {
        session.farewell = Self.farewell(id)
        var view = ProgressView(session: session, isShown: isShown)
        defer { view.clear() }
        var lostAt: Date?
        var isFirst = true
        while true {
            let asked = session.context.now()
            // The first poll does not wait, so that there is something to see at once.
            let job = try await attempt(&lostAt, &view) {
                try await poll(id, goal, isFirst ? asked : deadline)
            }
            if let job {
                view.show(job.model)
                if goal.isReached(by: job.model) { return job }
            }
            try checkDeadline(deadline, id, job?.model)
            if job == nil {
                try await session.context.pause(.seconds(1))
            } else if !isFirst, session.context.now().timeIntervalSince(asked) < 0.2 {
                // An answer before its time means that long polls are not obeyed: do not spin.
                try await session.context.pause(.milliseconds(250))
            }
            isFirst = isFirst && job == nil
        }
    }

    /// Polls once; nil when the controller is away, which is said once and borne for a while.
    private func attempt(
        _ lostAt: inout Date?, _ view: inout ProgressView,
        _ poll: () async throws -> Fetched<Job>
    ) async throws -> Fetched<Job>? {
        do {
            let job = try await poll()
            if lostAt != nil { view.note("the controller is back") }
            lostAt = nil
            return job
        } catch let error as CommandError where error.status.isPassing {
            let now = session.context.now()
            guard now.timeIntervalSince(lostAt ?? now) < Self.patience else { throw error }
            if lostAt == nil {
                view.note("\(error.why ?? "the controller is unreachable"); trying again")
            }
            lostAt = lostAt ?? now
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

    private func poll(_ id: String, _ goal: Goal, _ deadline: Date?) async throws -> Fetched<Job> {
        // On a terminal a poll a second moves the line; elsewhere only changes are of interest.
        var wait = isShown ? (session.context.console.errIsTerminal ? 1 : 2) : 20
        if let deadline {
            let left = deadline.timeIntervalSince(session.context.now())
            wait = max(0, min(wait, Int(left.rounded(.up))))
        }
        return try await client.get(
            Job.self,
            Resource("jobs", id, query: [("wait", "\(wait)"), ("for", goal.poll)]),
            purpose: "follow job \(id)", timeout: Double(wait) + 15)
    }

    private func checkDeadline(_ deadline: Date?, _ id: String, _ job: Job?) throws {
        guard let deadline, session.context.now() >= deadline else { return }
        throw CommandError(
            .timedOut, "gave up waiting for job \(id)",
            why: job.map { "it is still \($0.state ?? "in an unknown state")" },
            hint: "it goes on; `jctl wait \(id)` waits again, `jctl describe job \(id)` shows it")
    }
}
