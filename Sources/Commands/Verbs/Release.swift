import ArgumentParser

/// `jctl release`: takes roamers back into the pool.
struct Release: Command {
    static let configuration = CommandConfiguration(
        abstract: "Takes roamers back into the pool; their jobs finish first.",
        usage: "jctl release NODE…",
        discussion: """
            EXAMPLES:
              jctl release agx-11
            """)

    @Argument(help: "The roamers' names.", completion: NameCompletion.of(.roamers))
    var nodes: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        for node in nodes {
            try await RoamerActions(session: session, output: output).act("release", on: node, nil)
        }
    }
}
