import ArgumentParser

/// `jctl cancel`: stops jobs.
struct Cancel: Command {
    static let configuration = CommandConfiguration(
        abstract: "Cancels jobs, waiting or running.",
        usage: """
            jctl cancel JOB… | plan PLAN…
            jctl cancel --state STATE --kind KIND … (--yes | --dry-run)
            """,
        discussion: """
            EXAMPLES:
              jctl cancel 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl cancel --state queued --kind image --dry-run
              jctl cancel plan 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl cancel --label album=summer --since 24h --yes
            """)

    @Argument(
        help: "The jobs' ids.", completion: NameCompletion.of(.jobs, state: "active"))
    var jobs: [String] = []

    @OptionGroup var selection: JobSelection

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        if let plans = try Noun.plans(named: jobs) {
            return try await PlanActions(session: session, output: output).act("cancel", on: plans)
        }
        try await JobActions(session: session, output: output).act(
            "cancel", on: jobs, or: selection)
    }
}
