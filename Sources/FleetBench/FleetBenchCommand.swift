package import ArgumentParser
import Foundation

/// `fleet-bench`: what the parts cost that every message and every job passes.
package struct FleetBenchCommand: AsyncParsableCommand {
    /// The command's name and help.
    package static let configuration = CommandConfiguration(
        commandName: "fleet-bench",
        abstract:
            "Measures the hot parts by themselves: codec, frames, machines, lists of jobs, simulator.",
        discussion: """
            Prints one JSON object a line: name, value (the median), unit, better, n, p50, p95, p99. Build it
            for release. The times are those of this machine now: compare them within one run only.

            Examples:
              fleet-bench
              fleet-bench --only decode_report --samples 200
              fleet-bench --only search_jobs --samples 500
              fleet-bench --fill STATE/redis
            """)

    @Option(help: "Only the benchmarks whose names begin so.") var only: String?
    @Option(help: "How often each is measured.") var samples = 10
    @Flag(help: "List the benchmarks.") var list = false
    @Option(
        help: ArgumentHelp(
            "Measure nothing, and write a million past jobs into a controller's Redis, whose folder this is.",
            valueName: "folder"))
    var fill: String?

    private static let all = WireBenchmarks.all + MachineBenchmarks.all + CatalogueBenchmarks.all

    /// Creates the command.
    package init() {}

    /// Checks the arguments.
    package func validate() throws {
        guard (1...10_000).contains(samples) else {
            throw ValidationError("--samples is 1 to 10000")
        }
        if let only, !Self.all.contains(where: { $0.name.hasPrefix(only) }) {
            throw ValidationError("no benchmark is named \(only); see --list")
        }
    }

    /// Runs the benchmarks.
    package func run() async throws {
        if let fill { return try await PastRecord.fill(fill) }
        for benchmark in Self.all where only.map({ benchmark.name.hasPrefix($0) }) ?? true {
            let name = benchmark.name.padding(toLength: 24, withPad: " ", startingAt: 0)
            let line =
                list ? "\(name) \(benchmark.about)" : try await benchmark.line(samples: samples)
            // At once, also into a pipe: some take a while.
            try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
        }
        await CatalogueWorld.shared.remove()
    }
}
