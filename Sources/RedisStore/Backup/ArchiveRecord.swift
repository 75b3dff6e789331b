package import FleetCore

/// Why an archive cannot be written or read.
package struct ArchiveError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, and what to do.
    package let description: String
    /// Creates an error.
    package init(_ description: String) { self.description = description }

    static func damaged(_ why: String) -> ArchiveError {
        ArchiveError("the archive is damaged: \(why)")
    }
}

/// What an archive says of itself, in its first line.
package struct ArchiveHeader: Hashable, Sendable, Codable {
    /// The form of the archive; a reader refuses one it does not know.
    package var format: Int
    /// The version of the controller that wrote it.
    package var version: String
    /// The moment it shows.
    package var at: Instant
    /// The fleet's name.
    package var fleet: String
    /// The revision of the fleet in force; 0 before the first.
    package var revision: UInt64
    /// The term in which it was written.
    package var term: UInt64
    /// Numbers given until then.
    package var counters: Controller.Counters

    /// The form this version writes.
    package static let currentFormat = 1

    /// Describes a moment.
    package init(
        version: String, at: Instant, fleet: String, revision: UInt64, term: UInt64,
        counters: Controller.Counters
    ) {
        format = Self.currentFormat
        self.version = version
        self.at = at
        self.fleet = fleet
        self.revision = revision
        self.term = term
        self.counters = counters
    }
}

/// How many records of each kind there are.
package struct ArchiveCounts: Hashable, Sendable, Codable {
    /// Revisions of the fleet.
    package var revisions = 0
    /// Tokens.
    package var tokens = 0
    /// Webhooks.
    package var webhooks = 0
    /// Bans; nil in an archive without one, as those of earlier versions are.
    package var bans: Int?
    /// Nodes.
    package var nodes = 0
    /// Plans.
    package var plans = 0
    /// Jobs.
    package var jobs = 0
    /// Events.
    package var events = 0

    /// None.
    package init() {}
}

/// The last line: by it a whole archive is told from one that was cut off.
struct ArchiveEnd: Hashable, Sendable, Codable {
    var counts: ArchiveCounts
    /// The SHA-256 of all lines before.
    var sha256: String
}

/// One line of an archive.
package enum ArchiveRecord: Sendable {
    case header(ArchiveHeader)
    case revision(AppliedFleet)
    case token(TokenRecord)
    case webhook(WebhookRecord)
    case ban(NodeBan)
    case node(NodeRecord)
    case plan(Plan)
    case job(Job)
    case event(FleetEvent)
}

/// The kinds of lines, in the order in which they come.
enum ArchiveKind: String, CaseIterable, Sendable {
    case backup, revision, token, webhook, ban, node, plan, job, event, end

    /// What the line begins with; a brace ends it.
    var opening: [UInt8] { Array("{\"\(rawValue)\":".utf8) }
    var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What is known of an archive that was written or read to its end.
package struct ArchiveSummary: Hashable, Sendable {
    /// Its first line.
    package let header: ArchiveHeader
    /// What is in it.
    package let counts: ArchiveCounts
    /// Bytes of the file.
    package let size: Int
    /// The file's SHA-256, in hexadecimal.
    package let sha256: String
}
