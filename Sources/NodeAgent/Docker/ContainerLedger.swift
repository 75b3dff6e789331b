import FleetCore
import Synchronization

/// Which containers of this node are being made, which run, and which were removed since it was last clean.
final class ContainerLedger: Sendable {
    private struct State {
        var running: [ContainerFact] = []
        /// Those that began to run while Docker was being asked.
        var startedSince: [ContainerFact] = []
        var removed: [String] = []
        var volumes: [String] = []
        /// How often each name is just being made.
        var beingMade: [String: Int] = [:]
    }
    private let state = Mutex(State())

    /// Removed containers that are remembered; the oldest are forgotten.
    private static let removedMax = 512
    /// Volumes that are remembered; the oldest are forgotten.
    private static let volumesMax = 1_024

    /// A container of this name is going to be made.
    func makingBegins(_ name: String) {
        state.withLock { $0.beingMade[name, default: 0] += 1 }
    }

    /// It was made, or is not waited for any more.
    func makingEnds(_ name: String) {
        state.withLock { state in
            let left = (state.beingMade[name] ?? 0) - 1
            state.beingMade[name] = left > 0 ? left : nil
        }
    }

    /// Whether a container of this name is being made, so that it may not be started yet.
    func isBeingMade(_ name: String) -> Bool { state.withLock { $0.beingMade[name] != nil } }

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

    /// A container is going to be removed, and with it the volumes that Docker has made for it.
    ///
    /// A Docker that is killed in between leaves them, and nothing tells of them any more.
    func removing(volumes: [String]) {
        state.withLock { state in
            let known = Set(state.volumes)
            state.volumes += volumes.filter { !known.contains($0) }
            state.volumes = Array(state.volumes.suffix(Self.volumesMax))
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
    func isClean() {
        state.withLock {
            $0.removed = []
            $0.volumes = []
        }
    }

    /// What ran when it was listed last.
    var running: [ContainerFact] { state.withLock { $0.running } }

    /// What was removed since the node was last clean.
    var removed: [String] { state.withLock { $0.removed } }

    /// The volumes that were to go with containers since then, if Docker did what it was asked to.
    var volumes: [String] { state.withLock { $0.volumes } }
}
