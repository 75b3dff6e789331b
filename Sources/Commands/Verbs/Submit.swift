import ArgumentParser
import Foundation

/// `jctl submit`: an explicit job.
struct Submit: Command {
    static let configuration = CommandConfiguration(
        abstract: "Submits a job of a kind with its input; prints its id.",
        usage: "jctl submit --kind KIND [--input JSON|@FILE] [options]",
        discussion: """
            EXAMPLES:
              jctl submit --kind image --input '{"prompt": "a sunset"}' --wait --out .
              jctl submit --kind voice --input @speech.json --priority 5
              echo '{"text": "hi"}' | jctl submit --kind text --input @- --deadline 5m
            """)

    @Option(help: "image, video, voice, audio, text, vision, personality or custom.")
    var kind: String

    @Option(help: ArgumentHelp("Input as JSON, @FILE, or @- for stdin.", valueName: "json|@file"))
    var input: String = "{}"

    @Option(
        help: ArgumentHelp("Cluster that shall do it.", valueName: "name"),
        completion: NameCompletion.of(.clusters))
    var cluster: String?

    @Option(
        help: ArgumentHelp("Template a roamer shall become for it.", valueName: "name"),
        completion: NameCompletion.of(.templates))
    var template: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("From -10 to 10; higher goes first.", valueName: "n"))
    var priority: Int?

    @Option(
        help: ArgumentHelp("Give the job up after this long: 90s, 5m, 1h.", valueName: "duration"))
    var deadline: Interval?

    @Option(help: ArgumentHelp("How often it is tried again.", valueName: "n"))
    var retries: Int?

    @Option(
        help: ArgumentHelp("Submitting again with the same key does it once.", valueName: "key"))
    var idempotencyKey: String?

    @Option(
        help: ArgumentHelp("Start only after this job succeeded (repeatable).", valueName: "job"))
    var after: [String] = []

    @Option(help: ArgumentHelp("Label to find it by (repeatable).", valueName: "name=value"))
    var label: [String] = []

    @OptionGroup var waiting: WaitOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if let priority, !(-10...10).contains(priority) {
            throw ValidationError("--priority \(priority) is not from -10 to 10")
        }
        if let retries, retries < 0 { throw ValidationError("--retries \(retries) is negative") }
        if kind.isEmpty { throw ValidationError("--kind is empty") }
        _ = try JobBody.labels(label)
    }

    func execute(_ session: Session) async throws {
        let body = JSONValue.dictionary([
            ("kind", .string(kind)), ("input", try JobBody.input(input, session.context)),
            ("cluster", cluster.map { .string($0) }), ("template", template.map { .string($0) }),
            ("priority", priority.map { .int($0) }),
            ("deadlineSeconds", deadline.map { .double($0.seconds) }),
            ("retries", retries.map { .int($0) }),
            ("after", after.isEmpty ? nil : .array(after.map { .string($0) })),
            ("labels", try JobBody.labels(label)),
        ])
        let job = try await session.client().submit(
            Job.self, Resource("jobs"), body, key: idempotencyKey, purpose: "submit the job",
            pause: session.context.pause)
        try await SubmittedJob(session: session, waiting: waiting, output: output)
            .finish(job.model, shown: job.json)
    }
}
