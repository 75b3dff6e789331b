import FleetCore
import Synchronization

/// Counts what comes over the link, for metrics.
package final class LinkCounters: Sendable {
    private let counts = Mutex((frames: [String: UInt64](), refused: [String: UInt64]()))

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
            case .unknown: "unknown"
            }
        counts.withLock { $0.frames[type, default: 0] += 1 }
    }

    /// Frames by type and refusals by reason, each sorted.
    package var snapshot: (frames: [(String, UInt64)], refused: [(String, UInt64)]) {
        counts.withLock { counts in
            (
                counts.frames.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
                counts.refused.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            )
        }
    }
}
