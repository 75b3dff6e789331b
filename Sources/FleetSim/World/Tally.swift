/// What a run did, counted.
package struct Tally: Hashable, Sendable {
    /// Actions performed.
    package var actions: UInt64 = 0
    /// Events stepped by controllers and agents.
    package var steps: UInt64 = 0
    /// Frames through the codec.
    package var frames: UInt64 = 0
    /// Batches stored.
    package var commits: UInt64 = 0
    /// Jobs accepted.
    package var jobs: UInt64 = 0
    /// Virtual time, in nanoseconds.
    package var nanoseconds: Int64 = 0
    /// Virtual time times nodes, in nanoseconds of one node.
    package var nodeNanoseconds: Double = 0
    /// Faults injected, by kind.
    package private(set) var faults = [UInt64](repeating: 0, count: FaultKind.allCases.count)

    /// Counts a fault.
    mutating func count(_ kind: FaultKind, _ times: UInt64 = 1) { faults[kind.index] += times }

    /// How many faults of a kind were injected.
    package func faults(_ kind: FaultKind) -> UInt64 { faults[kind.index] }

    /// All faults injected.
    package var faultCount: UInt64 { faults.reduce(0, +) }

    /// Adds another run's.
    package mutating func add(_ other: Tally) {
        actions += other.actions
        steps += other.steps
        frames += other.frames
        commits += other.commits
        jobs += other.jobs
        nanoseconds += other.nanoseconds
        nodeNanoseconds += other.nodeNanoseconds
        for index in faults.indices { faults[index] += other.faults[index] }
    }
}
