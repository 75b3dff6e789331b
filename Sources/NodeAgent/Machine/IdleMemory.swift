import Synchronization
import Telemetry

/// How much memory the machine uses when nothing of ours runs: what a clean node must come back to.
///
/// On a Jetson a driver or a daemon may keep what a dead worker held; the next one would find less
/// than the scheduler counts on. Two agents on one machine see each other's work in it, so it is
/// looked at only where a margin is set.
final class IdleMemory: Sendable {
    private struct State {
        /// Bytes in use when the node was last idle and clean.
        var baseline: UInt64?
        /// Whether what is in use now is the node's own.
        var isIdle = true
    }
    private let state = Mutex(State())
    /// Bytes more than the baseline that are still clean; nil when it is not looked at.
    let margin: UInt64?
    private let used: @Sendable () -> UInt64?

    /// `used` tells the bytes in use now, nil when that cannot be read.
    init(
        margin: UInt64?,
        used: @escaping @Sendable () -> UInt64? = { MachineSampler.memory()?.used }
    ) {
        self.margin = margin
        self.used = used
    }

    /// Something is started here.
    func workBegins() { state.withLock { $0.isIdle = false } }

    /// Nothing of ours runs: measures again, unless memory of what ran last may still be held.
    func nothingRuns() {
        guard margin != nil, let now = used() else { return }
        state.withLock { if $0.isIdle { $0.baseline = now } }
    }

    /// The node was verified clean.
    func isClean() {
        state.withLock { $0.isIdle = true }
        nothingRuns()
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
