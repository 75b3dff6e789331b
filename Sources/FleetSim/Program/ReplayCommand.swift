import ArgumentParser
import FleetCore
import Foundation

/// `fleet-sim replay`: one run again, to look at.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Runs one seed or scenario again.",
        discussion: """
            Prints one JSON object with the hash and what was broken; with --trace, before it, one
            JSON object for each thing that happened. Equal seeds give equal hashes on every machine.
            """)

    @Option(help: "The seed.") var seed: UInt64?
    @Option(help: "A scenario that `run --out` has written, in place of a seed.") var scenario:
        String?
    @Option(help: "Nodes of the fleet.") var nodes = 15
    @Option(help: "Hours of storms; one short storm when left out.") var hours: Int?
    @Flag(help: "Prints everything that happened.") var trace = false

    private struct Form: Encodable {
        var seed: UInt64
        var hash: String
        var steps: UInt64
        var jobs: UInt64
        var faults: UInt64
        var hours: Double
        var violation: Violation?
    }

    func validate() throws {
        guard (seed == nil) != (scenario == nil) else {
            throw ValidationError("give either --seed or --scenario")
        }
        guard (3...5_000).contains(nodes) else { throw ValidationError("--nodes takes 3 to 5000") }
        if let hours, !(1...10_000).contains(hours) {
            throw ValidationError("--hours takes 1 to 10000")
        }
    }

    func run() async throws {
        let outcome = Simulation.run(try load(), keepsTrace: trace)
        for line in outcome.trace { print(TraceText.json(line)) }
        print(
            JSONLine.encode(
                Form(
                    seed: outcome.scenario.seed, hash: String(outcome.hash, radix: 16),
                    steps: outcome.tally.steps, jobs: outcome.tally.jobs,
                    faults: outcome.tally.faultCount,
                    hours: Double(outcome.tally.nanoseconds) / 3.6e12,
                    violation: outcome.violation)))
        if outcome.violation != nil { throw ExitCode(1) }
    }

    private func load() throws -> Scenario {
        if let seed { return Scenario(seed: seed, nodes: nodes, hours: hours) }
        let path = scenario ?? ""
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            return try JSONDecoder().decode(Scenario.self, from: data)
        } catch is DecodingError {
            throw ValidationError("\(path) holds no scenario of this version")
        } catch {
            throw ValidationError("\(path) cannot be read")
        }
    }
}
