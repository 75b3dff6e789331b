import ArgumentParser

/// `jctl outputs`: what a job made.
struct Outputs: Command {
    static let configuration = CommandConfiguration(
        abstract: "Lists a job's outputs, or saves them.",
        usage: "jctl outputs JOB [--out DIR]",
        discussion: """
            EXAMPLES:
              jctl outputs 01JD3V5K8Q2M7N4P6R8S0T1V2W
              jctl outputs 01JD3V5K8Q2M7N4P6R8S0T1V2W --out pictures   prints the paths
              jctl outputs 01JD3V5K8Q2M7N4P6R8S0T1V2W --out pictures -o json

            A file that exists is kept; the new one is called name-1.
            """)

    @Argument(
        help: "The job's id.", completion: NameCompletion.of(.jobs, state: "succeeded"))
    var job: String

    @Option(help: ArgumentHelp("Folder to save them to.", valueName: "dir"))
    var out: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let client = try session.client()
        let found = try await client.get(
            Job.self, Resource("jobs", job), purpose: "get the outputs of job \(job)")
        let outputs = found.model.outputs ?? []
        guard let out else {
            let printer = Printer(session: session, options: output)
            let empty = "job \(job) is \(found.model.state ?? "unknown") and has no outputs"
            return printer.list(
                found.json["outputs"]?.elements ?? [], next: .null, empty: empty
            ) { OutputTables.outputs(outputs) }
        }
        guard !outputs.isEmpty else {
            throw CommandError(
                .failed, "job \(job) has no outputs",
                why: "it is \(found.model.state ?? "unknown")",
                hint: found.model.isEnded ? nil : "`jctl wait \(job)` waits for its end")
        }
        let saver = OutputSaver(session: session, client: client)
        var saved: [JSONValue] = []
        for (file, shown) in zip(outputs, found.json["outputs"]?.elements ?? []) {
            let path = try await saver.save(file, of: found.model, to: out)
            saved.append(shown.with("path", .string(path)))
            if !output.output.isMachine { session.out(SafeText.line(path)) }
        }
        guard output.output.isMachine else { return }
        Printer(session: session, options: output).list(saved, next: .null, empty: "") {
            OutputTables.outputs(outputs)
        }
    }
}
