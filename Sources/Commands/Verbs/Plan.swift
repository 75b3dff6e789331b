import ArgumentParser

/// `jctl plan`: what applying a file would change.
struct Plan: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a fleet file would change.",
        usage: "jctl plan -f FILE",
        discussion: """
            EXAMPLES:
              jctl plan -f cluster.yaml
              jctl plan -f cluster.yaml && echo "nothing to do"

            Exits 0 when nothing would change, 1 when something would, 2 or more on errors.
            """)

    @OptionGroup var file: FleetFileOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let changes: FleetChanges
        do {
            changes = try await FleetFile(session: session, options: file, output: output)
                .post(dryRun: true)
        } catch var error as CommandError {
            // 1 means "would change" here, so no failure may look like it.
            if error.status == .failed { error.status = .usage }
            throw error
        }
        if !(changes.changes ?? []).isEmpty { throw QuietExit(code: ExitStatus.failed.rawValue) }
    }
}
