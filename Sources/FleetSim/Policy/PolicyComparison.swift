import FleetCore
import Synchronization

/// Compares scheduling policies on the same seeds and the same work.
package struct PolicyComparison: Sendable {
    /// The policies.
    package var policies: [NamedPolicy]
    /// The patterns of arrival.
    package var patterns: [Arrivals.Pattern] = Arrivals.Pattern.allCases
    /// Seeds of each pattern, from 1.
    package var seeds = 3
    /// Hours of each run.
    package var hours = 24
    /// Runs at once.
    package var workers = 2

    /// Creates a comparison.
    package init(policies: [NamedPolicy]) { self.policies = policies }

    /// One line of the table.
    package struct Row: Hashable, Sendable {
        /// When jobs came.
        package let pattern: Arrivals.Pattern
        /// Which policy.
        package let policy: String
        /// Jobs that were started.
        package let jobs: Int
        /// Seconds of waiting: the mean, the median, and what 95 of 100 do not exceed.
        package let mean: Double
        package let p50: Double
        package let p95: Double
        /// Hours roamers were away from the pool, for each day.
        package let roamerHours: Double
        /// How often a roamer was lent, for each day.
        package let assignments: Double
        /// The first invariant broken, if any.
        package let violation: Violation?
    }

    private struct Task: Sendable {
        let row: Int
        let scenario: Scenario
    }

    private final class Shared: Sendable {
        let next = Atomic<Int>(0)
        let ledgers: Mutex<[(ledger: PolicyLedger, violation: Violation?)]>

        init(rows: Int) {
            ledgers = Mutex(Array(repeating: (PolicyLedger(), nil), count: rows))
        }
    }

    /// Runs everything; `onProgress` hears how many runs have ended, and how many there are.
    package func run(
        onProgress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) async -> [Row] {
        var tasks: [Task] = []
        for (p, pattern) in patterns.enumerated() {
            for (q, policy) in policies.enumerated() {
                for seed in 1...max(seeds, 1) {
                    let scenario = PolicyWorkload.scenario(
                        seed: UInt64(seed), pattern: pattern, hours: hours,
                        scaling: policy.scaling)
                    tasks.append(Task(row: p * policies.count + q, scenario: scenario))
                }
            }
        }
        let shared = Shared(rows: patterns.count * policies.count)
        let all = tasks
        await withDiscardingTaskGroup { group in
            for _ in 0..<max(workers, 1) {
                group.addTask {
                    while true {
                        let index = shared.next.add(1, ordering: .relaxed).oldValue
                        guard index < all.count else { return }
                        let (outcome, ledger) = Simulation.measure(all[index].scenario)
                        shared.ledgers.withLock { ledgers in
                            let row = all[index].row
                            ledgers[row].ledger.add(ledger)
                            if let violation = outcome.violation {
                                ledgers[row].violation = violation
                            }
                        }
                        onProgress(index + 1, all.count)
                    }
                }
            }
        }
        return rows(shared.ledgers.withLock { $0 })
    }

    private func rows(_ ledgers: [(ledger: PolicyLedger, violation: Violation?)]) -> [Row] {
        let days = Double(max(seeds, 1) * hours) / 24
        return ledgers.enumerated().map { index, entry in
            let waits = entry.ledger.waits.sorted()
            func percentile(_ percent: Int) -> Double {
                waits.isEmpty ? 0 : waits[min(waits.count * percent / 100, waits.count - 1)]
            }
            return Row(
                pattern: patterns[index / policies.count],
                policy: policies[index % policies.count].name, jobs: waits.count,
                mean: waits.reduce(0, +) / Double(max(waits.count, 1)), p50: percentile(50),
                p95: percentile(95), roamerHours: entry.ledger.roamerSeconds / 3_600 / days,
                assignments: Double(entry.ledger.assignments) / days, violation: entry.violation)
        }
    }
}
