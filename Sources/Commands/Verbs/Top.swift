import ArgumentParser
import Foundation

/// `jctl top`: the fleet on one screen, live.
struct Top: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows the fleet live: clusters, nodes, jobs, roamers and events.",
        usage: "jctl top [--once]",
        discussion: """
            EXAMPLES:
              jctl top                 live, with keys; ? tells which, q quits
              jctl top --once          one picture; so also in a pipe

            Keys: 1 to 5 or :NAME chooses a view, / filters, Enter describes,
            l follows a job's log, c cancels a job, s sorts, Esc goes back.
            """)

    @Flag(help: "Show it once, as in a pipe.")
    var once = false

    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let client = try session.client()
        let console = session.context.console
        let canDraw =
            console.inIsTerminal && console.outIsTerminal
            && session.context.variable("TERM") != "dumb"
        guard !once, canDraw, let open = session.context.screen else {
            let lines = try await Dashboard.fetch(client).lines(
                width: session.width, height: 24, style: session.style, now: session.context.now())
            return session.out(lines)
        }
        // A controller that cannot be asked is said in the usual way, on the usual screen.
        let first = try await TopFleet.Reading.fetch(client, Set(TopFleet.Part.allCases))
        session.endsByInterrupt = true
        let screen = try open()
        defer { screen.close() }
        try await TopShell(session: session, client: client, screen: screen).run(first: first)
    }
}
