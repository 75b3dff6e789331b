import FleetCore
import Settings
import Synchronization

/// Counts what happens from the controller's start on, for metrics.
///
/// It sees what is stored, once: nothing is counted that a crash could take back.
package final class FleetMeters: Sendable {
    private struct Outcome: Hashable {
        var cluster: String
        var outcome: String
    }
    private struct Step: Hashable {
        var from: String
        var to: String
    }
    private struct Request: Hashable {
        var method: String
        var status: Int
    }
    private struct State {
        var jobs: [Outcome: UInt64] = [:]
        var waits: [String: Histogram] = [:]
        var runs: [String: Histogram] = [:]
        var steps: [Step: Histogram] = [:]
        var requests: [Request: UInt64] = [:]
        var cutOff: UInt64 = 0
        var commits = Histogram.quick
    }
    private let state = Mutex(State())

    /// Creates meters at zero.
    package init() {}

    /// Notes what a batch has stored.
    package func observe(_ batch: ControlLoop.StoredBatch) {
        let jobs = Dictionary(batch.jobs.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        state.withLock { state in
            state.commits.observe(batch.latency.inSeconds)
            for event in batch.events {
                switch event.kind {
                case .job: Self.count(event, jobs, &state)
                case .roamer:
                    guard let from = event.from, let to = event.to, let lasted = event.lasted else {
                        continue
                    }
                    state.steps[Step(from: from, to: to), default: .work].observe(lasted.inSeconds)
                case .node, .pod, .assignment, .fleet, .plan, .token, .webhook: continue
                }
            }
        }
    }

    private static func count(_ event: FleetEvent, _ jobs: [JobID: Job], _ state: inout State) {
        guard let word = event.to, let outcome = Job.Outcome(rawValue: word),
            let job = event.job.flatMap({ jobs[$0] })
        else { return }
        let cluster = job.queue.rawValue
        state.jobs[Outcome(cluster: cluster, outcome: outcome.rawValue), default: 0] += 1
        guard let began = job.attempts.compactMap(\.startedAt).min() else { return }
        state.waits[cluster, default: .work].observe(began.since(job.submittedAt).inSeconds)
        state.runs[cluster, default: .work].observe(event.at.since(began).inSeconds)
    }

    /// Notes an answer of the API.
    func answered(_ method: String, _ status: Int) {
        state.withLock { $0.requests[Request(method: method, status: status), default: 0] += 1 }
    }

    /// Notes a connection that was cut off, as its peer took nothing.
    func cutOff() { state.withLock { $0.cutOff += 1 } }

    /// Writes all of it; `clusters` are shown though nothing has happened in them yet.
    func write(to text: inout MetricsText, clusters: [String]) {
        let state = state.withLock { $0 }
        let known = Set(clusters + state.jobs.keys.map(\.cluster)).sorted()
        text.counter(
            "jessica_jobs_total", "Jobs that ended, by how.",
            known.flatMap { cluster in
                Job.Outcome.allCases.map { outcome in
                    let key = Outcome(cluster: cluster, outcome: outcome.rawValue)
                    return (
                        ["cluster": cluster, "outcome": outcome.rawValue],
                        Double(state.jobs[key] ?? 0)
                    )
                }
            })
        func each(_ histograms: [String: Histogram]) -> [(MetricsText.Labels, Histogram)] {
            known.map { (["cluster": $0], histograms[$0] ?? .work) }
        }
        text.histogram(
            "jessica_job_wait_seconds",
            "From a job's submission to the first beginning of its work.",
            each(state.waits))
        text.histogram(
            "jessica_job_run_seconds", "From the first beginning of a job's work to its end.",
            each(state.runs))
        text.histogram(
            "jessica_roamer_transition_seconds",
            "How long roamers were in a state before the next.",
            state.steps.sorted { ($0.key.from, $0.key.to) < ($1.key.from, $1.key.to) }
                .map { (["from": $0.key.from, "to": $0.key.to], $0.value) })
        text.histogram(
            "jessica_commit_seconds", "How long batches took to store.", [([:], state.commits)])
        text.counter(
            "jessica_http_requests_total", "Answers of the API by status.",
            state.requests.sorted {
                ($0.key.method, $0.key.status) < ($1.key.method, $1.key.status)
            }.map { (["method": $0.key.method, "code": "\($0.key.status)"], Double($0.value)) })
        text.counter(
            "jessica_http_connections_cut_total",
            "Connections of the API cut off as their peer took nothing.",
            [([:], Double(state.cutOff))])
    }
}
