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

            Ends with 0 when nothing has failed, warnings or not. Where the controller
            cannot be reached it looks at the way there from here, step by step, and
            ends with 7; with 8 where it takes the call and does not answer, with 4
            where its socket may not be opened.
            """)

    @Flag(help: "Also show what is fine.")
    var all = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let client = try session.client()
        let begin = session.context.now()
        let answer: Fetched<Diagnosis>
        do {
            answer = try await client.get(
                Diagnosis.self, Resource("diagnosis"), purpose: "ask the controller how it is")
        } catch let error as CommandError where Self.isOfTheWay(error) {
            // How far one comes is told by what is fine, too.
            let way = try await Self.way(to: client.endpoint, session, blocked: error)
            show(way, of: way.count, session)
            throw error
        }
        let findings = Self.findings(answer.model, of: client.endpoint, since: begin, session)
        show(all ? findings : findings.filter { $0.status != "ok" }, of: findings.count, session)
        let failed = findings.filter(\.isFailure)
        guard !failed.isEmpty else { return }
        throw CommandError(
            .failed,
            failed.count == 1 ? "a check has failed" : "\(failed.count) checks have failed",
            why: failed.map(\.place).joined(separator: ", "))
    }

    /// What the controller has found, and what is seen of it from here.
    private static func findings(
        _ diagnosis: Diagnosis, of endpoint: Endpoint, since begin: Date, _ session: Session
    ) -> [Finding] {
        let took = session.context.now().timeIntervalSince(begin)
        var findings = [
            Finding(
                name: "jctl", status: "ok",
                message: "\(endpoint.description) answers in \(Humane.whole(took * 1_000, " ms"))")
        ]
        findings += diagnosis.items
        guard let there = diagnosis.at?.date else { return findings }
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
        return findings
    }

    /// Whether it may be for the way to the controller that it was not asked.
    private static func isOfTheWay(_ error: CommandError) -> Bool {
        // A refusal without a code is not the controller's: its socket may not be opened.
        error.status.isPassing || (error.status == .notAuthorised && error.code == nil)
    }

    /// What is found of the way, of which something failed in any case.
    private static func way(
        to endpoint: Endpoint, _ session: Session, blocked error: CommandError
    ) async throws -> [Finding] {
        var findings = try await WayToController(
            endpoint: endpoint, now: session.context.now()
        ).look()
        if !findings.contains(where: \.isFailure) {
            findings.append(
                Finding(
                    name: "diagnosis", subject: "controller", status: "failed",
                    message: error.why ?? error.what,
                    action: error.hint ?? "try again in a moment; the controller's log says more"))
        }
        return findings
    }

    private func show(_ shown: [Finding], of count: Int, _ session: Session) {
        Printer(session: session, options: output).list(
            shown.map(\.json), next: .null, empty: "all \(count) checks are fine"
        ) { Self.table(shown) }
        for finding in shown where !output.output.isMachine {
            if let action = finding.action { session.note("\(finding.place): \(action)") }
        }
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
