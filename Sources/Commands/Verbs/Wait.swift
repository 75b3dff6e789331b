import ArgumentParser
import Foundation

/// `jctl wait`: until jobs are where they should be.
struct Wait: Command {
    static let configuration = CommandConfiguration(
        abstract: "Waits for jobs to end or to reach a state.",
        usage: "jctl wait JOB… | plan PLAN… [--for STATE] [--timeout DURATION]",
        discussion: """
            EXAMPLES:
              jctl wait 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl wait --timeout 10m JOB1 JOB2
              jctl wait plan 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl wait --for running JOB && jctl logs -f JOB

            Exits 0 when all are there, 1 when one failed or was cancelled, 8 when time is
            up.
            """)

    @Argument(
        help: "The jobs' ids.", completion: NameCompletion.of(.jobs, state: "active"))
    var jobs: [String]

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("ended (default), running, succeeded, failed…", valueName: "state"))
    var goal: String = "ended"

    @Option(help: ArgumentHelp("Give up after this long: 90s, 5m, 1h.", valueName: "duration"))
    var timeout: Interval?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        // kubectl's way to write it is understood too.
        let name = (goal.hasPrefix("state=") ? String(goal.dropFirst(6)) : goal).lowercased()
        guard name == "ended" || Job.states.contains(name) else {
            throw CommandError.usage(
                "unknown state '\(goal)'",
                why: "there are ended, " + Job.states.joined(separator: ", "),
                hint: DidYouMean.hint(name, among: ["ended"] + Job.states))
        }
        let deadline = session.deadline(after: timeout)
        if let plans = try Noun.plans(named: jobs) {
            guard name == "ended" else {
                throw CommandError.usage("a plan is waited for to its end")
            }
            return try await wait(for: plans, deadline, session)
        }
        let follower = JobFollower(
            session: session, client: try session.client(),
            isShown: session.context.console.errIsTerminal)
        let printer = Printer(session: session, options: output)
        var failures: [Job] = []
        for id in jobs {
            let job = try await follower.follow(
                id, to: name == "ended" ? .ended : .state(name), deadline: deadline)
            printer.object(job.json) {
                [SafeText.line("\(job.model.id) \(job.model.state ?? "unknown")")]
            }
            if !Self.isGood(job.model, name) { failures.append(job.model) }
        }
        guard let first = failures.first else { return }
        if name == "ended" { throw JobEnd.failure(first) }
        throw CommandError(
            .failed, "job \(first.id) did not become \(name)", why: "it \(Self.verb(first))",
            hint: "`jctl describe job \(first.id)` shows its way")
    }

    private func wait(
        for plans: [String], _ deadline: Date?, _ session: Session
    ) async throws {
        let follower = PlanFollower(session: session, client: try session.client())
        let printer = Printer(session: session, options: output)
        var ended: [WorkPlan] = []
        for id in plans {
            let plan = try await follower.follow(id, deadline: deadline)
            printer.object(plan.json) {
                [SafeText.line("\(plan.model.id) \(plan.model.state ?? "unknown")")]
            }
            ended.append(plan.model)
        }
        for plan in ended { try PlanFollower.check(plan) }
    }

    private static func isGood(_ job: Job, _ goal: String) -> Bool {
        switch goal {
        case "failed", "cancelled": job.state == goal
        default: !job.isEnded || job.state == "succeeded"
        }
    }

    private static func verb(_ job: Job) -> String {
        job.state == "cancelled" ? "was cancelled" : job.state ?? "ended"
    }
}
