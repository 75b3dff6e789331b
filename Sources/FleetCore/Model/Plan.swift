/// Several jobs with dependencies, made from one request.
package struct Plan: Hashable, Sendable, Codable {
    /// Its id.
    package let id: PlanID
    /// What its maker calls it.
    package let name: String?
    /// What becomes of the rest when a job of it fails.
    package let onFailure: FailurePolicy
    /// The most of its jobs that run at once; nil for no bound.
    package let maxRunning: Int?
    /// Who asked for it; nil for the local socket.
    package let submitter: SubmitterName?
    /// Who asked for it, the local socket too.
    package var submittedBy: SubmitterName { submitter ?? .local }
    /// Makes a repeated submission give the same plan.
    package let idempotencyKey: String?
    /// A digest of the body that came with the key.
    package let idempotencyDigest: String?
    /// Its jobs, each after those it waits for.
    package let jobs: [JobID]
    /// How many bounds it has on what runs at once: its own, and those of steps.
    package let boundedSteps: Int
    /// When it was accepted.
    package let submittedAt: Instant
    /// The first job that ended badly; with `stop`, nothing more begins.
    package var failedJob: JobID?
    /// How it ended; nil while a job of it is alive.
    package var ending: Ending?

    /// What becomes of the rest of a plan when a job of it ends otherwise than it should.
    package enum FailurePolicy: String, Hashable, Sendable, Codable, CaseIterable {
        /// What has not begun is cancelled; what runs is let run.
        case stop
        /// Only what waits for it, directly or not, is cancelled.
        case `continue`
    }

    /// How a plan ended.
    package struct Ending: Hashable, Sendable, Codable {
        /// Succeeded when every job did; else failed if one failed; else cancelled.
        package var outcome: Job.Outcome
        /// When.
        package var at: Instant
        /// How many of its jobs succeeded.
        package var succeeded: Int
        /// How many failed.
        package var failed: Int
        /// How many were cancelled, by somebody or for another's failure.
        package var cancelled: Int

        /// Creates an ending from those of its jobs.
        package init(of outcomes: [Job.Outcome], at: Instant) {
            self.at = at
            succeeded = outcomes.count { $0 == .succeeded }
            failed = outcomes.count { $0 == .failed }
            cancelled = outcomes.count { $0 == .cancelled }
            outcome = failed > 0 ? .failed : cancelled > 0 ? .cancelled : .succeeded
        }
    }

    /// Creates an accepted plan.
    package init(_ request: PlanRequest, id: PlanID, submittedAt: Instant) {
        self.id = id
        name = request.name
        onFailure = request.onFailure
        // A bound that cannot be reached is none.
        maxRunning = request.maxRunning.flatMap { $0 < request.jobs.count ? $0 : nil }
        submitter = request.submitter
        idempotencyKey = request.idempotencyKey
        idempotencyDigest = request.idempotencyDigest
        jobs = request.jobs.map(\.id)
        boundedSteps =
            Set(
                request.jobs.compactMap {
                    $0.request.place.flatMap { $0.atOnce == nil ? nil : $0.step }
                }
            ).count + (maxRunning == nil ? 0 : 1)
        self.submittedAt = submittedAt
    }

    /// `running`, or how it ended.
    package var state: String { ending?.outcome.rawValue ?? "running" }
}

/// What was asked for as a plan.
package struct PlanRequest: Hashable, Sendable {
    /// One job of it, its id made by the shell.
    package struct Member: Hashable, Sendable {
        /// The job's id.
        package var id: JobID
        /// What it is.
        package var request: JobRequest
        /// Creates a member.
        package init(id: JobID, request: JobRequest) {
            self.id = id
            self.request = request
        }
    }

    /// What its maker calls it.
    package var name: String?
    /// What becomes of the rest when a job fails.
    package var onFailure: Plan.FailurePolicy
    /// The most of its jobs that run at once.
    package var maxRunning: Int?
    /// Who asks; nil for the local socket.
    package var submitter: SubmitterName?
    /// Who asks for it, the local socket too.
    package var submittedBy: SubmitterName { submitter ?? .local }
    /// Its jobs, each after those it waits for.
    package var jobs: [Member]
    /// Makes a repeated submission give the same plan.
    package var idempotencyKey: String?
    /// A digest of the body that came with the key.
    package var idempotencyDigest: String?

    /// Creates a request.
    package init(
        name: String? = nil, onFailure: Plan.FailurePolicy = .stop, maxRunning: Int? = nil,
        submitter: SubmitterName? = nil, jobs: [Member]
    ) {
        self.name = name
        self.onFailure = onFailure
        self.maxRunning = maxRunning
        self.submitter = submitter
        self.jobs = jobs
    }
}

/// Where a job stands in a plan.
package struct PlanPlace: Hashable, Sendable, Codable {
    /// The plan.
    package var plan: PlanID
    /// The step's name.
    package var step: String
    /// Which of the step's jobs it is, from 0; nil where the step is one job.
    package var index: Int?
    /// The most jobs of the step that run at once; nil for no bound.
    package var atOnce: Int?

    /// Creates a place.
    package init(plan: PlanID, step: String, index: Int? = nil, atOnce: Int? = nil) {
        self.plan = plan
        self.step = step
        self.index = index
        self.atOnce = atOnce
    }

    /// The step for people: `frames`, `frames[3]`.
    package var text: String { index.map { "\(step)[\($0)]" } ?? step }
}

/// A job that must have succeeded first.
package struct Prerequisite: Hashable, Sendable, Codable {
    /// What the waiting job's input calls it: the step's name, or the job's id.
    package var name: String
    /// The job.
    package var job: JobID
    /// Creates a prerequisite.
    package init(name: String, job: JobID) {
        self.name = name
        self.job = job
    }
}
