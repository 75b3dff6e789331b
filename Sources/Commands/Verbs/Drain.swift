import ArgumentParser

/// `jctl drain`: empties nodes.
struct Drain: Command {
    static let configuration = CommandConfiguration(
        abstract: "Empties nodes: no new work, and what runs may finish.",
        usage: "jctl drain NODE… [--deadline DURATION]",
        discussion: """
            EXAMPLES:
              jctl drain agx-03
              jctl drain agx-03 --deadline 10m     what still runs then is moved elsewhere
            """)

    @Argument(help: "The nodes' names.", completion: NameCompletion.of(.nodes))
    var nodes: [String]

    @Option(help: ArgumentHelp("How long jobs may go on: 90s, 5m, 1h.", valueName: "duration"))
    var deadline: Interval?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let body = JSONValue.dictionary([
            ("deadlineSeconds", deadline.map { .double($0.seconds) })
        ])
        try await NodeActions(session: session, output: output).act("drain", on: nodes, body)
    }
}
