package import FleetCore
import Foundation

/// A job as the API shows it.
package struct JobView: Encodable, Sendable {
    struct OutputView: Encodable, Sendable {
        var name: String
        var contentType: String
        var size: UInt64
        var digest: String?
        var url: String
    }
    struct ErrorView: Encodable, Sendable {
        var code: String
        var message: String
        var retryable: Bool
        init(_ failure: Failure) {
            code = failure.code.rawValue
            message = failure.message
            retryable = failure.code.isRetryable
        }
    }
    struct AttemptView: Encodable, Sendable {
        var attempt: Int
        var node: String
        var roamer: Bool
        var hedge: Bool
        var state: String
        var assignedAt: String
        var startedAt: String?
        var finishedAt: String?
        var exitCode: Int32?
        var error: ErrorView?
    }
    struct Moment: Encodable, Sendable {
        var at: String
        var state: String
        var node: String?
        var attempt: Int?
        var durationSeconds: Double?
    }
    struct ProgressView: Encodable, Sendable {
        var fraction: Double?
        var text: String

        init(_ progress: FleetCore.Progress) {
            fraction = progress.fraction
            text = progress.text
        }
    }
    struct Links: Encodable, Sendable {
        var `self`: String
        var events: String
        var logs: String
        var cancel: String
    }

    var id: String
    var kind: String
    var state: String
    var cluster: String?
    var node: String?
    var attempt: Int
    var priority: Int
    /// A short form of it where `inputAbridged`.
    var input: JSONText
    /// Bytes of the whole, where it is too large for the record.
    var inputSize: Int?
    var inputAbridged: Bool?
    var image: String?
    var imageDigest: String?
    var command: [String]?
    var template: String?
    var outputs: [OutputView]
    var error: ErrorView?
    var reason: String?
    var queuePosition: Int?
    var etaSeconds: Double?
    var progress: ProgressView?
    var submittedAt: String
    var startedAt: String?
    var finishedAt: String?
    var deadlineAt: String?
    var cancelRequested: Bool
    var retrySafe: Bool
    var labels: [String: String]
    var attempts: [AttemptView]
    var timeline: [Moment]
    var submitter: String
    var planId: String?
    var step: String?
    var after: [String]
    var links: Links

    /// What only the machine knows of a job.
    struct Live: Sendable {
        let waiting: Waiting?
        let progress: FleetCore.Progress?

        init(_ job: Job, _ controller: Controller, _ now: Instant) {
            waiting = controller.waiting(job, at: now)
            progress = controller.progress(of: job.id)
        }
    }

    /// Shows a job; `controller` is nil for one that is in the store only.
    package init(_ job: Job, in controller: Controller?, at now: Instant) {
        self.init(job, controller.map { Live(job, $0, now) }, at: now)
    }

    /// Shows a job; `live` is nil for one that is in the store only.
    init(_ job: Job, _ live: Live?, at now: Instant) {
        let base = "/api/v1/jobs/\(job.id)"
        let last = job.active.last ?? job.attempts.last
        let winner = job.attempts.last { $0.state == .succeeded }
        let waiting = live?.waiting
        id = job.id.rawValue
        kind = job.request.kind.rawValue
        state = job.state.rawValue
        cluster = job.queue == Controller.roamerQueue ? nil : job.queue.rawValue
        node = (winner ?? last)?.node.rawValue
        attempt = (winner ?? last)?.number ?? 0
        priority = job.request.priority
        input = JSONText(job.request.input)
        inputSize = job.request.stored?.size
        inputAbridged = job.request.stored == nil ? nil : true
        image = job.request.image
        imageDigest = job.request.imageDigest
        command = job.request.command.isEmpty ? nil : job.request.command
        template = job.request.template?.rawValue
        outputs = (job.ending?.outputs ?? []).map {
            OutputView(
                name: $0.name, contentType: $0.contentType, size: $0.size,
                digest: $0.digest, url: "\(base)/outputs/\($0.name.percentEncoded)")
        }
        error = job.ending?.error.map { ErrorView($0) }
        reason = Self.reason(job, waiting)
        queuePosition = waiting?.position
        etaSeconds = waiting?.eta.map { ($0.inSeconds * 10).rounded() / 10 }
        progress = live?.progress.map { ProgressView($0) }
        submittedAt = job.submittedAt.rfc3339
        startedAt = job.attempts.compactMap(\.startedAt).min()?.rfc3339
        finishedAt = job.ending?.at.rfc3339
        deadlineAt = job.deadlineAt?.rfc3339
        cancelRequested = job.stopping == .cancelled
        retrySafe = job.request.retrySafe
        labels = Dictionary(
            job.request.labels.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        attempts = job.attempts.map(Self.view)
        timeline = Self.timeline(job, now)
        submitter = job.request.submittedBy.rawValue
        planId = job.request.place?.plan.rawValue
        step = job.request.place?.text
        after = job.request.after.map(\.job.rawValue)
        links = Links(
            self: base, events: "\(base)/events", logs: "\(base)/logs", cancel: "\(base)/cancel")
    }

    /// Why a job is where it is; nil when there is nothing to say.
    static func reason(_ job: Job, _ waiting: Waiting?) -> String? {
        if job.ending == nil, let stopping = job.stopping {
            return stopping == .deadline ? "its deadline has passed; stopping" : "being cancelled"
        }
        return waiting?.reason ?? job.ending?.error?.message
    }

    private static func view(_ attempt: Attempt) -> AttemptView {
        AttemptView(
            attempt: attempt.number, node: attempt.node.rawValue, roamer: attempt.roamer,
            hedge: attempt.hedge, state: attempt.state.rawValue,
            assignedAt: attempt.assignedAt.rfc3339, startedAt: attempt.startedAt?.rfc3339,
            finishedAt: attempt.finishedAt?.rfc3339, exitCode: attempt.exitCode,
            error: attempt.error.map { ErrorView($0) })
    }

    /// What the job went through, each step with how long it lasted.
    private static func timeline(_ job: Job, _ now: Instant) -> [Moment] {
        var steps: [(at: Instant, state: String, attempt: Attempt?)] = [
            (job.submittedAt, "queued", nil)
        ]
        for attempt in job.attempts {
            steps.append((attempt.assignedAt, "assigned", attempt))
            if let started = attempt.startedAt { steps.append((started, "running", attempt)) }
            if let finished = attempt.finishedAt, attempt.state != .succeeded {
                steps.append((finished, attempt.state.rawValue, attempt))
            }
        }
        if let ending = job.ending { steps.append((ending.at, ending.outcome.rawValue, nil)) }
        steps.sort { $0.at < $1.at }
        return steps.enumerated().map { index, step in
            let next = index + 1 < steps.count ? steps[index + 1].at : nil
            let until = next ?? (job.ending == nil ? now : nil)
            return Moment(
                at: step.at.rfc3339, state: step.state, node: step.attempt?.node.rawValue,
                attempt: step.attempt?.number,
                durationSeconds: until.map { ($0.since(step.at).inSeconds * 1000).rounded() / 1000 }
            )
        }
    }
}

/// A piece of JSON that is already text.
struct JSONText: Encodable, Sendable {
    let text: String
    init(_ text: String) { self.text = text }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        let value = try? JSONValue(text: text)
        try container.encode(value ?? .object([:]))
    }
}

/// Any JSON value.
package enum JSONValue: Codable, Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Reads a text; throws `DecodingError`.
    init(text: String) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    /// The value as the record has it: compact, members in the order of their names.
    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// Decodes whatever is there.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Encodes the value.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension Instant {
    /// The instant as a date: RFC 3339, UTC, milliseconds.
    package var rfc3339: String {
        Date(timeIntervalSince1970: Double(nanoseconds) / 1e9)
            .formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
            .replacingOccurrences(of: "Z", with: "") + "Z"
    }
}
