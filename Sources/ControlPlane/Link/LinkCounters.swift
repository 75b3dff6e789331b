import FleetCore
import Synchronization

/// Counts what comes over the link, for metrics.
package final class LinkCounters: Sendable {
    private let counts = Mutex(
        (
            received: [String: UInt64](), sent: [String: UInt64](), refused: [String: UInt64]()
        ))

    /// Creates counters at zero.
    package init() {}

    func refused(_ reason: String) { counts.withLock { $0.refused[reason, default: 0] += 1 } }

    func received(_ message: AgentMessage) {
        let type =
            switch message {
            case .hello: "hello"
            case .heartbeat: "heartbeat"
            case .report: "report"
            case .telemetry: "telemetry"
            case .log: "log"
            case .uploadRequest: "upload_request"
            case .inputRequest: "input_request"
            case .unknown: "unknown"
            }
        counts.withLock { $0.received[type, default: 0] += 1 }
    }

    func sent(_ message: ControllerMessage) {
        let type =
            switch message {
            case .welcome: "welcome"
            case .renewed: "renewed"
            case .assignments: "assignments"
            case .acknowledged: "acknowledged"
            case .logCredit: "log_credit"
            case .logKept: "log_kept"
            case .uploadGrant: "upload_grant"
            case .inputGrant: "input_grant"
            case .goodbye: "goodbye"
            case .unknown: "unknown"
            }
        counts.withLock { $0.sent[type, default: 0] += 1 }
    }

    /// Messages by type and refusals by reason, each sorted.
    package struct Snapshot: Sendable {
        /// Messages of agents.
        package var received: [(String, UInt64)]
        /// Messages to agents.
        package var sent: [(String, UInt64)]
        /// Peers and messages refused.
        package var refused: [(String, UInt64)]
    }

    /// What was counted so far.
    package var snapshot: Snapshot {
        func sorted(_ counts: [String: UInt64]) -> [(String, UInt64)] {
            counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        return counts.withLock { counts in
            Snapshot(
                received: sorted(counts.received), sent: sorted(counts.sent),
                refused: sorted(counts.refused))
        }
    }
}
