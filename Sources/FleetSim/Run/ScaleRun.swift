import FleetCore

/// How the cost of a step grows with the fleet: the same work for each node, on fleets of several sizes.
package struct ScaleRun: Sendable {
    /// One size.
    package struct Row: Sendable {
        /// Nodes of the fleet.
        package let nodes: Int
        /// Jobs that were accepted.
        package let jobs: UInt64
        /// The most jobs that waited at once.
        package let waiting: Int
        /// Steps of the controller's machine, and nanoseconds for each.
        package let controllerSteps: UInt64
        package let controllerNanoseconds: Double
        /// The same of the agents' machines.
        package let agentSteps: UInt64
        package let agentNanoseconds: Double
        /// The first invariant broken, if any.
        package let violation: Violation?
    }

    /// Jobs for each node.
    package static let jobsEach = 100

    /// A fleet of that size with a hundred jobs for each node, all asked for in one minute.
    package static func scenario(nodes: Int) -> Scenario {
        let fleet = FleetShape.fleet(nodes: nodes)
        var random = Seeds(root: UInt64(nodes)).stream(.storm)
        let length = Duration.seconds(60)
        var jobs: [PlannedJob] = []
        for _ in 0..<nodes * jobsEach {
            let cluster = random.pick(fleet.clusters)
            let run = random.duration(1_000...4_000)
            let request = JobRequest(
                kind: cluster.kinds.first ?? .image, cluster: cluster.name,
                input: JobScript.input(run, .ok))
            jobs.append(PlannedJob(at: random.duration(upTo: length), request: request))
        }
        jobs.sort { $0.at < $1.at }
        var weather = Weather()
        weather.startupTime = .seconds(2)
        weather.pullTime = .seconds(5)
        let storm = Storm(length: length, jobs: jobs, operations: [], faults: [])
        return Scenario(seed: UInt64(nodes), fleet: fleet, weather: weather, storms: [storm])
    }

    /// Runs one size.
    package static func run(nodes: Int) -> Row {
        let world = World(scenario(nodes: nodes))
        world.stopwatch = Stopwatch()
        let outcome = Simulation.run(world)
        let watch = world.stopwatch ?? Stopwatch()
        return Row(
            nodes: nodes, jobs: outcome.tally.jobs, waiting: watch.mostWaiting,
            controllerSteps: watch.controller.steps,
            controllerNanoseconds: watch.controller.mean, agentSteps: watch.agents.steps,
            agentNanoseconds: watch.agents.mean, violation: outcome.violation)
    }
}

/// Real time spent in the machines; it changes nothing in the world.
struct Stopwatch {
    /// Time and count of one kind of step.
    struct Sum {
        private(set) var steps: UInt64 = 0
        private var time = Duration.zero
        var mean: Double { Double(time.nanoseconds) / Double(max(steps, 1)) }

        mutating func add(since begin: ContinuousClock.Instant) {
            time += ContinuousClock.now - begin
            steps += 1
        }
    }
    var controller = Sum()
    var agents = Sum()
    private(set) var mostWaiting = 0

    mutating func note(waiting: Int) { mostWaiting = max(mostWaiting, waiting) }
}
