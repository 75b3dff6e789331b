import ArgumentParser

/// `jctl retry`: tries jobs again.
struct Retry: Command {
    static let configuration = CommandConfiguration(
        abstract: "Tries failed or cancelled jobs again, as a new attempt.",
        usage: """
            jctl retry JOB… | plan PLAN…
            jctl retry --state STATE --kind KIND … (--yes | --dry-run)
            """,
        discussion: """
            EXAMPLES:
              jctl retry 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl retry --state failed --kind image --dry-run
              jctl retry plan 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl retry --label album=summer --since 24h --yes
            """)

    @Argument(
        help: "The jobs' ids.", completion: NameCompletion.of(.jobs, state: "failed,cancelled"))
    var jobs: [String] = []

    @OptionGroup var selection: JobSelection

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        if let plans = try Noun.plans(named: jobs) {
            return try await PlanActions(session: session, output: output).act("retry", on: plans)
        }
        try await JobActions(session: session, output: output).act("retry", on: jobs, or: selection)
    }
}
