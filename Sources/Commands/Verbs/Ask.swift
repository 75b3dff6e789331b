import ArgumentParser
import Foundation

/// `jctl ask`: natural language in, result out.
struct Ask: Command {
    static let configuration = CommandConfiguration(
        abstract: "Asks in plain words; Jessica chooses who does it.",
        usage: "jctl ask TEXT… [--wait] [--out DIR] [--session NAME]",
        discussion: """
            EXAMPLES:
              jctl ask "Generate an image of a sunset"
              jctl ask "Generate an image of a sunset" --wait --out pictures
              jctl ask "Say hello in a deep voice" --wait --out .
              jctl ask --session kitchen "and now louder" --wait

            Without --wait it prints the job's id. With it, short texts are printed, and
            files are saved to --out; their paths are printed.
            """)

    @Argument(help: ArgumentHelp("What you want; - reads it from stdin.", valueName: "text"))
    var text: [String]

    @Option(help: ArgumentHelp("Conversation it belongs to.", valueName: "name"))
    var session: String?

    @Option(
        help: ArgumentHelp("Asking again with the same key does it once.", valueName: "key"))
    var idempotencyKey: String?

    @OptionGroup var waiting: WaitOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        var words = text.joined(separator: " ")
        if words == "-" {
            words = String(
                decoding: try session.context.console.readIn(limit: 1 << 20), as: UTF8.self)
        }
        guard !words.allSatisfy(\.isWhitespace) else {
            throw CommandError.usage("there is nothing to ask", hint: "jctl ask \"Paint a sunset\"")
        }
        let body = JSONValue.dictionary([
            ("text", .string(words)), ("session", self.session.map { .string($0) }),
        ])
        let answer = try await session.client().submit(
            RequestAnswer.self, Resource("requests"), body, key: idempotencyKey, purpose: "do this",
            session: session)
        if let understood = answer.model.understood { session.note(Self.reading(understood)) }
        try await SubmittedJob(session: session, waiting: waiting, output: output).finish(
            answer.model.job, shown: answer.json)
    }

    /// `understood: image, for cluster vision (it asks for a picture)`.
    private static func reading(_ understood: RequestAnswer.Understood) -> String {
        let cluster = understood.cluster.map { ", for cluster \($0)" } ?? ""
        let why = understood.why.map { " (\($0))" } ?? ""
        return "understood: \(understood.kind ?? "a job")\(cluster)\(why)"
    }
}
