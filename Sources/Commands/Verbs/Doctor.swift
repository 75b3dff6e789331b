import ArgumentParser
import Foundation

/// `jctl doctor`: what is wrong, and what to do.
struct Doctor: Command {
    static let configuration = CommandConfiguration(
        abstract: "Looks at everything, and says what is wrong and what to do.",
        usage: "jctl doctor [--all]",
        discussion: """
            EXAMPLES:
              jctl doctor
              jctl doctor --all              # also what is fine
              jctl doctor -o json | jq '.items[] | select(.status != "ok")'

            Ends with 0 when nothing has failed, warnings or not.
            """)

    @Flag(help: "Also show what is fine.")
    var all = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let client = try session.client()
        let begin = session.context.now()
        let answer = try await client.get(
            Diagnosis.self, Resource("diagnosis"), purpose: "ask the controller how it is")
        let end = session.context.now()
        var findings = answer.model.items
        let took = end.timeIntervalSince(begin)
        findings.insert(
            Finding(
                name: "jctl", status: "ok",
                message:
                    "\(client.endpoint.description) answers in \(Humane.whole(took * 1_000, " ms"))"
            ),
            at: 0)
        if let there = answer.model.at?.date {
            // Halfway of the call is when it was looked at, more or less.
            let skew = there.timeIntervalSince(begin) - took / 2
            if abs(skew) > 5 + took {
                findings.append(
                    Finding(
                        name: "clock", subject: "here", status: "warning",
                        message:
                            "this machine's clock is \(Humane.whole(abs(skew), " s")) \(skew > 0 ? "behind" : "ahead of") the controller's",
                        action: "run an NTP client on both"))
            }
        }
        let shown = all ? findings : findings.filter { $0.status != "ok" }
        Printer(session: session, options: output).list(
            shown.map(\.json), next: .null, empty: "all \(findings.count) checks are fine"
        ) { Self.table(shown) }
        for finding in shown where !output.output.isMachine {
            if let action = finding.action { session.note("\(finding.place): \(action)") }
        }
        let failed = findings.filter { $0.status == "failed" }
        guard !failed.isEmpty else { return }
        throw CommandError(
            .failed,
            failed.count == 1 ? "a check has failed" : "\(failed.count) checks have failed",
            why: failed.map(\.place).joined(separator: ", "))
    }

    private static func table(_ findings: [Finding]) -> Table {
        Table(
            columns: [
                .init("CHECK"), .init("SUBJECT"), .init("STATUS", isState: true),
                .init("FOUND", shrinksTo: 24, wraps: true),
            ],
            rows: findings.map { [$0.name, $0.subject ?? "-", $0.status, $0.message] })
    }
}

/// What the controller found.
struct Diagnosis: Decodable, Sendable {
    var at: Timestamp?
    var items: [Finding]
}

/// One thing that was looked at.
struct Finding: Decodable, Sendable {
    var name: String
    var subject: String?
    var status: String
    var message: String
    var action: String?

    /// What it is about.
    var place: String { subject.map { "\(name) \($0)" } ?? name }

    var json: JSONValue {
        .dictionary([
            ("name", .string(name)), ("subject", subject.map { .string($0) }),
            ("status", .string(status)), ("message", .string(message)),
            ("action", action.map { .string($0) }),
        ])
    }
}
