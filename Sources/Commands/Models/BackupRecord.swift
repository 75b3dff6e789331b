/// A backup as the controller tells of it.
struct BackupRecord: Decodable, Sendable {
    var name: String
    var state: String
    var at: Timestamp?
    var version: String?
    var size: Double?
    var sha256: String?
    var counts: Counts?
    var damaged: Double?
    /// Whether the controller made it by itself.
    var automatic: Bool?
    var reason: String?

    /// How many records of a kind are in it.
    struct Counts: Decodable, Sendable {
        var jobs: Double?
        var events: Double?
    }
}
