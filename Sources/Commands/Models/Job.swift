/// A job as the API shows it; every field but the id may be missing.
struct Job: Decodable, Sendable {
    var id: String
    var kind: String?
    var state: String?
    var cluster: String?
    var node: String?
    var attempt: Int?
    var priority: Int?
    var outputs: [Output]?
    var error: Failure?
    var reason: String?
    var queuePosition: Int?
    var etaSeconds: Double?
    var submittedAt: Timestamp?
    var startedAt: Timestamp?
    var finishedAt: Timestamp?
    var deadlineAt: Timestamp?
    var attempts: [Attempt]?
    var timeline: [Step]?
    var progress: Progress?
    var image: String?
    var imageDigest: String?
    var template: String?
    var command: [String]?
    var labels: [String: Loose]?
    var retrySafe: Bool?
    var cancelRequested: Bool?
    var submitter: String?
    var planId: String?
    var step: String?
    var after: [String]?

    /// A file the job made.
    struct Output: Decodable, Sendable {
        var name: String
        var contentType: String?
        var size: Double?
        var digest: String?
    }

    /// Why it failed.
    struct Failure: Decodable, Sendable {
        var code: String?
        var message: String?
        var retryable: Bool?
    }

    /// One try on one node.
    struct Attempt: Decodable, Sendable {
        var attempt: Int?
        var node: String?
        var roamer: Loose?
        var state: String?
        var startedAt: Timestamp?
        var finishedAt: Timestamp?
        var exitCode: Int?
        var error: Failure?
    }

    /// One state it was in.
    struct Step: Decodable, Sendable {
        var at: Timestamp?
        var state: String?
        var node: String?
        var attempt: Int?
        var durationSeconds: Double?
    }

    /// How far it is.
    struct Progress: Decodable, Sendable, Equatable {
        var fraction: Double?
        var text: String?
    }

    /// Whether it has reached its end.
    var isEnded: Bool { ["succeeded", "failed", "cancelled"].contains(state ?? "") }

    /// Whether it waits for a place to run.
    var isWaiting: Bool { state == "queued" || state == "assigned" }

    /// The states in their order, for `wait --for`.
    static let states = [
        "queued", "assigned", "provisioning", "running", "succeeded", "failed", "cancelled",
    ]
}

/// How a job goes on, as the stream tells it between events.
struct JobProgress: LiveModel {
    /// The type of such an event.
    static let type = "job.progress"

    var job: String
    var state: String?
    var progress: Job.Progress?
    var reason: String?
    var queuePosition: Int?
    var etaSeconds: Double?
}

extension Job {
    /// Takes over how it goes on; what ended meanwhile stays so.
    mutating func take(_ live: JobProgress) {
        guard live.job == id, !isEnded else { return }
        state = live.state ?? state
        progress = live.progress
        reason = live.reason
        queuePosition = live.queuePosition
        etaSeconds = live.etaSeconds
    }
}
