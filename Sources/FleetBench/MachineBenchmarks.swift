import FleetCore
import FleetSim

/// The two machines, as the simulator drives them; and the simulator itself.
enum MachineBenchmarks {
    static let all = [
        Benchmark(
            name: "controller_step",
            about: "a step of the controller with 15 nodes and 1,500 jobs in a minute", unit: "ns"
        ) { try sound(ScaleRun.run(nodes: 15)).controllerNanoseconds },
        Benchmark(
            name: "agent_step", about: "a step of an agent in the same fleet", unit: "ns"
        ) { try sound(ScaleRun.run(nodes: 15)).agentNanoseconds },
        Benchmark(
            name: "controller_growth",
            about: "a step of the controller with 240 nodes, against one with 15", unit: "ratio"
        ) {
            try sound(ScaleRun.run(nodes: 240)).controllerNanoseconds
                / sound(ScaleRun.run(nodes: 15)).controllerNanoseconds
        },
        Benchmark(
            name: "simulated_hours",
            about: "hours of a fleet of 15 nodes in storms, by one processor", unit: "h/s",
            moreIsBetter: true
        ) {
            let begin = ContinuousClock.now
            let outcome = Simulation.run(Scenario(seed: 7, hours: 1))
            let time = ContinuousClock.now - begin
            if let violation = outcome.violation { throw BenchmarkError(violation.text) }
            return Double(outcome.tally.nanoseconds) / 3.6e12 / (time / .seconds(1))
        },
    ]

    private static func sound(_ row: ScaleRun.Row) throws -> ScaleRun.Row {
        if let violation = row.violation { throw BenchmarkError(violation.text) }
        return row
    }
}
