import OrderedCollections

/// The times and bounds the controller works by.
///
/// All times are on its own monotonic clock.
package struct ControllerPolicy: Hashable, Sendable {
    /// How often an agent sends a heartbeat.
    package var heartbeat = Duration.seconds(5)
    /// Silence after which a connected node is suspect: three heartbeats.
    package var silentAfter = Duration.seconds(15)
    /// How long after its last renewal an agent stops its attempts by itself.
    package var stopAfter = Duration.seconds(30)
    /// How long after the last renewal a node is lost.
    ///
    /// Longer than `stopAfter` by the time an agent may need to stop its containers, and by the
    /// drift of two clocks.
    package var lostAfter = Duration.seconds(45)
    /// How long a dedicated node may be suspect before a roamer stands in for it.
    package var backupGrace = Duration.seconds(5)
    /// How long after its own start the controller waits before it sends a stand-in or a second
    /// copy: agents that were connected to its predecessor need a moment to come back.
    package var startupGrace = Duration.seconds(20)
    /// A tick this late means the controller itself was stopped; silence is then not held against
    /// the nodes.
    package var stallAfter = Duration.seconds(2)
    /// How long evictions are held when more than a third of the nodes fall silent together.
    package var massSilenceHold = Duration.seconds(300)
    /// The fewest silent nodes that count as a mass silence.
    package var massSilenceNodes = 3
    /// How long a connected agent may take to confirm an attempt.
    package var confirmWithin = Duration.seconds(20)
    /// How long a connected roamer may take to confirm its assignment.
    package var assignedWithin = Duration.seconds(15)
    /// How long a worker may take to become ready when nothing is known of its start-up time.
    ///
    /// Long, as a large model comes over the network, and a pod that loads is in nobody's way.
    package var readyWithin = Duration.seconds(600)
    /// A worker whose start-up time is known may take this many times as long, and never less than
    /// `readyAtLeast`.
    package var startupFactor = 4
    /// See `startupFactor`.
    package var readyAtLeast = Duration.seconds(30)
    /// How much longer a roamer may show no progress at all: its agent's own verdict comes first.
    package var provisioningSlack = Duration.seconds(15)
    /// The longest provisioning with progress.
    package var provisioningLimit = Duration.seconds(1_800)
    /// How long one order to clean may take on a connected node.
    package var cleaningWithin = Duration.seconds(60)
    /// Tries to clean a roamer before it is quarantined.
    package var cleaningTries = 3
    /// How often a quarantined roamer is tried again.
    package var quarantineRetry = Duration.seconds(300)
    /// Waits between tries of a job.
    package var retryBackOff = BackOff(
        base: .seconds(1), cap: .seconds(60), floor: .milliseconds(100))
    /// Waits before a template that failed is tried again for overflow.
    package var templateBackOff = BackOff(
        base: .seconds(10), cap: .seconds(300), floor: .seconds(5))
    /// Nodes lost under one job before it is given up as the likely cause.
    package var lossLimit = 3
    /// Memory of a node that is the system's own, in bytes: Linux, Docker and the agent (a Jetson
    /// without a desktop uses a quarter to a half of it).
    ///
    /// An agent that is told to reserve more says that its machine has less.
    package var memoryReserve: Int64 = 1 << 29
    /// Jobs that may wait at once.
    package var queueLimit = 100_000
    /// What all jobs that have not ended may weigh, in bytes: one step may change every one of them, and what
    /// it changes is one batch for the store.
    package var openWeightLimit = 256 << 20
    /// Tokens of the API.
    package var tokenLimit = 1_000
    /// Webhooks: each may have one delivery on its way.
    package var webhookLimit = 100
    /// How long an event is tried to be delivered to a webhook that does not take it.
    package var webhookPatience = Duration.seconds(86_400)
    /// Jobs of one plan.
    package var planLimit = 10_000
    /// Ended plans kept in memory; older ones are in the store only.
    package var planHistoryLimit = 1_000
    /// Steps of open plans that bound how many of their own jobs run at once, in all.
    package var boundedStepLimit = 2_000
    /// Attempts of one job, all retries included.
    package var attemptLimit = 100
    /// Ended jobs kept in memory; older ones are in the store only.
    package var historyLimit = 10_000
    /// Entries of a queue looked at for one free slot.
    package var lookahead = 32
    /// How long an idle roamer's assignment by hand lasts when nothing else is said.
    package var defaultIdle = Duration.seconds(300)

    /// The defaults of the architecture.
    package init() {}
}
