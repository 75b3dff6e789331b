import ArgumentParser

/// `jctl uncordon`: lets nodes take work again.
struct Uncordon: Command {
    static let configuration = CommandConfiguration(
        abstract: "Lets cordoned nodes take work again.",
        usage: "jctl uncordon NODE…",
        discussion: """
            EXAMPLES:
              jctl uncordon agx-03
            """)

    @Argument(help: "The nodes' names.", completion: NameCompletion.of(.nodes))
    var nodes: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        try await NodeActions(session: session, output: output).act("uncordon", on: nodes)
    }
}
