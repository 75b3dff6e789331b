import FleetCore
import Foundation
package import RedisStore

/// What is known of a backup: it lies beside the archive, written last, so what has none is no backup.
package struct BackupManifest: Hashable, Sendable, Codable {
    /// The moment it shows, in a form that can be a folder's name; sortable.
    package var name: String
    /// The moment it shows.
    package var at: String
    /// The version of the controller that made it.
    package var version: String
    /// The form of the archive.
    package var format: Int
    /// The fleet's name.
    package var fleet: String
    /// The revision of the fleet in force.
    package var revision: UInt64
    /// The term in which it was made.
    package var term: UInt64
    /// Bytes of the archive.
    package var size: Int
    /// The archive's SHA-256, in hexadecimal.
    package var sha256: String
    /// What is in it.
    package var counts: ArchiveCounts
    /// Jobs that were left out, as their record cannot be read.
    package var damaged: Int
    /// Whether the controller made it by itself; nil when somebody asked for it, and in earlier versions.
    package var automatic: Bool?

    static let archiveFile = "jessica-backup.jsonl.gz"
    static let manifestFile = "manifest.json"
    /// Bytes of a manifest.
    static let sizeLimit = 64 << 10

    init(name: String, summary: ArchiveSummary, damaged: Int, isAutomatic: Bool) {
        self.name = name
        at = summary.header.at.rfc3339
        version = summary.header.version
        format = summary.header.format
        fleet = summary.header.fleet
        revision = summary.header.revision
        term = summary.header.term
        size = summary.size
        sha256 = summary.sha256
        counts = summary.counts
        self.damaged = damaged
        automatic = isAutomatic ? true : nil
    }

    /// The name of one that is begun at a moment.
    static func name(at moment: Instant) -> String { moment.rfc3339.replacing(":", with: "-") }

    /// The moment that a name tells; nil when no controller gave that name.
    static func moment(of name: String) -> Instant? {
        let parts = name.split(separator: "T")
        guard parts.count == 2 else { return nil }
        let text = "\(parts[0])T\(parts[1].replacing("-", with: ":"))"
        return RFC3339.milliseconds(text).map { Instant.zero + .milliseconds($0) }
    }
}
