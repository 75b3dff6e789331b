/// What was asked for, as accepted; it never changes.
package struct JobRequest: Hashable, Sendable, Codable {
    /// What is asked for.
    package var kind: JobKind
    /// The cluster asked for; nil for the one that serves the kind.
    package var cluster: ClusterName?
    /// A template to run it on, on a roamer of its own.
    package var template: TemplateName?
    /// For `custom`: the image to run to its end.
    package var image: String?
    /// What it was found to be when the job was accepted, `sha256:…`; nil when not known.
    package var imageDigest: String?
    /// The fleet's registry that said so of a short name; nil for a full one.
    package var imageRegistry: String?
    /// For `custom`: the command.
    package var command: [String]
    /// For `custom`: the memory limit in bytes.
    package var memory: Int64?
    /// The input: a JSON object as text; abridged where it is `stored`.
    package var input: String
    /// Where the record has not all of the input.
    package var stored: StoredInput?
    /// −10…10; a step is worth a minute of waiting.
    package var priority: Int
    /// From submission to the end.
    package var deadline: Duration?
    /// How many failures are tried again.
    package var retries: Int
    /// Whether a second copy does no harm.
    package var retrySafe: Bool
    /// Labels of the submitter, sorted by key.
    package var labels: [Label]
    /// Makes a repeated submission give the same job.
    package var idempotencyKey: String?
    /// A digest of the body that came with the key.
    package var idempotencyDigest: String?
    /// Why a sentence was understood as this; nil for what was asked for outright.
    package var why: String?
    /// Who asks; nil for the local socket.
    package var submitter: SubmitterName?
    /// Where it stands in a plan; nil when it is in none.
    package var place: PlanPlace?
    /// Absent where there are none.
    private var afterList: [Prerequisite]?

    private enum CodingKeys: String, CodingKey {
        case kind, cluster, template, image, command, memory, input, priority, deadline, retries
        case retrySafe, labels, idempotencyKey, idempotencyDigest, submitter, place, stored
        case imageDigest, imageRegistry, why
        case afterList = "after"
    }

    /// The jobs that must have succeeded before it begins.
    package var after: [Prerequisite] {
        get { afterList ?? [] }
        set { afterList = newValue.isEmpty ? nil : newValue }
    }

    /// A name and a value.
    package struct Label: Hashable, Sendable, Codable {
        /// The name.
        package var key: String
        /// The value.
        package var value: String
        /// Creates a label.
        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// Creates a request with the defaults of its kind.
    package init(
        kind: JobKind, cluster: ClusterName? = nil, template: TemplateName? = nil,
        image: String? = nil, command: [String] = [], memory: Int64? = nil, input: String = "{}",
        priority: Int = 0, deadline: Duration? = nil, retries: Int? = nil,
        retrySafe: Bool? = nil, labels: [Label] = [], idempotencyKey: String? = nil,
        idempotencyDigest: String? = nil
    ) {
        self.kind = kind
        self.cluster = cluster
        self.template = template
        self.image = image
        self.command = command
        self.memory = memory
        self.input = input
        self.priority = priority
        self.deadline = deadline
        // A program somebody wrote fails for reasons of its own; a model's worker rarely does.
        self.retries = retries ?? (kind == .custom ? 0 : 2)
        self.retrySafe = retrySafe ?? kind.isRetrySafe
        self.labels = labels
        self.idempotencyKey = idempotencyKey
        self.idempotencyDigest = idempotencyDigest
    }
}

/// One piece of work asked for; never lost once accepted.
package struct Job: Hashable, Sendable, Codable {
    /// Its id.
    package let id: JobID
    /// What was asked for.
    package private(set) var request: JobRequest
    /// The queue it waits in: a cluster, or the roamers' own.
    package var queue: ClusterName
    /// Every try so far.
    package var attempts: [Attempt] = []
    /// How it ended; nil while it is alive.
    package var ending: Ending?
    /// Why it is being stopped, while its attempts are.
    package var stopping: StopReason?
    /// Not to be tried before this instant.
    package var notBefore: Instant?
    /// Failures that count against `retries`.
    package var failures = 0
    /// How often a node was lost under it.
    package var losses = 0
    /// When it was accepted.
    package let submittedAt: Instant
    /// When it was asked for again by `retry`; moves its deadline, not its seniority.
    package var retriedAt: Instant?
    /// Numbers up to this one may have been given to attempts that this record does not know of; nil
    /// but in a record that came from a backup.
    package var numbersUsed: Int?

    /// How a job ended.
    package struct Ending: Hashable, Sendable, Codable {
        /// The outcome.
        package var outcome: Outcome
        /// When.
        package var at: Instant
        /// What it produced, when it succeeded.
        package var outputs: [Output]
        /// Why it failed.
        package var error: Failure?
        /// Creates an ending.
        package init(outcome: Outcome, at: Instant, outputs: [Output] = [], error: Failure? = nil) {
            self.outcome = outcome
            self.at = at
            self.outputs = outputs
            self.error = error
        }
    }

    /// The three ways to end.
    package enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        case succeeded, failed, cancelled
    }

    /// Creates an accepted job.
    package init(id: JobID, request: JobRequest, queue: ClusterName, submittedAt: Instant) {
        self.id = id
        self.request = request
        self.queue = queue
        self.submittedAt = submittedAt
    }

    /// The same job with all of its input in the record, or with a short form of what is stored elsewhere.
    package func holding(input: String, of stored: StoredInput? = nil) -> Job {
        var job = self
        job.request.input = input
        job.request.stored = stored
        return job
    }

    /// The number of its next attempt.
    package var nextNumber: Int { max(attempts.last?.number ?? 0, numbersUsed ?? 0) + 1 }
    /// The attempts that may still be running.
    package var active: [Attempt] { attempts.filter { !$0.state.isFinal } }
    /// Whether any attempt may still be running.
    package var isActive: Bool { attempts.contains { !$0.state.isFinal } }
    /// When it must have ended.
    package var deadlineAt: Instant? {
        request.deadline.map { (retriedAt ?? submittedAt) + $0 }
    }

    /// What the job looks like from outside.
    package var state: JobState {
        if let ending {
            switch ending.outcome {
            case .succeeded: return .succeeded
            case .failed: return .failed
            case .cancelled: return .cancelled
            }
        }
        var state = JobState.queued
        for attempt in attempts where !attempt.state.isFinal {
            let reached: JobState =
                switch attempt.state {
                case .assigned: .assigned
                case .provisioning: .provisioning
                default: .running
                }
            if reached.rank > state.rank { state = reached }
        }
        return state
    }
}

