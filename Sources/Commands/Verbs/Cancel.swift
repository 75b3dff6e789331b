import ArgumentParser

/// `jctl cancel`: stops jobs.
struct Cancel: Command {
    static let configuration = CommandConfiguration(
        abstract: "Cancels jobs, waiting or running.",
        usage: "jctl cancel JOB…",
        discussion: """
            EXAMPLES:
              jctl cancel 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl get jobs --state queued -o name | xargs jctl cancel
            """)

    @Argument(help: "The jobs' ids.")
    var jobs: [String]

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        try await JobActions(session: session, output: output).act("cancel", on: jobs)
    }
}
