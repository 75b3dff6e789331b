/// A webhook's name: `hooks`.
package struct WebhookName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// An address to which events are delivered, and how far that has come.
package struct WebhookRecord: Hashable, Sendable, Codable {
    /// Its name.
    package let name: WebhookName
    /// Never the same again, also when another of that name is made.
    package let id: String
    /// Where deliveries go.
    package let url: String
    /// What it wants, as the event stream names it.
    package let topics: [String]
    /// The secret that deliveries are signed with, sealed by the shell.
    package let sealedSecret: String
    /// When it was made; set when it is accepted.
    package internal(set) var createdAt: Instant
    /// The number of the last event that needs no delivery any more.
    package internal(set) var through: UInt64
    /// Events that were given up.
    package internal(set) var dropped: UInt64
    /// Since when no try has succeeded; nil when the last one has.
    package internal(set) var failingSince: Instant?
    /// Whether that has been so for as long as an event is tried.
    package internal(set) var isFailing: Bool

    /// Creates a record of a webhook that begins now.
    package init(
        name: WebhookName, id: String, url: String, topics: [String], sealedSecret: String
    ) {
        self.name = name
        self.id = id
        self.url = url
        self.topics = topics
        self.sealedSecret = sealedSecret
        createdAt = .zero
        through = 0
        dropped = 0
        isFailing = false
    }
}

/// What has become of a webhook's deliveries since the last word of it.
package struct WebhookProgress: Hashable, Sendable {
    /// The webhook's name.
    package var name: WebhookName
    /// Its id: what is said of another one of that name is void.
    package var id: String
    /// The number of the last event that needs no delivery any more.
    package var through: UInt64
    /// Events given up since.
    package var dropped: UInt64
    /// Whether the last try succeeded; nil when there was none.
    package var succeeded: Bool?

    /// Creates a report.
    package init(
        name: WebhookName, id: String, through: UInt64, dropped: UInt64 = 0, succeeded: Bool? = nil
    ) {
        self.name = name
        self.id = id
        self.through = through
        self.dropped = dropped
        self.succeeded = succeeded
    }
}
