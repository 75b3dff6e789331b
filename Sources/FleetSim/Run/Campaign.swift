import FleetCore
import Synchronization

/// Many seeds, on as many threads as there are processors.
package struct Campaign: Sendable {
    /// Which seeds.
    package var seeds: Range<UInt64>
    /// How many nodes each fleet has.
    package var nodes = 15
    /// Hours of storms a seed; nil for one short storm.
    package var hours: Int?
    /// How many seeds run at once.
    package var workers = 2
    /// Violations after which no more seeds are begun.
    package var violationLimit = 10

    /// Creates a campaign.
    package init(seeds: Range<UInt64>) { self.seeds = seeds }

    /// What a campaign came to.
    package struct Summary: Sendable {
        /// Seeds run.
        package var seeds = 0
        /// What was done, counted.
        package var tally = Tally()
        /// The seeds that broke an invariant, in the order of the seeds.
        package var violations: [(seed: UInt64, violation: Violation)] = []
        /// A hash over all seeds' hashes, whatever order they ran in.
        package var hash: UInt64 = 0
    }

    /// What the threads of a campaign share.
    private final class Shared: Sendable {
        let next: Atomic<UInt64>
        let summary = Mutex(Summary())

        init(from first: UInt64) { next = Atomic(first) }
    }

    /// Runs the seeds; `onProgress` hears of every seed that has ended.
    package func run(
        onProgress: @escaping @Sendable (Summary) -> Void = { _ in }
    ) async -> Summary {
        let shared = Shared(from: seeds.lowerBound)
        await withDiscardingTaskGroup { group in
            for _ in 0..<max(workers, 1) {
                group.addTask { work(shared, onProgress) }
            }
        }
        return shared.summary.withLock { summary in
            summary.violations.sort { $0.seed < $1.seed }
            return summary
        }
    }

    private func work(_ shared: Shared, _ onProgress: @Sendable (Summary) -> Void) {
        while !Task.isCancelled {
            let seed = shared.next.add(1, ordering: .relaxed).oldValue
            guard seed < seeds.upperBound else { return }
            let outcome = Simulation.run(Scenario(seed: seed, nodes: nodes, hours: hours))
            let now = shared.summary.withLock { summary in
                summary.add(outcome)
                return summary
            }
            onProgress(now)
            if now.violations.count >= violationLimit { return }
        }
    }
}

extension Campaign.Summary {
    /// Adds a run.
    mutating func add(_ outcome: Simulation.Outcome) {
        seeds += 1
        tally.add(outcome.tally)
        // A sum does not ask for an order.
        var mixed = SeededGenerator(seed: outcome.hash ^ outcome.scenario.seed)
        hash = hash &+ mixed.next()
        if let violation = outcome.violation {
            violations.append((outcome.scenario.seed, violation))
        }
    }
}
