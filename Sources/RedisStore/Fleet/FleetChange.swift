package import FleetCore

/// What one turn of the control loop has changed.
package struct FleetChange: Sendable {
    /// Jobs as they are now.
    package var jobs: [Job] = []
    /// Plans as they are now.
    package var plans: [Plan] = []
    /// Requests with an idempotency key that are accepted with it.
    package var accepted: [AcceptedRequest] = []
    /// Nodes as they are now.
    package var nodes: [NodeRecord] = []
    /// Nodes that are gone.
    package var goneNodes: [NodeName] = []
    /// Tokens that are new.
    package var tokens: [TokenRecord] = []
    /// Tokens that are gone.
    package var goneTokens: [TokenName] = []
    /// Bans as they are now.
    package var bans: [NodeBan] = []
    /// Webhooks as they are now.
    package var webhooks: [WebhookRecord] = []
    /// Webhooks that are gone.
    package var goneWebhooks: [WebhookName] = []
    /// The fleet, when it was applied anew.
    package var fleet: AppliedFleet?
    /// What happened.
    package var events: [FleetEvent] = []
    /// Numbers given so far.
    package var counters: Controller.Counters
    /// The controller's clock, so that a successor's never goes back.
    package var clock: Instant

    /// Creates an empty change.
    package init(counters: Controller.Counters, clock: Instant) {
        self.counters = counters
        self.clock = clock
    }
}

/// A fleet as it was applied.
package struct AppliedFleet: Hashable, Sendable, Codable {
    /// Its number.
    package var revision: UInt64
    /// When.
    package var at: Instant
    /// The text of `cluster.yaml`.
    package var source: String
    /// What it says.
    package var spec: FleetSpec

    /// Creates a revision.
    package init(revision: UInt64, at: Instant, source: String, spec: FleetSpec) {
        self.revision = revision
        self.at = at
        self.source = source
        self.spec = spec
    }
}
