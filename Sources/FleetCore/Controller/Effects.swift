package import OrderedCollections

/// What the shell must do after a step.
///
/// `urgent` may go out at once: it takes nothing back if the controller dies. All the rest waits
/// until what changed is stored.
package struct Effects: Sendable {
    /// A message to an agent's session.
    package struct Outgoing: Hashable, Sendable {
        /// The node.
        package let node: NodeName
        /// The session; the message is dropped when it is over.
        package let session: SessionID
        /// The message.
        package let message: ControllerMessage
    }

    /// A session to end.
    package struct Closing: Hashable, Sendable {
        /// The session.
        package let session: SessionID
        /// Why, for people.
        package let reason: String
        /// Whether the agent's certificate lets it in no more.
        package let certificateIsVoid: Bool

        /// Ends a session.
        package init(_ session: SessionID, _ reason: String, certificateIsVoid: Bool = false) {
            self.session = session
            self.reason = reason
            self.certificateIsVoid = certificateIsVoid
        }
    }

    /// Jobs whose record changed.
    package var jobs: OrderedSet<JobID> = []
    /// Ended jobs that left memory, for the record of those that changed.
    package var trimmed: [JobID: Job] = [:]
    /// Plans whose record changed.
    package var plans: OrderedSet<PlanID> = []
    /// Ended plans that left memory, for the record of those that changed.
    package var trimmedPlans: [PlanID: Plan] = [:]
    /// Nodes whose record changed.
    package var nodes: OrderedSet<NodeName> = []
    /// Tokens that are new or gone.
    package var tokens: OrderedSet<TokenName> = []
    /// Nodes that were banned.
    package var bans: OrderedSet<NodeName> = []
    /// Webhooks whose record changed, and those that are gone.
    package var webhooks: OrderedSet<WebhookName> = []
    /// Whether the fleet's description changed.
    package var fleetChanged = false
    /// What happened.
    package var events: [FleetEvent] = []
    /// Messages that need no storing.
    package var urgent: [Outgoing] = []
    /// Messages to send when all is stored.
    package var sends: [Outgoing] = []
    /// Answers to give when all is stored.
    package var replies: [(RequestID, Reply)] = []
    /// Sessions to end.
    package var closes: [Closing] = []

    /// No effects.
    package init() {}

    /// Whether anything must be stored.
    package var needsCommit: Bool {
        !jobs.isEmpty || !plans.isEmpty || !nodes.isEmpty || !tokens.isEmpty
            || !bans.isEmpty || !webhooks.isEmpty || fleetChanged || !events.isEmpty
    }

    /// Whether anything waits for the store.
    package var isEmpty: Bool {
        !needsCommit && sends.isEmpty && replies.isEmpty && closes.isEmpty && urgent.isEmpty
    }

    /// Adds what a later step wants; what is stored is the latest state, so changes coalesce.
    package mutating func merge(_ later: Effects) {
        jobs.formUnion(later.jobs)
        // Only what is to be stored is of use.
        for (id, job) in later.trimmed where jobs.contains(id) { trimmed[id] = job }
        plans.formUnion(later.plans)
        for (id, plan) in later.trimmedPlans where plans.contains(id) { trimmedPlans[id] = plan }
        nodes.formUnion(later.nodes)
        tokens.formUnion(later.tokens)
        bans.formUnion(later.bans)
        webhooks.formUnion(later.webhooks)
        fleetChanged = fleetChanged || later.fleetChanged
        events += later.events
        urgent += later.urgent
        sends += later.sends
        replies += later.replies
        closes += later.closes
    }
}
