/// What is kept of a node when the controller restarts.
package struct NodeRecord: Hashable, Sendable, Codable {
    /// Its name.
    package let name: NodeName
    /// The agent's life last seen.
    package var incarnation: Incarnation?
    /// Whether another life was seen in the same boot of the machine; nil where a record does not tell.
    package var hasFormerLife: Bool?
    /// The agent's version last seen.
    package var agentVersion = ""
    /// Whether new work is kept away.
    package var cordoned = false
    /// Set while the node is drained.
    package var drain: Drain?
    /// Its life as a roamer; nil on a dedicated node.
    package var roamer: Roamer?
    /// When it was last heard of.
    package var lastSeen: Instant?
    /// What images were seen to take on it, the one learned longest ago first; bounded.
    package var peaks: [MemoryPeak]?
    /// The pod of a former file that work still runs on; nil when there is none.
    package var leaving: WorkerOrder?

    /// A node being emptied.
    package struct Drain: Hashable, Sendable, Codable {
        /// Since when.
        package var since: Instant
        /// When what still runs is moved elsewhere; nil to wait for its end.
        package var deadline: Instant?
    }

    /// Creates a record of a node never seen.
    package init(name: NodeName) { self.name = name }
}

/// What containers of an image were seen to take at most.
package struct MemoryPeak: Hashable, Sendable, Codable {
    /// The image's full name.
    package let image: String
    /// Bytes of memory, what a GPU holds included where that is the same.
    package let bytes: Int64
}

/// Whether a node is heard.
package enum NodeState: String, Hashable, Sendable, Codable, CaseIterable {
    /// Connected and heard. Can become: suspect.
    case ready
    /// Link lost, or silent: no new work, nothing is killed. Can become: ready, lost.
    case suspect
    /// Its leases have run out, or it was never seen. Can become: ready.
    case lost
}

/// A roamer's life.
package struct Roamer: Hashable, Sendable, Codable {
    /// Where it is.
    package var state: RoamerState
    /// Since when.
    package var since: Instant
    /// What it is lent to.
    package var assignment: Assignment?
    /// Why it is where it is, for people.
    package var reason: String
    /// The number of the last order to clean it; 0 for none.
    package var cleaning: UInt64 = 0
    /// Failed tries to clean it since the last success.
    package var cleaningFailures = 0

    /// Creates a roamer; it must be verified clean before it is IDLE.
    package init(since: Instant, reason: String) {
        self.state = .cleanup
        self.since = since
        self.reason = reason
    }
}

/// The states of a roamer, with their names in the user's document.
package enum RoamerState: String, Hashable, Sendable, Codable, CaseIterable {
    /// Verified clean, waiting. Can become: ASSIGNED, CLEANUP (seen anew).
    case idle = "IDLE"
    /// Lent; the agent has not confirmed yet. Can become: PROVISIONING, RUNNING, CLEANUP.
    case assigned = "ASSIGNED"
    /// Pulling, starting, loading. Can become: RUNNING, CLEANUP.
    case provisioning = "PROVISIONING"
    /// Working. Can become: PROVISIONING (its worker restarts), CLEANUP.
    case running = "RUNNING"
    /// Stopping, removing, verifying. Can become: IDLE, QUARANTINED.
    case cleanup = "CLEANUP"
    /// Not verified clean; kept from work. Can become: CLEANUP.
    case quarantined = "QUARANTINED"

    /// The states that can follow, as the cases' comments say.
    package var successors: [RoamerState] {
        switch self {
        case .idle: [.assigned, .cleanup]
        case .assigned: [.provisioning, .running, .cleanup]
        case .provisioning: [.running, .cleanup]
        case .running: [.provisioning, .cleanup]
        case .cleanup: [.idle, .quarantined]
        case .quarantined: [.cleanup]
        }
    }
}

/// A roamer lent to a cluster, to one job, or to one image.
package struct Assignment: Hashable, Sendable, Codable {
    /// Its number, never used again.
    package let number: UInt64
    /// Why it was made.
    package var purpose: Purpose
    /// The cluster it helps.
    package var cluster: ClusterName?
    /// The template it becomes.
    package var template: TemplateName?
    /// The worker it runs; nil when a job brings its own container.
    package var worker: WorkerSpec?
    /// When it ends.
    package var mode: Mode
    /// When it began.
    package var since: Instant
    /// No new work: it ends with what runs now.
    ///
    /// The text says why.
    package var releasing: String?

    /// Why a roamer is lent.
    package enum Purpose: Hashable, Sendable, Codable {
        /// The cluster is full.
        case overflow
        /// It stands in for a node.
        case backup(NodeName)
        /// One job needs a roamer of its own.
        case job(JobID)
        /// Somebody asked for it.
        case manual
    }

    /// When an assignment ends.
    package enum Mode: Hashable, Sendable, Codable {
        /// When it had nothing to do for this long.
        case untilIdle(Duration)
        /// At this instant.
        case until(Instant)
        /// On command.
        case manual
        /// When the controller has no more need: backup, or one job.
        case whileNeeded
    }

    /// Creates an assignment.
    package init(
        number: UInt64, purpose: Purpose, cluster: ClusterName?, template: TemplateName?,
        worker: WorkerSpec?, mode: Mode, since: Instant
    ) {
        self.number = number
        self.purpose = purpose
        self.cluster = cluster
        self.template = template
        self.worker = worker
        self.mode = mode
        self.since = since
    }

    /// The name of its worker on the node.
    package var workerID: WorkerID { WorkerID("w-\(number)") }
}
