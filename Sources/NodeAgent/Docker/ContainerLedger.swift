import FleetCore
import Synchronization

/// Which containers of this node are being made, which run, and which were removed since it was last clean.
final class ContainerLedger: Sendable {
    /// A container that Docker has removed.
    private struct Removed {
        var id: String
        var volumes: [String]
    }
    private struct State {
        var running: [ContainerFact] = []
        /// Those that began to run while Docker was being asked.
        var startedSince: [ContainerFact] = []
        var removed: [Removed] = []
        /// How often each name is just being made.
        var beingMade: [String: Int] = [:]
    }
    private let state = Mutex(State())

    /// Removed containers that are remembered; the oldest are forgotten.
    private static let removedMax = 512

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

    /// A container was removed, as Docker says, and with it the volumes that Docker had made for it.
    func removed(_ id: String, volumes: [String]) {
        state.withLock {
            $0.running.removeAll { $0.id == id }
            $0.startedSince.removeAll { $0.id == id }
            $0.removed.append(Removed(id: id, volumes: volumes))
            if $0.removed.count > Self.removedMax { $0.removed.removeFirst() }
        }
    }

    /// The node was verified clean.
    func isClean() { state.withLock { $0.removed = [] } }

    /// What ran when it was listed last.
    var running: [ContainerFact] { state.withLock { $0.running } }

    /// What was removed since the node was last clean.
    var removed: [String] { state.withLock { $0.removed.map(\.id) } }

    /// The volumes that went with these, if Docker did what it says.
    var removedVolumes: [String] { state.withLock { $0.removed.flatMap(\.volumes) } }
}
