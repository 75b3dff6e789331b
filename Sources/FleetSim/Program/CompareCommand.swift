import ArgumentParser
import Foundation

/// `fleet-sim compare`: scheduling policies side by side.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compares scheduling policies on the same seeds and prints a table.",
        discussion: """
            Without a file the rules that ship are compared. A file is JSON, with the keys of a
            cluster's scaling block:
              {"mine": {"overflow": "backlog", "backlog_factor": 3, "release_idle_seconds": 60}}
            """)

    @Option(help: "A file of policies.") var policy: String?
    @Option(help: "Seeds of each pattern of arrival.") var seeds = 3
    @Option(help: "Hours of each run.") var hours = 24
    @Option(help: "Runs at once; the number of processors when left out.") var jobs: Int?
    @Flag(help: "Prints a table in Markdown.") var markdown = false

    func validate() throws {
        guard (1...1_000).contains(seeds) else { throw ValidationError("--seeds takes 1 to 1000") }
        guard (1...720).contains(hours) else { throw ValidationError("--hours takes 1 to 720") }
    }

    func run() async throws {
        var comparison = PolicyComparison(policies: try policies())
        comparison.seeds = seeds
        comparison.hours = hours
        comparison.workers = jobs ?? ProcessInfo.processInfo.activeProcessorCount
        let progress = Terminal.Progress()
        let rows = await comparison.run { done, all in
            progress.show { "\(done) of \(all) runs" }
        }
        progress.clear()
        print(markdown ? Self.markdown(rows) : Self.table(rows))
        for row in rows {
            if let violation = row.violation {
                Terminal.say(
                    "\(row.policy) broke \(violation.invariant.rawValue): \(violation.text)")
            }
        }
        if rows.contains(where: { $0.violation != nil }) { throw ExitCode(1) }
    }

    private func policies() throws -> [NamedPolicy] {
        guard let policy else { return NamedPolicy.shipped }
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: policy)) else {
            throw ValidationError("\(policy) cannot be read")
        }
        do {
            return try NamedPolicy.read(data)
        } catch {
            throw ValidationError("\(policy): \(error)")
        }
    }

    private static let titles = [
        "arrivals", "policy", "jobs", "wait mean s", "p50 s", "p95 s", "roamer h/day", "lent/day",
    ]

    private static func cells(_ row: PolicyComparison.Row) -> [String] {
        [
            row.pattern.rawValue, row.policy, "\(row.jobs)", String(format: "%.2f", row.mean),
            String(format: "%.2f", row.p50), String(format: "%.2f", row.p95),
            String(format: "%.2f", row.roamerHours), String(format: "%.0f", row.assignments),
        ]
    }

    private static func table(_ rows: [PolicyComparison.Row]) -> String {
        let all = [titles] + rows.map(cells)
        let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { line in
            line.enumerated().map { index, cell in
                let pad = String(repeating: " ", count: max(0, widths[index] - cell.count))
                return index < 2 ? cell + pad : pad + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private static func markdown(_ rows: [PolicyComparison.Row]) -> String {
        let lines = [titles, titles.map { _ in "---" }] + rows.map(cells)
        return lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}
