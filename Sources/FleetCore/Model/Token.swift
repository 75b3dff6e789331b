/// A token's name: `alice-laptop`.
package struct TokenName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// What a caller of the API may do; each role may do all that the ones before it may.
package enum Role: String, Hashable, Comparable, Sendable, Codable, CaseIterable {
    /// Look.
    case viewer
    /// Submit work, and cancel and retry its own.
    case submitter
    /// Act on all jobs, nodes and roamers.
    case `operator`
    /// Apply a fleet, make and remove tokens and webhooks, make and read backups.
    case admin

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .submitter: 1
        case .operator: 2
        case .admin: 3
        }
    }

    /// Orders by what they may do.
    package static func < (a: Role, b: Role) -> Bool { a.rank < b.rank }
}

/// What is kept of a token: not the token itself.
package struct TokenRecord: Hashable, Sendable, Codable {
    /// Its name.
    package let name: TokenName
    /// For whom its jobs count.
    package let submitter: SubmitterName
    /// What it may do.
    package let role: Role
    /// The SHA-256 of the token, in hexadecimal.
    package let digest: String
    /// When it was made; set when it is accepted.
    package internal(set) var createdAt: Instant
    /// When it ends; nil for never.
    package internal(set) var expiresAt: Instant?

    /// Creates a record.
    package init(
        name: TokenName, submitter: SubmitterName, role: Role, digest: String,
        createdAt: Instant = .zero, expiresAt: Instant? = nil
    ) {
        self.name = name
        self.submitter = submitter
        self.role = role
        self.digest = digest
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}
