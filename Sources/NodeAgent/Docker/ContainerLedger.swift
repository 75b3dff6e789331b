import FleetCore
import Synchronization

/// Which containers of this node run, and which were removed since it was last clean.
final class ContainerLedger: Sendable {
    private struct State {
        var running: [ContainerFact] = []
        var removed: [String] = []
    }
    private let state = Mutex(State())

    /// Removed containers that are remembered; the oldest are forgotten.
    private static let removedMax = 512

    /// Docker has listed what there is.
    func listed(_ facts: [ContainerFact]) {
        state.withLock { $0.running = facts.filter(\.isRunning) }
    }

    /// A container was removed, as Docker says.
    func removed(_ id: String) {
        state.withLock {
            $0.running.removeAll { $0.id == id }
            $0.removed.append(id)
            if $0.removed.count > Self.removedMax { $0.removed.removeFirst() }
        }
    }

    /// The node was verified clean.
    func isClean() { state.withLock { $0.removed = [] } }

    /// What ran when it was listed last.
    var running: [ContainerFact] { state.withLock { $0.running } }

    /// What was removed since the node was last clean.
    var removed: [String] { state.withLock { $0.removed } }
}
