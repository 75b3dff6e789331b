import ArgumentParser
import FleetCore
import Foundation
import Synchronization

/// `fleet-sim run`: many seeds.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs many seeds and reports what was broken.",
        discussion: """
            A violation prints its seed, the invariant and the end of the event tail, and is shrunk to
            the faults it needs. Exit status: 0 when everything held, 1 when not.
            """)

    @Option(help: "How many seeds.") var seeds = 100
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "Nodes of each fleet.") var nodes = 15
    @Option(help: "Hours of storms for each seed; one short storm when left out.") var hours: Int?
    @Option(help: "Seeds run at once; the number of processors when left out.") var jobs: Int?
    @Option(help: "Ends after so many violations.") var violations = 3
    @Flag(help: "Prints the summary as JSON.") var json = false
    @Flag(inversion: .prefixedNo, help: "Shrinks the first violation.") var shrink = true
    @Option(help: "Compares the policies of this file instead; see `compare`.") var policy: String?
    @Option(help: "Writes the shrunk scenario to this file.") var out: String?

    func validate() throws {
        guard (1...100_000_000).contains(seeds) else {
            throw ValidationError("--seeds takes 1 to 100000000")
        }
        guard (3...5_000).contains(nodes) else { throw ValidationError("--nodes takes 3 to 5000") }
        if let hours, !(1...10_000).contains(hours) {
            throw ValidationError("--hours takes 1 to 10000")
        }
        if let jobs, !(1...256).contains(jobs) { throw ValidationError("--jobs takes 1 to 256") }
        let (_, overflow) = from.addingReportingOverflow(UInt64(seeds))
        guard !overflow else { throw ValidationError("--from is too large") }
    }

    func run() async throws {
        if policy != nil { return try await compare() }
        var campaign = Campaign(seeds: from..<from + UInt64(seeds))
        campaign.nodes = nodes
        campaign.hours = hours
        campaign.workers = jobs ?? ProcessInfo.processInfo.activeProcessorCount
        campaign.violationLimit = max(violations, 1)
        let progress = Terminal.Progress()
        let total = seeds
        let begin = ContinuousClock.now
        let told = Mutex(0)
        let summary = await campaign.run { now in
            let news = told.withLock { told in
                defer { told = now.violations.count }
                return now.violations.dropFirst(told)
            }
            for broken in news { Self.tell(broken.seed, broken.violation) }
            progress.show {
                String(
                    format:
                        "%d of %d seeds, %.0f fleet-hours, %llu jobs, %llu faults, %d violations",
                    now.seeds, total, now.hours, now.tally.jobs, now.tally.faultCount,
                    now.violations.count)
            }
        }
        progress.clear()
        let took = ContinuousClock.now - begin
        print(json ? summary.json(took: took) : summary.text(took: took, workers: campaign.workers))
        guard let first = summary.violations.first else { return }
        try explain(first.seed, first.violation)
        throw ExitCode(1)
    }

    private func compare() async throws {
        var arguments = ["--seeds", "\(min(seeds, 1_000))"]
        if let policy { arguments += ["--policy", policy] }
        if let hours { arguments += ["--hours", "\(hours)"] }
        if let jobs { arguments += ["--jobs", "\(jobs)"] }
        try await CompareCommand.parse(arguments).run()
    }

    private static func tell(_ seed: UInt64, _ violation: Violation) {
        Terminal.say(
            String(
                format: "seed %llu broke %@ after %.3f s: %@", seed,
                violation.invariant.rawValue, violation.at, violation.text))
    }

    private func explain(_ seed: UInt64, _ violation: Violation) throws {
        var scenario = Scenario(seed: seed, nodes: nodes, hours: hours)
        if shrink {
            Terminal.say("shrinking seed \(seed) …")
            scenario = Shrinker.shrink(scenario, violation)
            for (index, storm) in scenario.storms.enumerated() {
                Terminal.say(
                    "storm \(index + 1): \(storm.faults.count) faults, "
                        + "\(storm.operations.count) operations, \(storm.jobs.count) jobs are left")
                for fault in storm.faults {
                    Terminal.say(
                        String(
                            format: "  %8.3f s  %@ node %d, %.3f s, ×%d", fault.at.inSeconds,
                            fault.kind.rawValue, fault.node, fault.length.inSeconds, fault.count))
                }
            }
        }
        let outcome = Simulation.run(scenario, keepsTrace: true)
        Terminal.say("the end of what happened:")
        for line in outcome.trace.suffix(30) {
            Terminal.say(TraceText.line(line, width: 200))
        }
        var again = "fleet-sim replay --seed \(seed) --nodes \(nodes)"
        if let hours { again += " --hours \(hours)" }
        Terminal.say("again: \(again) --trace")
        guard let out else { return }
        try Data(JSONLine.encode(scenario).utf8).write(to: URL(fileURLWithPath: out))
        Terminal.say("the scenario is in \(out): fleet-sim replay --scenario \(out) --trace")
    }
}
