import ArgumentParser
import Foundation

/// `jctl submit`: an explicit job.
struct Submit: Command {
    static let configuration = CommandConfiguration(
        abstract: "Submits a job, the same for many inputs, or a plan; prints its id.",
        usage: """
            jctl submit --kind KIND [--input JSON|@FILE] [--file FIELD=PATH] …
            jctl submit --kind KIND [--count N | --items FILE] [--at-once N] …
            jctl submit --plan FILE …
            """,
        discussion: """
            EXAMPLES:
              jctl submit --kind image --input '{"prompt": "a sunset"}' --wait --out .
              jctl submit --kind voice --input @speech.json --priority 5
              jctl submit --kind vision --file image=cat.jpg --wait
              jctl submit --kind image --items prompts.jsonl --at-once 2
              jctl submit --plan postcard.yaml --wait --out postcard
              echo '{"text": "hi"}' | jctl submit --kind text --input @- --deadline 5m

            A plan is a file with steps, each of which may name in `after` those it waits
            for, and take an output of one as an input: {"prompt": {"$from":
            "poem.text"}}. See docs/plans.md.
            """)

    @Option(help: "image, video, voice, audio, text, vision, personality or custom.")
    var kind: String?

    @Option(help: ArgumentHelp("A plan in YAML or JSON; - is stdin.", valueName: "file"))
    var plan: String?

    @Option(
        help: ArgumentHelp(
            "So many jobs; {\"$index\": true} in the input is the number.", valueName: "n"))
    var count: Int?

    @Option(
        help: ArgumentHelp("A job for each line of JSON, added to the input.", valueName: "file"))
    var items: String?

    @Option(help: ArgumentHelp("At most so many of them run at once.", valueName: "n"))
    var atOnce: Int?

    @Option(
        help: ArgumentHelp("A file as a field of the input (repeatable).", valueName: "field=path"))
    var file: [String] = []

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

    @Option(help: ArgumentHelp("How often it is tried again: 2, custom jobs 0.", valueName: "n"))
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
        switch (kind, plan) {
        case (nil, nil): throw ValidationError("say what to do: --kind, or --plan")
        case (.some, .some): throw ValidationError("--kind and --plan exclude each other")
        case (let kind?, nil) where kind.isEmpty: throw ValidationError("--kind is empty")
        default: break
        }
        if count != nil, items != nil {
            throw ValidationError("--count and --items exclude each other")
        }
        if atOnce != nil, count == nil, items == nil, plan == nil {
            throw ValidationError("--at-once goes with --count, --items or --plan")
        }
        if plan != nil, !file.isEmpty || count != nil || items != nil || input != "{}" {
            throw ValidationError("a plan has its inputs in its file")
        }
        if plan != nil,
            cluster != nil || template != nil || deadline != nil || retries != nil || !after.isEmpty
        {
            throw ValidationError(
                "--cluster, --template, --deadline, --retries and --after are said of each step in its file"
            )
        }
        let fields = file.map { $0.prefix { $0 != "=" } }
        guard Set(fields).count == fields.count else {
            throw ValidationError("each --file has a field of its own")
        }
        _ = try JobBody.labels(label)
    }

    func execute(_ session: Session) async throws {
        let actions = PlanActions(session: session, output: output)
        if let plan {
            var body = try PlanFile.read(plan, session.context)
            body = body.with("labels", try JobBody.labels(label))
                .with("priority", priority.map { .int($0) })
            if let atOnce { body = body.with("maxRunning", .int(atOnce)) }
            return try await actions.submit(body, key: idempotencyKey, waiting: waiting)
        }
        // The files come under it too, so that the same command asks for the same.
        let key = idempotencyKey ?? APIClient.newKey()
        let body = try await body(session, key)
        if count != nil || items != nil {
            let step = body.with("name", .string(kind ?? "job")).with(
                "count", count.map { .int($0) }
            )
            .with("items", try items.map { try JobBody.items($0, session.context) })
            .with("maxRunning", atOnce.map { .int($0) })
            return try await actions.submit(
                .object([.init("onFailure", .string("continue")), .init("steps", .array([step]))]),
                key: key, waiting: waiting)
        }
        let job = try await session.client().submit(
            Job.self, Resource("jobs"), body, key: key, purpose: "submit the job", session: session)
        try await SubmittedJob(session: session, waiting: waiting, output: output)
            .finish(job.model, shown: job.json)
    }

    private func body(_ session: Session, _ key: String) async throws -> JSONValue {
        var input = try JobBody.input(input, session.context)
        if !file.isEmpty {
            let upload = InputUpload(
                session: session, client: try session.client(), key: key,
                isRepeat: idempotencyKey != nil)
            for text in file {
                let (field, value) = try await upload.upload(text)
                input = input.with(field, value)
            }
        }
        return JSONValue.dictionary([
            ("kind", .string(kind ?? "")), ("input", input),
            ("cluster", cluster.map { .string($0) }), ("template", template.map { .string($0) }),
            ("priority", priority.map { .int($0) }),
            ("deadlineSeconds", deadline.map { .double($0.seconds) }),
            ("retries", retries.map { .int($0) }),
            ("after", after.isEmpty ? nil : .array(after.map { .string($0) })),
            ("labels", try JobBody.labels(label)),
        ])
    }
}
