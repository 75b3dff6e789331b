import ArgumentParser
import Foundation

/// `fleet-sim scale`: how the cost of a step grows with the fleet.
struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Measures how the cost of a step grows with the fleet.",
        discussion: """
            Runs fleets of several sizes, each with a hundred jobs for every node, one after the other.
            Times are real ones of this machine: compare them within one run only.
            """)

    @Argument(help: "Numbers of nodes.") var nodes: [Int] = [15, 60, 250, 1_000]

    func validate() throws {
        guard nodes.allSatisfy({ (3...5_000).contains($0) }) else {
            throw ValidationError("a fleet has 3 to 5000 nodes here")
        }
    }

    func run() async throws {
        print(
            "nodes    jobs  most waiting  controller: steps  ns a step   agents: steps  ns a step")
        var isSound = true
        for count in nodes {
            let row = ScaleRun.run(nodes: count)
            print(
                String(
                    format: "%5d  %6llu  %12d  %17llu  %9.0f  %14llu  %9.0f", row.nodes, row.jobs,
                    row.waiting, row.controllerSteps, row.controllerNanoseconds, row.agentSteps,
                    row.agentNanoseconds))
            if let violation = row.violation {
                Terminal.say("\(violation.invariant.rawValue): \(violation.text)")
                isSound = false
            }
        }
        if !isSound { throw ExitCode(1) }
    }
}
