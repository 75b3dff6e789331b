import ArgumentParser

/// `jctl logs`: what a job wrote.
struct Logs: Command {
    static let configuration = CommandConfiguration(
        abstract: "Prints a job's log, of all its attempts.",
        usage: "jctl logs [-f] [--attempt N] [--tail N] [--since D] [-t] [--raw] JOB",
        discussion: """
            EXAMPLES:
              jctl logs 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl logs -f 01JD3V5K8Q2M7N4P6R8S0T1V2W    until it ends, over all attempts
              jctl logs -f --tail 20 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl logs -t --since 10m --attempt 1 01JD3V5K8Q2M7N4P6R8S0T1V2W
            """)

    @Argument(help: "The job's id.", completion: NameCompletion.of(.jobs))
    var job: String

    @Flag(name: .shortAndLong, help: "Go on until the job has ended.")
    var follow = false

    @Option(help: ArgumentHelp("Only this attempt, from 1.", valueName: "n"))
    var attempt: Int?

    @Option(help: ArgumentHelp("Only the last lines, of the last attempt.", valueName: "n"))
    var tail: Int?

    @Option(help: ArgumentHelp("Only what was written this lately, as in 10m.", valueName: "d"))
    var since: String?

    @Flag(name: [.customShort("t"), .long], help: "Begin each line with its time.")
    var timestamps = false

    @Flag(help: "Give a terminal the bytes as the job wrote them, colours and all.")
    var raw = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if let attempt, attempt < 1 { throw ValidationError("--attempt counts from 1") }
        if let tail, !(0...100_000).contains(tail) {
            throw ValidationError("--tail is from 0 to 100000")
        }
    }

    func execute(_ session: Session) async throws {
        let wish = LogWish(
            attempt: attempt, tail: tail, since: since, timestamps: timestamps, isRaw: raw)
        let follower = LogFollower(session: session, client: try session.client(), wish: wish)
        guard follow else { return try await follower.printAll(job) }
        let ended = try await follower.follow(job)
        session.note("job \(job) \(ended.model.state ?? "ended")")
    }
}
