import FleetCore
import FleetSim
import Foundation
import Testing

/// Scenarios are plain values: drawn from a seed, kept in a file, shrunk.
@Suite struct ScenarioTests {
    @Test func `a scenario survives being written down`() throws {
        let scenario = Scenario(seed: 42, nodes: 20, hours: 2)
        let data = try JSONEncoder().encode(scenario)
        #expect(try JSONDecoder().decode(Scenario.self, from: data) == scenario)
    }

    @Test func `seeds draw different weather, work and trouble`() {
        let scenarios = (1...40).map { Scenario(seed: UInt64($0)) }
        #expect(Set(scenarios.map(\.weather)).count > 35)
        let kinds = Set(scenarios.flatMap { $0.storms.flatMap { $0.faults.map(\.kind) } })
        #expect(kinds == Set(FaultKind.planned))
        #expect(
            Set(scenarios.flatMap { $0.storms.flatMap { $0.jobs.map(\.request.kind) } }).count
                == JobKind.allCases.count)
    }

    @Test(arguments: [3, 14, 15, 16, 40, 1_000]) func `a fleet has the nodes asked for`(count: Int)
    {
        let fleet = FleetShape.fleet(nodes: count)
        #expect(fleet.nodes.count == count)
        #expect(Set(fleet.nodes).count == count)
        #expect(Set(fleet.clusters.map(\.name)).count == fleet.clusters.count)
    }

    @Test func `leaving out a fault leaves the rest of the world as it was`() {
        // What makes shrinking work: with no fault left the weather and the work are the same.
        var calm = Scenario(seed: 12)
        calm.storms[0].faults = []
        calm.storms[0].operations = []
        let first = Simulation.run(calm)
        #expect(first.violation == nil)
        #expect(first.tally.jobs > 0)
        #expect(first.tally.faults(.partition) == 0)
    }
}
