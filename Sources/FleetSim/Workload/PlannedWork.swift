package import FleetCore

/// A job that somebody will ask for.
package struct PlannedJob: Hashable, Sendable, Codable {
    /// When, since the storm began.
    package var at: Duration
    /// What.
    package var request: JobRequest
    /// When it is cancelled, after it was asked for; nil for never.
    package var cancelAfter: Duration?
    /// When it is asked for again, after it was cancelled.
    package var retryAfter: Duration?
}

/// A plan that somebody will ask for.
package struct PlannedPlan: Hashable, Sendable, Codable {
    /// One job of it.
    package struct Step: Hashable, Sendable, Codable {
        /// What.
        package var request: JobRequest
        /// What it waits for, by place in the plan; all of it earlier.
        package var after: [Int]
    }
    /// When, since the storm began.
    package var at: Duration
    /// Its jobs.
    package var steps: [Step]
    /// What becomes of the rest when one fails.
    package var onFailure: Plan.FailurePolicy
    /// The most that run at once.
    package var maxRunning: Int?
    /// When it is cancelled, after it was asked for; nil for never.
    package var cancelAfter: Duration?
    /// When what did not succeed is asked for again, after it was asked for; nil for never.
    package var retryAfter: Duration?
}

/// Something an operator will do.
package struct PlannedOperation: Hashable, Sendable, Codable {
    /// What an operator can do.
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case cordon, drain, drainBriefly, assignCluster, assignImage, assignTemplate, release
        case apply
    }
    /// When, since the storm began.
    package var at: Duration
    /// What.
    package var kind: Kind
    /// The node, by its place in the fleet.
    package var node: Int
    /// How long, where it has a length; which change, for `apply`.
    package var count: Int
}

/// A time of work and trouble; after it the world heals and everything must come to rest.
package struct Storm: Hashable, Sendable, Codable {
    /// How long it lasts.
    package var length: Duration
    /// Jobs, by time.
    package var jobs: [PlannedJob]
    /// Absent in older scenarios.
    private var planList: [PlannedPlan]?
    /// Operations, by time.
    package var operations: [PlannedOperation]
    /// Faults, by time.
    package var faults: [PlannedFault]

    private enum CodingKeys: String, CodingKey {
        case length, jobs, operations, faults
        case planList = "plans"
    }

    /// Plans, by time.
    package var plans: [PlannedPlan] {
        get { planList ?? [] }
        set { planList = newValue.isEmpty ? nil : newValue }
    }

    /// Creates a storm without plans.
    package init(
        length: Duration, jobs: [PlannedJob] = [], operations: [PlannedOperation] = [],
        faults: [PlannedFault] = []
    ) {
        self.length = length
        self.jobs = jobs
        self.operations = operations
        self.faults = faults
    }
}
