import FleetCore
import Foundation
import Settings
import Synchronization

/// Counts what happens in an agent from its start on, for its metrics.
final class AgentMeters: Sendable {
    private struct State {
        var connects: UInt64 = 0
        var failures: UInt64 = 0
        var isUp = false
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var logBytes: UInt64 = 0
        var turns: UInt64 = 0
        var agent = Agent.Summary()
        var sample: (at: ContinuousClock.Instant, telemetry: Telemetry)?
    }
    private let state = Mutex(State())
    private let startedAt = Date().timeIntervalSince1970

    // MARK: What happens

    /// The link came up or went down.
    func note(_ change: LinkChange) {
        switch change {
        case .up:
            state.withLock {
                $0.connects += 1
                $0.isUp = true
            }
        case .down: state.withLock { $0.isUp = false }
        case .message: break
        }
    }

    /// A try to connect failed.
    func linkFailed() { state.withLock { $0.failures += 1 } }
    /// A message went out.
    func sent() { state.withLock { $0.sent += 1 } }
    /// A message came in.
    func received() { state.withLock { $0.received += 1 } }

    /// A piece of log went out.
    func sentLog(_ bytes: Int) {
        state.withLock {
            $0.sent += 1
            $0.logBytes += UInt64(clamping: bytes)
        }
    }

    /// The loop has finished a turn.
    func note(_ agent: Agent) {
        let summary = agent.summary
        state.withLock {
            $0.turns += 1
            $0.agent = summary
        }
    }

    /// The machine was measured.
    func note(_ telemetry: Telemetry) { state.withLock { $0.sample = (.now, telemetry) } }

    // MARK: What is told

    /// The Prometheus text of all of it.
    func text(now: Instant) -> String {
        let state = state.withLock { $0 }
        var text = MetricsText()
        text.gauge(
            "jessica_agent_build_info", "The running version.",
            [(["version": AgentVersion.text], 1)])
        text.gauge(
            "jessica_agent_start_timestamp_seconds", "When the agent was started.",
            [([:], startedAt.rounded())])
        writeLink(state, now, to: &text)
        text.counter(
            "jessica_agent_turns_total", "Turns of the agent's loop.", [([:], Double(state.turns))])
        text.gauge(
            "jessica_agent_attempts", "Attempts the agent holds, by phase.",
            AttemptPhase.shown.map {
                (["phase": $0.rawValue], Double(state.agent.attempts[$0] ?? 0))
            })
        text.gauge(
            "jessica_agent_workers", "Workers the agent holds, by phase.",
            WorkerPhase.shown.map { (["phase": $0.rawValue], Double(state.agent.workers[$0] ?? 0)) }
        )
        text.gauge(
            "jessica_agent_reports_pending", "Reports that the controller has not acknowledged.",
            [([:], Double(state.agent.pendingReports))])
        // An old sample says nothing of the machine as it is.
        if let sample = state.sample, ContinuousClock.now - sample.at < Telemetry.goodFor {
            Self.write(sample.telemetry, to: &text)
        }
        return text.text
    }

    private func writeLink(_ state: State, _ now: Instant, to text: inout MetricsText) {
        text.gauge(
            "jessica_agent_link_up", "Whether the agent is connected to a controller.",
            [([:], state.isUp ? 1 : 0)])
        text.counter(
            "jessica_agent_link_connects_total", "Connections that were made.",
            [([:], Double(state.connects))])
        text.counter(
            "jessica_agent_link_failures_total", "Connections that failed or broke.",
            [([:], Double(state.failures))])
        text.counter(
            "jessica_agent_link_messages_total", "Messages to and of the controller.",
            [
                (["direction": "out"], Double(state.sent)),
                (["direction": "in"], Double(state.received)),
            ])
        text.counter(
            "jessica_agent_log_bytes_total", "Bytes of logs sent.", [([:], Double(state.logBytes))])
        text.gauge(
            "jessica_agent_term", "The highest term of a controller that was seen.",
            [([:], Double(state.agent.term))])
        text.gauge(
            "jessica_agent_lease_age_seconds",
            "Since the lease was last renewed; absent before the first time.",
            state.agent.renewedAt.map { [([:], now.since($0).inSeconds)] } ?? [])
    }

    /// What the machine measured; a number that is not known has no line.
    private static func write(_ sample: Telemetry, to text: inout MetricsText) {
        func gauge(_ name: String, _ help: String, _ value: Double?) {
            if let value { text.gauge(name, help, [([:], value)]) }
        }
        gauge("jessica_agent_cpu_utilization_ratio", "Processor use of the node.", sample.cpu)
        gauge("jessica_agent_gpu_utilization_ratio", "GPU use of the node.", sample.gpu)
        gauge("jessica_agent_power_watts", "What the whole board draws.", sample.power)
        gauge(
            "jessica_agent_disk_free_bytes", "Free where the agent keeps its state.",
            sample.diskFree.map { Double($0) })
        text.gauge(
            "jessica_agent_memory_bytes", "Memory of the node.",
            [
                ("used", sample.memoryUsed), ("total", sample.memoryTotal),
                ("swap_used", sample.swapUsed), ("swap_total", sample.swapTotal),
            ].compactMap { kind, bytes in bytes.map { (["kind": kind], Double($0)) } })
        text.gauge(
            "jessica_agent_temperature_celsius", "Temperatures of the node.",
            sample.temperatures.map { (["sensor": $0.name], $0.value) })
        text.gauge(
            "jessica_agent_container_memory_bytes", "Memory of a container of the fleet.",
            sample.containers.map { (["container": $0.name], Double($0.memory)) })
    }
}

extension AttemptPhase {
    /// Those that an agent of this version has.
    fileprivate static let shown: [AttemptPhase] = [
        .accepted, .preparing, .running, .uploading, .succeeded, .failed, .stopped,
    ]
}

extension WorkerPhase {
    /// Those that an agent of this version has.
    fileprivate static let shown: [WorkerPhase] = [
        .accepted, .pulling, .starting, .ready, .failed, .stopping,
    ]
}
