import ArgumentParser
import Foundation

/// `jctl top`: the fleet on one screen.
struct Top: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows clusters, roamers, nodes and the queue on one screen.",
        usage: "jctl top [--once] [--every DURATION]",
        discussion: """
            EXAMPLES:
              jctl top                 every 2 s until ^C
              jctl top --once
              jctl top --every 10s
            """)

    @Flag(help: "Show it once, as in a pipe.")
    var once = false

    @Option(help: ArgumentHelp("Time between two pictures.", valueName: "duration"))
    var every: Interval?

    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let client = try session.client()
        let console = session.context.console
        guard console.outIsTerminal, !once else {
            let lines = try await Dashboard.fetch(client).lines(
                width: session.width, height: 24, style: session.style, now: session.context.now())
            return session.out(lines)
        }
        // The other screen: what was on the terminal before is there again afterwards.
        console.writeOut(Data("\u{1B}[?1049h\u{1B}[?25l".utf8))
        defer { console.writeOut(Data("\u{1B}[?25h\u{1B}[?1049l".utf8)) }
        session.endsByInterrupt = true
        try await refresh(session, client)
    }

    private func refresh(_ session: Session, _ client: APIClient) async throws {
        var last: Dashboard?
        while true {
            var trouble: String?
            do {
                last = try await Dashboard.fetch(client)
            } catch let error as CommandError where error.status.isPassing && last != nil {
                trouble = SafeText.line("STALE: " + (error.why ?? "the controller does not answer"))
            }
            let size = session.context.console.size ?? (80, 24)
            var lines = last?.lines(
                width: size.columns, height: size.rows - 1, style: session.style,
                now: session.context.now())
            if let trouble {
                lines?[0] = session.style.paint(trouble.truncated(to: size.columns), .bad)
            }
            let picture = (lines ?? []).map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
            session.context.console.writeOut(Data(("\u{1B}[H" + picture + "\u{1B}[J").utf8))
            try await session.context.pause(.seconds(every?.seconds ?? 2))
        }
    }
}
