/// A plan as the API shows it; every field but the id may be missing.
struct WorkPlan: Decodable, Sendable {
    var id: String
    var name: String?
    var state: String?
    var onFailure: String?
    var maxRunning: Int?
    var submitter: String?
    var submittedAt: Timestamp?
    var finishedAt: Timestamp?
    var failedJob: String?
    var counts: Counts?
    var steps: [Step]?

    /// Its jobs by state.
    struct Counts: Decodable, Sendable, Equatable {
        var total: Int?
        var queued: Int?
        var running: Int?
        var succeeded: Int?
        var failed: Int?
        var cancelled: Int?
    }

    /// One job of it.
    struct Step: Decodable, Sendable {
        var step: String?
        var index: Int?
        var job: String?
        var kind: String?
        var state: String?
        var after: [String]?
        var reason: String?

        /// Its name, `frames[3]` for one of several jobs.
        var title: String { (step ?? "-") + (index.map { "[\($0)]" } ?? "") }
    }

    /// Whether it has reached its end.
    var isEnded: Bool { ["succeeded", "failed", "cancelled"].contains(state ?? "") }

    /// How far it is, in words: `3 of 12 done, 2 running, 1 failed`.
    var situation: String {
        guard let counts, let total = counts.total else { return state ?? "unknown" }
        var words = ["\(counts.succeeded ?? 0) of \(total) done"]
        if let running = counts.running, running > 0 { words.append("\(running) running") }
        if let failed = counts.failed, failed > 0 { words.append("\(failed) failed") }
        if let cancelled = counts.cancelled, cancelled > 0 {
            words.append("\(cancelled) cancelled")
        }
        return words.joined(separator: ", ")
    }
}

/// A token as the API shows it.
struct Token: Decodable, Sendable {
    var name: String
    var submitter: String?
    var role: String?
    var createdAt: Timestamp?
    var expiresAt: Timestamp?
    var expired: Bool?
    var token: String?
}
