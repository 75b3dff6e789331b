/// What one submitter, or all work with a label, may take of the fleet.
package struct LimitSpec: Hashable, Sendable, Codable {
    /// Whom it is for.
    package enum Subject: Hashable, Sendable, Codable {
        /// The submitter of that name.
        case submitter(SubmitterName)
        /// Each submitter that has no limit of its own.
        case everySubmitter
        /// All jobs with this label, whoever submits them.
        case label(JobRequest.Label)
    }

    /// Whom it is for.
    package var subject: Subject
    /// The share of a busy queue beside the others, 1…1000; nil for 1, and for a label: no share of its own.
    package var weight: Int?
    /// The most jobs that run at once.
    package var maxRunning: Int?
    /// The most jobs that are accepted and not ended; of submitters only.
    package var maxOpen: Int?
    /// How often jobs may be submitted; of submitters only.
    package var rate: Rate?

    /// So many in so long a time, and as many at once.
    package struct Rate: Hashable, Sendable, Codable {
        /// How many, from 1.
        package var count: Int
        /// In what time.
        package var per: Duration
        /// Creates a rate.
        package init(count: Int, per: Duration) {
            self.count = count
            self.per = per
        }
    }

    /// Creates a limit.
    package init(
        subject: Subject, weight: Int? = nil, maxRunning: Int? = nil, maxOpen: Int? = nil,
        rate: Rate? = nil
    ) {
        self.subject = subject
        self.weight = weight
        self.maxRunning = maxRunning
        self.maxOpen = maxOpen
        self.rate = rate
    }
}
