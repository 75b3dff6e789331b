import ArgumentParser
import Foundation

/// `jctl audit`: who did what, and who was refused.
struct Audit: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows who did what, and who was refused.",
        usage: "jctl audit [--who NAME] [--since DURATION] [--limit N]",
        discussion: """
            EXAMPLES:
              jctl audit                              the latest, latest first
              jctl audit --who alice --since 7d
              jctl audit -o json | jq '.items[] | select(.code == "unauthorized")'

            It has what changes something: cancels, retries, nodes, roamers, tokens,
            the fleet. Work that is asked for says itself by whom: `jctl get jobs`.
            """)

    @Option(help: ArgumentHelp("Only what this submitter did.", valueName: "name"))
    var who: String?

    @Option(help: ArgumentHelp("Only of the last so long.", valueName: "duration"))
    var since: Interval?

    @Option(help: ArgumentHelp("The most that is shown; 0 for all.", valueName: "n"))
    var limit = 100

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    /// One record.
    struct Entry: Decodable, Sendable {
        var at: Timestamp?
        var who: String?
        var role: String?
        var from: String?
        var action: String?
        var status: Int?
        var code: String?
        var requestId: String?
        var detail: String?

        var what: String {
            [action ?? "-", detail.map { ": \($0)" }, code.map { " (\($0))" }]
                .compactMap(\.self).joined()
        }
    }

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit is 0 or more") }
    }

    func execute(_ session: Session) async throws {
        let start = since.map {
            session.context.now().addingTimeInterval(-$0.seconds).formatted(.iso8601)
        }
        let found = try await session.client().list(
            Entry.self, Resource("audit", query: [("who", who), ("since", start)]),
            limit: limit == 0 ? nil : limit, purpose: "list who did what")
        Printer(session: session, options: output).list(
            found.items.map(\.json), next: found.next, empty: "nobody did anything"
        ) { Self.table(found.items.map(\.model)) }
    }

    private static func table(_ entries: [Entry]) -> Table {
        Table(
            columns: [
                .init("TIME"), .init("WHO", shrinksTo: 6), .init("FROM", isWide: true),
                .init("STATUS", isNumber: true), .init("ACTION", shrinksTo: 24, wraps: true),
                .init("REQUEST", isWide: true),
            ],
            rows: entries.map {
                [
                    $0.at?.text ?? "-", $0.who ?? "-", $0.from ?? "-",
                    $0.status.map(String.init) ?? "-",
                    $0.what, $0.requestId ?? "-",
                ]
            })
    }
}
