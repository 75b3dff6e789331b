import Synchronization
import Telemetry

/// How much memory the machine uses when nothing of ours runs: what a clean node must come back to.
///
/// On a Jetson a driver or a daemon may keep what a dead worker held; the next one would find less
/// than the scheduler counts on. Two agents on one machine see each other's work in it, so it is
/// looked at only where a margin is set.
///
/// What is known outlives the agent: one that comes back while something runs, or to what something has
/// left behind, compares with what was in use before.
final class IdleMemory: Sendable {
    /// What is known of this boot.
    struct State: Hashable, Sendable, Codable {
        /// Bytes in use when the node was last idle and clean.
        var baseline: UInt64?
        /// Whether what is in use now is the node's own.
        var isIdle = true
    }
    private let state: Mutex<State>
    private let file: MemoryFile?
    /// Bytes more than the baseline that are still clean; nil when it is not looked at.
    let margin: UInt64?
    private let used: @Sendable () -> UInt64?

    /// `file` is where it is kept over the agent's death; `used` tells the bytes in use now, nil when that
    /// cannot be read.
    init(
        margin: UInt64?, file: MemoryFile? = nil,
        used: @escaping @Sendable () -> UInt64? = { MachineSampler.memory()?.used }
    ) {
        self.margin = margin
        self.file = margin == nil ? nil : file
        self.used = used
        state = Mutex(self.file?.load() ?? State())
    }

    /// Something is started here, or was found to be here by an agent that has come back.
    func workBegins() { becomes(idle: false) }

    /// Nothing of ours runs: measures again, unless memory of what ran last may still be held.
    func nothingRuns() {
        guard margin != nil, let now = used() else { return }
        state.withLock { if $0.isIdle { $0.baseline = now } }
    }

    /// The node was verified clean.
    func isClean() {
        becomes(idle: true)
        nothingRuns()
    }

    private func becomes(idle: Bool) {
        state.withLock { state in
            guard state.isIdle != idle else { return }
            state.isIdle = idle
            // While it is idle it is measured again and again; that need not be kept.
            file?.save(state)
        }
    }

    /// What is held beyond the margin, for people; nil when the memory has come back.
    func leftover() -> String? {
        guard let margin, let beyond, beyond > margin else { return nil }
        return
            "memory: \(Self.megabytes(beyond)) more in use than when the node was last idle,"
            + " and \(Self.megabytes(margin)) are allowed"
    }

    /// Bytes in use beyond what was when the node was last idle; nil when it is not looked at, or not known.
    var beyond: UInt64? {
        guard margin != nil, let now = used(), let baseline = state.withLock({ $0.baseline })
        else { return nil }
        return now > baseline ? now - baseline : 0
    }

    private static func megabytes(_ bytes: UInt64) -> String { "\(bytes / 1_000_000) MB" }
}
