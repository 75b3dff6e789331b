import FleetCore
import FleetSim
import Testing

/// Equal seeds give equal runs, and other seeds give others.
@Suite struct DeterminismTests {
    @Test func `a seed gives the same run again`() {
        let first = Simulation.run(Scenario(seed: 7), keepsTrace: true)
        let second = Simulation.run(Scenario(seed: 7), keepsTrace: true)
        #expect(first.hash == second.hash)
        #expect(first.trace == second.trace)
        #expect(first.tally == second.tally)
        #expect(first.tally.jobs > 0)
    }

    @Test func `keeping a trace changes nothing`() {
        let quiet = Simulation.run(Scenario(seed: 11))
        let traced = Simulation.run(Scenario(seed: 11), keepsTrace: true)
        #expect(quiet.hash == traced.hash)
        #expect(quiet.trace.isEmpty)
        #expect(!traced.trace.isEmpty)
    }

    @Test func `another seed gives another run`() {
        #expect(Simulation.run(Scenario(seed: 7)).hash != Simulation.run(Scenario(seed: 8)).hash)
    }

    @Test func `a campaign does not depend on the order of its seeds`() async {
        var campaign = Campaign(seeds: 1..<7)
        campaign.workers = 1
        let alone = await campaign.run()
        campaign.workers = 3
        let together = await campaign.run()
        #expect(alone.hash == together.hash)
        #expect(alone.tally == together.tally)
        #expect(alone.violations.isEmpty)
    }
}
