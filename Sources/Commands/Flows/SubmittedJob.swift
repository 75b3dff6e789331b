import ArgumentParser
import Foundation

/// Whether and how to wait for a job that was just submitted.
struct WaitOptions: ParsableArguments, Sendable {
    @Flag(name: .shortAndLong, help: "Wait for the end and print the results.")
    var wait = false

    @Option(help: ArgumentHelp("Folder for the results (implies --wait).", valueName: "dir"))
    var out: String?

    @Option(
        help: ArgumentHelp("Give up waiting after this long: 90s, 5m, 1h.", valueName: "duration"))
    var timeout: Interval?

    func validate() throws {
        // Whoever means the job's own time would think that it has one.
        guard timeout == nil || wait || out != nil else {
            throw ValidationError(
                "--timeout goes with --wait or --out; it is --deadline that ends a job")
        }
    }
}

/// The way on from a submitted job: its id, or its results.
struct SubmittedJob {
    let session: Session
    let waiting: WaitOptions
    let output: OutputOptions

    /// Prints the id, or waits and prints the results; throws if the job fails.
    func finish(_ job: Job, shown: JSONValue) async throws {
        let printer = Printer(session: session, options: output)
        guard waiting.wait || waiting.out != nil else {
            if output.output == .name { return session.out(SafeText.line(job.id)) }
            return printer.object(shown) { [SafeText.line(job.id)] }
        }
        let client = try session.client()
        if !session.context.console.errIsTerminal { session.note("job \(job.id)") }
        let deadline = session.deadline(after: waiting.timeout)
        let ended = try await JobFollower(session: session, client: client)
            .follow(job.id, deadline: deadline)
        if output.output.isMachine { printer.object(ended.json) { [] } }
        try JobEnd.check(ended.model)
        session.farewell = ["interrupted; `jctl outputs \(job.id)` gets the results"]
        let saver = OutputSaver(session: session, client: client)
        guard output.output.isMachine else {
            return try await saver.deliver(ended.model, to: waiting.out)
        }
        guard let folder = waiting.out else { return }
        for output in ended.model.outputs ?? [] {
            session.note("saved \(try await saver.save(output, of: ended.model, to: folder))")
        }
    }
}
