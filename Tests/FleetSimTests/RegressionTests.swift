import FleetSim
import Testing

/// Seeds that once found a bug in the machines, and what it was.
@Suite struct RegressionTests {
    @Test(
        arguments: [
            // What waited for a full disk was begun when the lease was long over.
            1593
        ] as [UInt64])
    func `a seed that once failed does not fail again`(seed: UInt64) {
        let outcome = Simulation.run(Scenario(seed: seed))
        #expect(outcome.violation == nil)
    }

    @Test func `some seeds of another size hold`() async {
        var campaign = Campaign(seeds: 900..<904)
        campaign.nodes = 40
        #expect(await campaign.run().violations.isEmpty)
    }
}