/// A job's state as everybody outside sees it.
package enum JobState: String, Hashable, Sendable, Codable, CaseIterable {
    /// Waits. Can become: assigned, failed (deadline), cancelled.
    case queued
    /// Given to a node. Can become: provisioning, running, queued (retry), and the ends.
    case assigned
    /// The node makes it ready. Can become: running, queued (retry), and the ends.
    case provisioning
    /// It runs. Can become: queued (retry), and the ends.
    case running
    /// Done. Final, but for nothing.
    case succeeded
    /// Failed. Can become: queued, by `retry`.
    case failed
    /// Cancelled. Can become: queued, by `retry`.
    case cancelled

    /// Whether it is an end.
    package var isFinal: Bool {
        switch self {
        case .succeeded, .failed, .cancelled: true
        case .queued, .assigned, .provisioning, .running: false
        }
    }

    /// The order of progress.
    package var rank: Int {
        switch self {
        case .queued: 0
        case .assigned: 1
        case .provisioning: 2
        case .running: 3
        case .succeeded, .failed, .cancelled: 4
        }
    }

    /// The states that can follow, as the cases' comments say.
    package var successors: [JobState] {
        switch self {
        case .queued: [.assigned, .failed, .cancelled]
        case .assigned: [.provisioning, .running, .queued, .succeeded, .failed, .cancelled]
        case .provisioning: [.running, .assigned, .queued, .succeeded, .failed, .cancelled]
        case .running: [.assigned, .provisioning, .queued, .succeeded, .failed, .cancelled]
        case .succeeded: []
        case .failed, .cancelled: [.queued]
        }
    }
}

/// One try of a job on one node.
package struct Attempt: Hashable, Sendable, Codable {
    /// From 1; a retry is a new number.
    package let number: Int
    /// Where it runs.
    package let node: NodeName
    /// The worker that runs it; nil for a container of its own.
    package let worker: WorkerID?
    /// The container of its own; nil when a worker runs it, and when it has ended.
    ///
    /// As the fleet's file said when it was assigned: a change of the file does not change what runs.
    package var container: ContainerOrder?
    /// Whether the node was a roamer.
    package let roamer: Bool
    /// Whether it is a second copy beside one on a silent node.
    package let hedge: Bool
    /// How far it is.
    package var state: AttemptState
    /// Why it shall stop, if it shall.
    package var stop: StopReason?
    /// When it was given to the node.
    package let assignedAt: Instant
    /// When the work began.
    package var startedAt: Instant?
    /// When it ended.
    package var finishedAt: Instant?
    /// The container's exit code.
    package var exitCode: Int32?
    /// Why it failed.
    package var error: Failure?

    /// Creates an attempt just assigned.
    package init(
        number: Int, node: NodeName, worker: WorkerID?, container: ContainerOrder? = nil,
        roamer: Bool, hedge: Bool, assignedAt: Instant
    ) {
        self.number = number
        self.node = node
        self.worker = worker
        self.container = container
        self.roamer = roamer
        self.hedge = hedge
        self.state = .assigned
        self.assignedAt = assignedAt
    }
}

/// An attempt's state in the controller; it only moves forward.
package enum AttemptState: String, Hashable, Sendable, Codable, CaseIterable {
    /// Given to the node. Can become: every later state.
    case assigned
    /// The node makes it ready. Can become: every later state.
    case provisioning
    /// The work runs. Can become: every final state.
    case running
    /// Its result is the job's. Final.
    case succeeded
    /// It failed. Final.
    case failed
    /// It was stopped as ordered. Final.
    case stopped
    /// Its node's lease ran out. Final.
    case lost

    /// Whether nothing can follow.
    package var isFinal: Bool {
        switch self {
        case .assigned, .provisioning, .running: false
        case .succeeded, .failed, .stopped, .lost: true
        }
    }

    /// The order of progress.
    package var rank: Int {
        switch self {
        case .assigned: 0
        case .provisioning: 1
        case .running: 2
        case .succeeded, .failed, .stopped, .lost: 3
        }
    }
}
