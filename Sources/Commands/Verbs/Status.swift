import ArgumentParser

/// `jctl status`: the fleet in three lines.
struct Status: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows how the controller and the fleet are, in three lines.",
        usage: "jctl status [-o FORMAT]",
        discussion: """
            EXAMPLES:
              jctl status
              jctl status -o json
            """)

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let summary = try await session.client().get(
            Summary.self, Resource("summary"), purpose: "show the status")
        Printer(session: session, options: output).object(summary.json) {
            SummaryText.lines(summary.model)
        }
        guard summary.model.store?.healthy != false else {
            throw CommandError(
                .failed, "the controller cannot store anything", why: summary.model.store?.error,
                hint: "new work is refused until its store is back")
        }
    }
}
