import ArgumentParser

/// `jctl apply`: makes a file the desired fleet.
struct Apply: Command {
    static let configuration = CommandConfiguration(
        abstract: "Makes a file the fleet that Jessica keeps up.",
        usage: "jctl apply -f FILE [--dry-run]",
        discussion: """
            EXAMPLES:
              jctl apply -f cluster.yaml
              jctl apply -f cluster.yaml --dry-run
              generate | jctl apply -f -

            A file with mistakes changes nothing; every mistake is named, and the exit code
            is 2.
            """)

    @OptionGroup var file: FleetFileOptions

    @Flag(help: "Only show what would change.")
    var dryRun = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        _ = try await FleetFile(session: session, options: file, output: output)
            .post(dryRun: dryRun)
    }
}
