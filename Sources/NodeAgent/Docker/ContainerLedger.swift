import FleetCore
import Synchronization

/// Which containers of this node run, and which were removed since it was last clean.
final class ContainerLedger: Sendable {
    private struct State {
        var running: [ContainerFact] = []
        /// Those that began to run while Docker was being asked.
        var startedSince: [ContainerFact] = []
        var removed: [String] = []
    }
    private let state = Mutex(State())

    /// Removed containers that are remembered; the oldest are forgotten.
    private static let removedMax = 512

    /// Docker is asked what there is.
    func listBegins() { state.withLock { $0.startedSince = [] } }

    /// Docker has listed what there is; what began to run meanwhile may not be in it.
    func listed(_ facts: [ContainerFact]) {
        state.withLock { state in
            let known = Set(facts.map(\.id))
            state.running =
                facts.filter(\.isRunning) + state.startedSince.filter { !known.contains($0.id) }
            state.startedSince = []
        }
    }

    /// A container was started; lists are seldom, and one that is short-lived may be in none.
    func started(_ fact: ContainerFact) {
        guard fact.isRunning else { return }
        state.withLock { state in
            state.startedSince.append(fact)
            if !state.running.contains(where: { $0.id == fact.id }) { state.running.append(fact) }
        }
    }

    /// A container runs no more.
    func ended(_ id: String) {
        state.withLock {
            $0.running.removeAll { $0.id == id }
            $0.startedSince.removeAll { $0.id == id }
        }
    }

    /// A container was removed, as Docker says.
    func removed(_ id: String) {
        state.withLock {
            $0.running.removeAll { $0.id == id }
            $0.startedSince.removeAll { $0.id == id }
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
