/// An idempotency key with what makes it unique.
///
/// It is its submitter's own, and jobs, plans and uploads do not share one.
package struct RequestKey: Hashable, Sendable {
    /// What is asked for under a key.
    package enum Kind: String, Sendable {
        case job, plan, upload
    }

    /// What is asked for under it.
    package let kind: Kind
    /// The submitter and the key.
    package let text: String

    /// The key of a request for a job; nil when it came without.
    package init?(_ request: JobRequest) {
        self.init(.job, request.idempotencyKey, of: request.submitter)
    }

    /// The key of a request for a plan; nil when it came without.
    package init?(_ request: PlanRequest) {
        self.init(.plan, request.idempotencyKey, of: request.submitter)
    }

    /// What a plan was asked for under; nil when it came without.
    package init?(_ plan: Plan) {
        self.init(.plan, plan.idempotencyKey, of: plan.submitter)
    }

    /// A submitter's key; nil when there is none.
    package init?(_ kind: Kind, _ key: String?, of submitter: SubmitterName?) {
        guard let key else { return nil }
        self.kind = kind
        text = "\(submitter ?? .local) \(key)"
    }
}
