import ArgumentParser

/// `jctl logs`: what a job wrote.
struct Logs: Command {
    static let configuration = CommandConfiguration(
        abstract: "Prints a job's log.",
        usage: "jctl logs [-f] [--attempt N] JOB",
        discussion: """
            EXAMPLES:
              jctl logs 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl logs -f 01JD3V5K8Q2M7N4P6R8S0T1V2W    until it ends, over all attempts
              jctl logs --attempt 1 01JD3V5K8Q2M7N4P6R8S0T1V2W
            """)

    @Argument(help: "The job's id.")
    var job: String

    @Flag(name: .shortAndLong, help: "Go on until the job has ended.")
    var follow = false

    @Option(help: ArgumentHelp("Only this attempt, from 1.", valueName: "n"))
    var attempt: Int?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if let attempt, attempt < 1 { throw ValidationError("--attempt counts from 1") }
    }

    func execute(_ session: Session) async throws {
        let follower = LogFollower(session: session, client: try session.client())
        guard follow else { return try await follower.printAll(job, attempt: attempt) }
        let ended = try await follower.follow(job, attempt: attempt)
        session.note("job \(job) \(ended.model.state ?? "ended")")
    }
}
