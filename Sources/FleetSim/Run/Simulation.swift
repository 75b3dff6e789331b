import FleetCore

/// One run of a scenario.
package struct Simulation {
    /// What a run came to.
    package struct Outcome: Sendable {
        /// The scenario.
        package let scenario: Scenario
        /// The first invariant broken; nil when all held.
        package let violation: Violation?
        /// The hash of all that happened.
        package let hash: UInt64
        /// What happened, counted.
        package let tally: Tally
        /// The lines kept, when they were asked for.
        package let trace: [Trace.Line]
    }

    /// How often a world at rest is looked at; looking costs more than running.
    private static let lookEvery = Duration.seconds(5)
    /// How often everything is looked at while a storm lasts.
    private static let lookAtReasonsEvery = Duration.seconds(60)
    /// How often the operator undoes what was done.
    private static let mendEvery = 6

    /// Runs a scenario to its end, or to the first violation.
    package static func run(_ scenario: Scenario, keepsTrace: Bool = false) -> Outcome {
        run(World(scenario, keepsTrace: keepsTrace))
    }

    /// Runs a scenario and says what its scheduling cost.
    static func measure(_ scenario: Scenario) -> (Outcome, PolicyLedger) {
        let world = World(scenario)
        return (run(world), world.ledger)
    }

    static func run(_ world: World) -> Outcome {
        let scenario = world.scenario
        for storm in scenario.storms where world.checker.violation == nil {
            rage(world, storm)
            guard world.checker.violation == nil else { break }
            world.heal()
            rest(world)
        }
        world.tally.nanoseconds = world.now.nanoseconds
        world.tally.nodeNanoseconds =
            Double(world.now.nanoseconds) * Double(scenario.fleet.nodes.count)
        return Outcome(
            scenario: scenario, violation: world.checker.violation, hash: world.trace.hash,
            tally: world.tally, trace: world.trace.lines)
    }

    private static func rage(_ world: World, _ storm: Storm) {
        world.isWhole = false
        let begin = world.now
        for job in storm.jobs { world.plan(.ask(job), at: begin + job.at) }
        for plan in storm.plans { world.plan(.askPlan(plan), at: begin + plan.at) }
        for operation in storm.operations {
            world.plan(.operation(operation), at: begin + operation.at)
        }
        for fault in storm.faults { world.plan(.fault(fault), at: begin + fault.at) }
        let end = begin + storm.length
        while world.now < end, world.checker.violation == nil {
            world.run(until: min(end, world.now + lookAtReasonsEvery))
            world.lookAtReasons()
        }
    }

    private static func rest(_ world: World) {
        let last = world.now + Scenario.restAtMost
        var end = max(world.now, world.powerBackAt) + Scenario.restWithin
        var ends = world.checker.endCount
        var looks = 0
        while world.now < end, world.checker.violation == nil {
            world.run(until: min(end, world.now + lookEvery))
            looks += 1
            if world.isAtRest { break }
            // A long queue in front of one worker is no standstill.
            if world.checker.endCount > ends {
                ends = world.checker.endCount
                end = min(max(end, world.now + Scenario.restWithin), last)
            }
            if looks % mendEvery == 0 {
                world.mend()
                world.lookAtReasons()
            }
        }
        guard world.checker.violation == nil else { return }
        world.finishStorm()
    }
}

extension World {
    var isAtRest: Bool { checker.isAtRest(self) && leader?.machine.fleet == fleet }

    func lookAtReasons() { checker.reasons(self) }

    func finishStorm() {
        checker.atRest(self)
        store.expire()
        clients.waiting = [:]
    }
}
