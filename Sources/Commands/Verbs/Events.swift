import ArgumentParser
import Foundation

/// `jctl events`: what happened, and what happens.
struct Events: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows what happened; with -f, what happens.",
        usage: "jctl events [-f] [--since DURATION] [--job ID] [--node NAME] [options]",
        discussion: """
            EXAMPLES:
              jctl events --since 10m
              jctl events -f --node agx-11
              jctl events -f --type roamer.state -o jsonl
            """)

    @Flag(name: .shortAndLong, help: "Go on until ^C.")
    var follow = false

    @Option(help: ArgumentHelp("Only this far back: 90s, 5m, 1h.", valueName: "duration"))
    var since: Interval?

    @Option(help: ArgumentHelp("Only of this job.", valueName: "id"))
    var job: String?

    @Option(help: ArgumentHelp("Only of this node.", valueName: "name"))
    var node: String?

    @Option(help: ArgumentHelp("Only of this type, such as job.state.", valueName: "type"))
    var type: String?

    @Option(help: ArgumentHelp("At most the newest so many; 0 is all.", valueName: "n"))
    var limit: Int = 200

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit \(limit) is negative") }
    }

    func execute(_ session: Session) async throws {
        let follower = EventFollower(
            session: session, job: job, node: node, type: type, output: output)
        guard follow else {
            return try await follower.showPast(since: since?.seconds, limit: limit)
        }
        var after: String?
        if let since {
            let past = try await follower.past(since: since.seconds, limit: limit)
            for event in past { follower.show(event) }
            after = past.last?.model.seq.map(String.init)
        }
        try await follower.follow(after: after)
    }
}
