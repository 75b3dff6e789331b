import ArgumentParser
import Foundation

/// `jctl run`: a command in an image, on a roamer.
struct Run: Command {
    static let configuration = CommandConfiguration(
        abstract: "Runs a command in any image on a roamer and shows its log.",
        usage: "jctl run --image IMAGE [options] [-- COMMAND…]",
        discussion: """
            EXAMPLES:
              jctl run --image debian:bookworm -- uname -a
              jctl run --image tools:1 --memory 4GB --deadline 10m --out . -- make report
              jctl run --image tools:1 --detach -- ./long-work

            The log goes to stdout; the exit code is the command's own. ^C stops watching,
            not the job.
            """)

    @Option(help: ArgumentHelp("Image to run.", valueName: "image"))
    var image: String

    @Option(help: ArgumentHelp("Memory it needs: 512MiB, 4GB.", valueName: "size"))
    var memory: ByteSize?

    @Option(help: ArgumentHelp("Give it up after this long: 90s, 5m, 1h.", valueName: "duration"))
    var deadline: Interval?

    @Option(help: ArgumentHelp("How often it is tried again; 0 when left out.", valueName: "n"))
    var retries: Int?

    @Option(help: ArgumentHelp("Input as JSON, @FILE, or @- for stdin.", valueName: "json|@file"))
    var input: String = "{}"

    @Option(
        help: ArgumentHelp("Running again with the same key does it once.", valueName: "key"))
    var idempotencyKey: String?

    @Flag(name: .shortAndLong, help: "Show the log until the end (default).")
    var follow = false

    @Flag(name: .shortAndLong, help: "Wait for the end without the log.")
    var wait = false

    @Flag(name: .shortAndLong, help: "Print the job's id and return at once.")
    var detach = false

    @Option(help: ArgumentHelp("Folder for the files the command leaves.", valueName: "dir"))
    var out: String?

    @Argument(parsing: .postTerminator, help: "Command; without one, the image's own.")
    var command: [String] = []

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if [follow, wait, detach].filter({ $0 }).count > 1 {
            throw ValidationError("--follow, --wait and --detach exclude each other")
        }
        if detach, out != nil {
            throw ValidationError(
                "--out and --detach exclude each other; `jctl outputs` saves them later")
        }
        if let retries, retries < 0 { throw ValidationError("--retries \(retries) is negative") }
        if image.isEmpty { throw ValidationError("--image is empty") }
    }

    func execute(_ session: Session) async throws {
        let body = JSONValue.dictionary([
            ("kind", .string("custom")), ("image", .string(image)),
            ("command", command.isEmpty ? nil : .array(command.map { .string($0) })),
            ("input", try JobBody.input(input, session.context)),
            ("memoryBytes", memory.map { .int($0.bytes) }),
            ("deadlineSeconds", deadline.map { .double($0.seconds) }),
            ("retries", retries.map { .int($0) }),
        ])
        let client = try session.client()
        let job = try await client.submit(
            Job.self, Resource("jobs"), body, key: idempotencyKey, purpose: "run \(image)",
            session: session)
        let printer = Printer(session: session, options: output)
        guard !detach else {
            return printer.object(job.json) { [SafeText.line(job.model.id)] }
        }
        session.note("job \(job.model.id)")
        let ended =
            wait
            ? try await JobFollower(session: session, client: client).follow(job.model.id)
            : try await LogFollower(session: session, client: client).follow(job.model.id)
        if output.output.isMachine { printer.object(ended.json) { [] } }
        if let out { try await save(ended.model, to: out, session, client) }
        try end(ended.model, session)
    }

    private func save(
        _ job: Job, to folder: String, _ session: Session, _ client: APIClient
    ) async throws {
        let saver = OutputSaver(session: session, client: client)
        for output in job.outputs ?? [] {
            session.note("saved \(try await saver.save(output, of: job, to: folder))")
        }
    }

    /// The command's own exit code if it has one, else what became of the job.
    private func end(_ job: Job, _ session: Session) throws {
        guard job.state != "succeeded" else { return }
        let failure = JobEnd.failure(job)
        guard job.state == "failed", let code = JobEnd.exitCode(job) else { throw failure }
        for line in failure.lines(debug: global.debug) { session.note(line) }
        throw QuietExit(code: code)
    }
}
