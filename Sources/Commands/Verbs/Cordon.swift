import ArgumentParser

/// `jctl cordon`: keeps new work off nodes.
struct Cordon: Command {
    static let configuration = CommandConfiguration(
        abstract: "Keeps new work off nodes; what runs there goes on.",
        usage: "jctl cordon NODE…",
        discussion: """
            EXAMPLES:
              jctl cordon agx-03
            """)

    @Argument(help: "The nodes' names.", completion: NameCompletion.of(.nodes))
    var nodes: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        try await NodeActions(session: session, output: output).act("cordon", on: nodes)
    }
}
