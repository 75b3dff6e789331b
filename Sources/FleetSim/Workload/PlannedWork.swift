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
    /// Operations, by time.
    package var operations: [PlannedOperation]
    /// Faults, by time.
    package var faults: [PlannedFault]
}
