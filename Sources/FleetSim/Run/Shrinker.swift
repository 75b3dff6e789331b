import FleetCore

/// Makes a failing scenario small: the same invariant is still broken, by fewer faults, operations
/// and jobs.
///
/// Delta debugging (Zeller, "Yesterday, my program worked. Today, it does not. Why?", 1999): leave
/// out halves, then quarters, and so on. It works because every part of the world draws from a
/// stream of its own.
package struct Shrinker {
    /// Runs that may be spent.
    package var budget: Int
    private var scenario: Scenario
    private let invariant: Invariant
    private var spent = 0

    /// Shrinks a scenario that breaks an invariant; answers the smallest found.
    package static func shrink(
        _ scenario: Scenario, _ violation: Violation, budget: Int = 600
    ) -> Scenario {
        var shrinker = Shrinker(
            budget: budget, scenario: scenario, invariant: violation.invariant)
        shrinker.shorten(violation)
        for index in shrinker.scenario.storms.indices {
            shrinker.thin(index, \.faults)
            shrinker.thin(index, \.operations)
            shrinker.thin(index, \.jobs)
            shrinker.thin(index, \.plans)
            shrinker.thin(index, \.faults)
        }
        return shrinker.scenario
    }

    private func fails(_ candidate: Scenario) -> Bool {
        Simulation.run(candidate).violation?.invariant == invariant
    }

    private mutating func accept(_ candidate: Scenario) -> Bool {
        guard spent < budget else { return false }
        spent += 1
        guard fails(candidate) else { return false }
        scenario = candidate
        return true
    }

    /// Leaves out the storms after the one that failed, and if it can be, those before.
    private mutating func shorten(_ violation: Violation) {
        while scenario.storms.count > 1 {
            var candidate = scenario
            candidate.storms.removeLast()
            guard accept(candidate) else { break }
        }
        while scenario.storms.count > 1 {
            var candidate = scenario
            candidate.storms.removeFirst()
            guard accept(candidate) else { break }
        }
    }

    private mutating func thin<Item>(
        _ storm: Int, _ path: WritableKeyPath<Storm, [Item]>
    ) {
        var chunk = max(1, scenario.storms[storm][keyPath: path].count)
        while chunk >= 1 {
            var start = 0
            var isThinner = false
            while start < scenario.storms[storm][keyPath: path].count, spent < budget {
                var candidate = scenario
                let end = min(start + chunk, candidate.storms[storm][keyPath: path].count)
                candidate.storms[storm][keyPath: path].removeSubrange(start..<end)
                if accept(candidate) { isThinner = true } else { start += chunk }
            }
            if chunk == 1, !isThinner { break }
            chunk = chunk == 1 ? 1 : (chunk + 1) / 2
            if spent >= budget { break }
        }
    }
}
