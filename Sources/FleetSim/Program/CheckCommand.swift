import ArgumentParser
import Foundation

/// `fleet-sim check`: the invariants against a recorded history.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Judges the recorded events of a real or simulated fleet.",
        discussion: """
            Reads one event as JSON a line, as `jctl events -o jsonl` writes them, from a file or, for
            `-`, from standard input. Exit status: 0 when everything held, 1 when not.
            """)

    @Option(help: "The file; `-` for standard input.") var events: String
    @Flag(help: "Every job must have ended by the end of the history.") var ended = false

    func run() async throws {
        let verdict = HistoryVerdict.judge(try lines())
        print("\(verdict.events) events, \(verdict.open.count) jobs not ended")
        for mistake in verdict.mistakes { print(mistake) }
        for violation in verdict.violations {
            print("\(violation.invariant.rawValue): \(violation.text)")
        }
        if ended, let first = verdict.open.first {
            print("comes-to-rest: \(first) has not ended")
        }
        guard verdict.events > 0 else { throw ValidationError("there is no event in \(events)") }
        let isSound = verdict.mistakes.isEmpty && verdict.violations.isEmpty
        if !isSound || (ended && !verdict.open.isEmpty) { throw ExitCode(1) }
    }

    private func lines() throws -> AnySequence<String> {
        if events == "-" {
            return AnySequence { AnyIterator { readLine(strippingNewline: true) } }
        }
        guard let text = try? String(contentsOfFile: events, encoding: .utf8) else {
            throw ValidationError("\(events) cannot be read as text")
        }
        return AnySequence(text.split(separator: "\n").map(String.init))
    }
}
