import FleetCore

/// A plan as the API shows it.
struct PlanView: Encodable, Sendable {
    struct Counts: Encodable, Sendable {
        var total = 0
        var queued = 0
        var running = 0
        var succeeded = 0
        var failed = 0
        var cancelled = 0

        mutating func add(_ state: JobState) {
            switch state {
            case .queued: queued += 1
            case .assigned, .provisioning, .running: running += 1
            case .succeeded: succeeded += 1
            case .failed: failed += 1
            case .cancelled: cancelled += 1
            }
        }
    }
    struct Member: Encodable, Sendable {
        var step: String
        var index: Int?
        var job: String
        var kind: String
        var state: String
        var after: [String]
        var reason: String?

        init(_ job: Job, _ waiting: Waiting?) {
            step = job.request.place?.step ?? job.id.rawValue
            index = job.request.place?.index
            self.job = job.id.rawValue
            kind = job.request.kind.rawValue
            state = job.state.rawValue
            after = job.request.after.map(\.name)
            reason = waiting?.reason ?? job.ending?.error?.message
        }
    }
    struct Links: Encodable, Sendable {
        var `self`: String
        var jobs: String
        var events: String
        var cancel: String
        var retry: String
    }

    var id: String
    var name: String?
    var state: String
    var onFailure: String
    var maxRunning: Int?
    var submitter: String
    var submittedAt: String
    var finishedAt: String?
    var failedJob: String?
    var counts: Counts
    /// Nil in a list.
    var steps: [Member]?
    var links: Links

    /// Shows a plan; `states` are those of the jobs in memory, which matter while it is alive.
    init(_ plan: Plan, states: [JobState], steps: [Member]? = nil) {
        let base = "/api/v1/plans/\(plan.id)"
        id = plan.id.rawValue
        name = plan.name
        state = plan.state
        onFailure = plan.onFailure.rawValue
        maxRunning = plan.maxRunning
        submitter = plan.submittedBy.rawValue
        submittedAt = plan.submittedAt.rfc3339
        finishedAt = plan.ending?.at.rfc3339
        failedJob = plan.failedJob?.rawValue
        counts = Counts(total: plan.jobs.count)
        if let ending = plan.ending {
            counts.succeeded = ending.succeeded
            counts.failed = ending.failed
            counts.cancelled = ending.cancelled
        } else {
            for state in states { counts.add(state) }
        }
        self.steps = steps
        links = Links(
            self: base, jobs: "/api/v1/jobs?plan=\(plan.id)",
            events: "/api/v1/events?plan=\(plan.id)",
            cancel: "\(base)/cancel", retry: "\(base)/retry")
    }
}
