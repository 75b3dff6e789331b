import FleetCore
import NIOCore
import OrderedCollections

/// What changes too often for the record: how a job goes on, and what a node measures.
enum LiveSubject: Hashable, Sendable {
    case job(JobID)
    case node(NodeName)
}

/// How something is now, as the machine has it: only what is news becomes text.
enum LiveValue: Hashable, Sendable {
    case job(JobLive)
    case node(NodeLive)

    struct JobLive: Hashable, Sendable {
        var id: JobID
        var state: JobState
        var progress: FleetCore.Progress?
        var reason: String?
        var position: Int?
        /// In seconds.
        var eta: Double?

        init(
            id: JobID, state: JobState, progress: FleetCore.Progress?, reason: String?,
            position: Int?, eta: Double?
        ) {
            self.id = id
            self.state = state
            self.progress = progress
            self.reason = reason
            self.position = position
            self.eta = eta
        }

        init(_ job: Job, _ controller: Controller, _ now: Instant) {
            let live = JobView.Live(job, controller, now)
            self.init(
                id: job.id, state: job.state, progress: live.progress,
                reason: JobView.reason(job, live.waiting), position: live.waiting?.position,
                eta: live.waiting?.eta?.inSeconds)
        }
    }

    struct NodeLive: Hashable, Sendable {
        var name: NodeName
        /// Jobs that run there.
        var running: Int
        var seenAt: Instant?
        var measuredAt: Instant?
        var sample: Telemetry?
        /// Workers that are being made ready.
        var starting: [WorkerReport]

        init(_ node: Controller.Node, _ now: Instant) {
            name = node.record.name
            running = node.attempts.count
            seenAt = node.record.lastSeen
            measuredAt = node.telemetryAt
            sample = node.currentTelemetry(at: now)
            starting = node.workers.values.filter { $0.phase != .ready && $0.phase != .gone }
        }
    }

    /// How much nearer an estimate may have come without being told again, in seconds.
    private static let drift = 3.0

    /// Whether it says more than that time has passed.
    func isNews(after last: LiveValue) -> Bool {
        guard case .job(var now) = self, case .job(var before) = last else { return self != last }
        if let eta = now.eta, let old = before.eta, eta <= old, old - eta < Self.drift {
            now.eta = old
            // Some reasons say how long it takes.
            now.reason = now.reason.map(Self.withoutNumbers)
            before.reason = before.reason.map(Self.withoutNumbers)
        }
        return now != before
    }

    private static func withoutNumbers(_ text: String) -> String { text.filter { !$0.isNumber } }

    /// An event without a number: who comes back does not ask for it again.
    func frame() throws -> ByteBuffer {
        let type: String
        var json: ByteBuffer
        switch self {
        case .job(let job):
            type = "job.progress"
            json = try JSONAnswer.encode(JobProgressView(job))
        case .node(let node):
            type = "node.telemetry"
            json = try JSONAnswer.encode(NodeTelemetryView(node))
        }
        var text = ByteBuffer(string: "event: \(type)\ndata: ")
        text.writeBuffer(&json)
        text.writeString("\n")
        return text
    }
}

/// How a job goes on, for the stream.
private struct JobProgressView: Encodable {
    var job: String
    var state: String
    var progress: JobView.ProgressView?
    var reason: String?
    var queuePosition: Int?
    var etaSeconds: Double?

    init(_ live: LiveValue.JobLive) {
        job = live.id.rawValue
        state = live.state.rawValue
        progress = live.progress.map { .init($0) }
        reason = live.reason
        queuePosition = live.position
        etaSeconds = live.eta.map { ($0 * 10).rounded() / 10 }
    }
}

/// What a node measures, and how far the workers are that it makes ready, for the stream.
private struct NodeTelemetryView: Encodable {
    struct Worker: Encodable {
        var name: String
        var state: String
        var progress: JobView.ProgressView?
    }
    var node: String
    var running: Int
    var lastSeenAt: String?
    var telemetry: NodeView.TelemetryView?
    var starting: [Worker]

    init(_ live: LiveValue.NodeLive) {
        node = live.name.rawValue
        running = live.running
        lastSeenAt = live.seenAt?.rfc3339
        telemetry = live.measuredAt.map { NodeView.telemetry(live.sample, at: $0) }
        starting = live.starting.map {
            Worker(
                name: $0.id.rawValue, state: $0.phase.rawValue,
                progress: $0.progress.map { .init($0) })
        }
    }
}
