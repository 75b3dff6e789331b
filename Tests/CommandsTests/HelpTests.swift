import ArgumentParser
import Foundation
import Testing

@testable import Commands

/// What every command says of itself, and what it says to a misspelt word.
@Suite struct HelpTests {
    /// Every command with the words that call it.
    private static func commands(
        _ type: any ParsableCommand.Type = Jctl.self, _ words: [String] = []
    ) -> [[String]] {
        [words]
            + type.configuration.subcommands.flatMap { commands($0, words + [$0._commandName]) }
    }

    @Test func everyHelpHasAnExampleThatBeginsWithTheCommand() async {
        let all = Self.commands()
        #expect(all.count > 25)
        for words in all {
            let ran = await jctl(words + ["--help"])
            #expect(ran.code == 0)
            let call = (["jctl"] + words).joined(separator: " ")
            let example = ran.out.split(separator: "EXAMPLES:").dropFirst().first ?? ""
            #expect(example.contains(call), "jctl \(words) --help shows no example of it")
            #expect(ran.out.split(separator: "\n").allSatisfy { $0.displayWidth <= 100 })
        }
    }

    @Test func callsFitATerminal() async {
        for words in Self.commands() {
            let text = await jctl(words + ["--help"]).out
            let calls = text.split(separator: "USAGE:").last?.split(separator: "\n\n").first ?? ""
            let lines = "USAGE:\(calls)".split(separator: "\n")
            #expect(lines.allSatisfy { $0.displayWidth <= 80 }, "jctl \(words)")
        }
    }

    /// A line that the terminal breaks cannot be copied.
    @Test func noExampleIsBroken() async {
        for words in Self.commands() {
            let wide = await jctl(words + ["--help"], console: RecordingConsole(size: (100, 24)))
            let narrow = await jctl(words + ["--help"], console: RecordingConsole(size: (80, 24)))
            func head(_ ran: Ran) -> Substring? {
                ran.out.split(separator: "EXAMPLES:").last?.split(separator: "USAGE:").first
            }
            #expect(head(wide) == head(narrow), "jctl \(words)")
        }
    }

    @Test func examplesStandAboveTheOptions() async throws {
        for words in Self.commands() {
            let text = await jctl(words + ["--help"]).out
            let example = try #require(text.range(of: "EXAMPLES:"))
            if let options = text.range(of: "\nOPTIONS:") {
                #expect(example.lowerBound < options.lowerBound, "jctl \(words)")
            }
            if let arguments = text.range(of: "\nARGUMENTS:") {
                #expect(example.lowerBound < arguments.lowerBound, "jctl \(words)")
            }
        }
    }

    @Test(arguments: [
        (["gte", "jobs"], "did you mean 'get'?"), (["get", "jbos"], "did you mean 'jobs'?"),
        (["describe", "nod", "x"], "did you mean 'nodes'?"),
        (["debug", "bundel"], "did you mean 'bundle'?"),
        (["help", "tpo"], "did you mean 'top'?"), (["context", "usee"], "did you mean 'use'?"),
        (["top", "--onec"], "--once"), (["get", "jobs", "--stat", "queued"], "--state"),
        (["cancel", "--yess", "x"], "--yes"), (["--endpont", "x", "get", "jobs"], "--endpoint"),
        (["get", "jobs", "-o", "jsn"], "json"),
        (["submit", "--kind", "image", "--priorty", "3"], "--priority"),
        (["wait", "x", "--for", "runing"], "running"),
    ])
    func aMisspeltWordIsAnsweredWithTheNearest(_ words: [String], _ answer: String) async {
        let ran = await jctl(words)
        #expect(ran.code == 2)
        #expect(ran.err.contains(answer), "jctl \(words): \(ran.err)")
    }
}
