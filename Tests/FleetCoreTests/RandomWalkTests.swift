import FleetCore
import Testing

/// Whole runs from seeds: whatever happens, the invariants hold, and everything comes to rest.
@Suite struct RandomWalkTests {
    /// Seeds are walked in groups, so that a group is one entry of the report.
    @Test(arguments: 0..<30) func `the invariants hold in any run`(group: Int) {
        var jobs: Set<[JobState]> = []
        for seed in UInt64(group) * 10..<UInt64(group) * 10 + 10 {
            var walk = RandomWalk(seed: seed, keepsTrace: false)
            walk.run()
            jobs.formUnion(walk.world.checker.jobSteps)
            if walk.world.checker.violations.isEmpty { continue }
            // Once more, with a trace to read.
            walk = RandomWalk(seed: seed)
            walk.run()
            #expect(walk.world.checker.violations == [], "\(walk.world.tail())")
            return
        }
        #expect(jobs.count > 5, "the walks saw next to nothing")
    }

    /// Seeds that once found a bug.
    @Test(arguments: [1042, 1097, 1113, 10_130, 10_238, 10_261, 20_610] as [UInt64])
    func `a run that once failed does not fail again`(seed: UInt64) {
        var walk = RandomWalk(seed: seed)
        walk.run()
        #expect(walk.world.checker.violations == [], "\(walk.world.tail())")
    }

    @Test func `equal seeds give equal runs`() {
        var first = RandomWalk(seed: 7)
        var second = RandomWalk(seed: 7)
        first.run()
        second.run()
        #expect(!first.world.brain.events.isEmpty)
        #expect(first.world.brain.events == second.world.brain.events)
        #expect(first.world.tail() == second.world.tail())
    }
}
