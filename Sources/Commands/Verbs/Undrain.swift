import ArgumentParser

/// `jctl undrain`: ends a drain.
struct Undrain: Command {
    static let configuration = CommandConfiguration(
        abstract: "Ends the draining of nodes, so that they take work again.",
        usage: "jctl undrain NODE…",
        discussion: """
            EXAMPLES:
              jctl undrain agx-03
            """)

    @Argument(help: "The nodes' names.", completion: NameCompletion.of(.nodes))
    var nodes: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        try await NodeActions(session: session, output: output).act("undrain", on: nodes)
    }
}
