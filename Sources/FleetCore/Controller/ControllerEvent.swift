/// What can happen to the controller's machine.
package enum ControllerEvent: Sendable {
    /// Somebody asks for work, with an id that the shell made; the record may have to be asked for what it
    /// waits for.
    case submit(RequestID, JobID, JobRequest, recalled: Recalled = Recalled())
    /// Somebody has asked for work under a key: the answer is that of a repeat, and nothing is made.
    case replay(RequestID, RequestKey, digest: String?)
    /// Somebody wants a job to stop; the record may have to be asked for its end.
    case cancel(RequestID, JobID, recalled: Recalled = Recalled())
    /// Somebody wants a failed or cancelled job tried again; the record may have to be asked for it.
    case retry(RequestID, JobID, recalled: Recalled = Recalled())
    /// Somebody asks for several jobs with dependencies, with ids that the shell made; the same holds for
    /// what they wait for.
    case submitPlan(RequestID, PlanID, PlanRequest, recalled: Recalled = Recalled())
    /// Somebody wants all jobs of a plan to stop.
    case cancelPlan(RequestID, PlanID)
    /// Somebody wants the failed and cancelled jobs of a plan tried again.
    case retryPlan(RequestID, PlanID, recalled: Recalled = Recalled())
    /// Somebody has made a token, for so long; nil for ever.
    case addToken(RequestID, TokenRecord, life: Duration?)
    /// Somebody takes a token back.
    case removeToken(RequestID, TokenName)
    /// Somebody has made a webhook.
    case addWebhook(RequestID, WebhookRecord)
    /// Somebody removes a webhook.
    case removeWebhook(RequestID, WebhookName)
    /// Deliveries have gone on, or failed.
    case webhooksProgressed([WebhookProgress])
    /// Somebody lends a roamer.
    case assign(RequestID, NodeName, AssignmentRequest)
    /// Somebody wants a roamer back.
    case release(RequestID, NodeName)
    /// Somebody keeps work away from a node, or lets it come again.
    case cordon(RequestID, NodeName, Bool)
    /// Somebody empties a node; what runs at the deadline is moved.
    case drain(RequestID, NodeName, deadline: Duration?)
    /// Somebody ends a drain.
    case undrain(RequestID, NodeName)
    /// A checked fleet takes the place of the present one.
    case apply(RequestID, FleetSpec)
    /// Somebody makes every certificate void that was issued to a node until now; certificates go by the wall
    /// clock, which shows `wall`.
    case banNode(RequestID, NodeName, wall: Instant = .zero)
    /// An agent has said hello, with a certificate issued then; without a word it is never void.
    case connected(Hello, SessionID, issuedAt: Instant = .distantFuture)
    /// A session is over.
    case disconnected(NodeName, SessionID)
    /// A message of a session.
    case message(NodeName, SessionID, AgentMessage)
    /// Time has passed.
    case tick
}

/// What the machine has let go of and is needed again: ended jobs as the record has them, and their plan.
package struct Recalled: Hashable, Sendable {
    /// The plan, when they are of one; then with all of its jobs that the machine has not.
    package var plan: Plan?
    /// The jobs.
    package var jobs: [Job]
    /// Recalls.
    package init(plan: Plan? = nil, jobs: [Job] = []) {
        self.plan = plan
        self.jobs = jobs
    }
}

/// What somebody wants a roamer to become.
package struct AssignmentRequest: Hashable, Sendable {
    /// What it shall run.
    package enum Target: Hashable, Sendable {
        case cluster(ClusterName)
        case template(TemplateName)
        /// An image, and what it was found to be.
        case image(String, digest: String? = nil)
    }
    /// When it ends.
    package enum Mode: Hashable, Sendable {
        case untilIdle
        case fixed(Duration)
        case manual
    }
    /// What it shall run.
    package var target: Target
    /// When it ends.
    package var mode: Mode
    /// Creates a request.
    package init(target: Target, mode: Mode) {
        self.target = target
        self.mode = mode
    }
}

/// The answer to a request.
package enum Reply: Hashable, Sendable {
    /// The job is accepted and stored; `replayed` when the key was seen before.
    case accepted(JobID, replayed: Bool)
    /// The plan is accepted and stored; `replayed` when the key was seen before.
    case planAccepted(PlanID, replayed: Bool)
    /// It is done and stored.
    case done
    /// Nothing is known of the key any more, or yet; what was made under it is in the record.
    case unknownKey
    /// It cannot be done.
    case refused(Refusal)
}

/// Why a request cannot be done.
package struct Refusal: Hashable, Sendable, Error {
    /// The kinds of refusal; the API maps each to a status.
    package enum Code: String, Hashable, Sendable {
        case notFound = "not_found"
        case invalid = "invalid"
        case conflict = "conflict"
        case idempotencyMismatch = "idempotency_mismatch"
        case queueFull = "queue_full"
        /// The submitter has as many jobs open as it may.
        case tooManyOpen = "too_many_open"
        /// The submitter submits more often than it may.
        case rateLimited = "rate_limited"
        /// It needs more memory than any node has that could run it.
        case doesNotFit = "does_not_fit"
    }
    /// The kind.
    package var code: Code
    /// What is wrong, and what to do.
    package var message: String
    /// When another try may succeed, where that is known.
    package var retryAfter: Duration?
    /// Creates a refusal.
    package init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    /// Of a request whose idempotency key came with another one before.
    package static func keyWasUsed(for first: String) -> Refusal {
        Refusal(
            .idempotencyMismatch, "the idempotency key was used for another request (\(first))")
    }
}

/// Something that happened, as the event stream shows it.
package struct FleetEvent: Hashable, Sendable, Codable {
    /// The kinds of event.
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case job = "job.state"
        case plan = "plan.state"
        case node = "node.state"
        case roamer = "roamer.state"
        case pod = "pod.state"
        case assignment = "assignment"
        case fleet = "fleet.applied"
        case token = "token"
        case webhook = "webhook"
    }
    /// Rises by one with each event of the installation.
    package var sequence: UInt64
    /// When.
    package var at: Instant
    /// The kind.
    package var kind: Kind
    /// The job concerned.
    package var job: JobID?
    /// The plan concerned.
    package var plan: PlanID?
    /// The attempt concerned.
    package var attempt: Int?
    /// The node concerned.
    package var node: NodeName?
    /// The state before.
    package var from: String?
    /// The state after.
    package var to: String?
    /// Why.
    package var reason: String?
    /// How long the state before lasted.
    package var lasted: Duration?

    /// Creates an event.
    package init(
        sequence: UInt64, at: Instant, kind: Kind, job: JobID? = nil, plan: PlanID? = nil,
        attempt: Int? = nil, node: NodeName? = nil, from: String? = nil, to: String? = nil,
        reason: String? = nil, lasted: Duration? = nil
    ) {
        self.sequence = sequence
        self.at = at
        self.kind = kind
        self.job = job
        self.plan = plan
        self.attempt = attempt
        self.node = node
        self.from = from
        self.to = to
        self.reason = reason
        self.lasted = lasted
    }
}
