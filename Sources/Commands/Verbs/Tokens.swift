import ArgumentParser
import Foundation
import NIOHTTP1

/// `jctl token`: who may use the API.
struct Tokens: Command {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Makes, lists and removes tokens of the API.",
        usage: """
            jctl token create NAME [--role ROLE] [--submitter NAME] [--expires D]
            jctl token ls
            jctl token rm NAME
            """,
        discussion: """
            EXAMPLES:
              jctl token create alice-laptop --submitter alice > alice.token
              jctl token create grafana --role viewer --expires never
              jctl token rm alice-laptop

            A token is shown once. Roles: a viewer looks; a submitter submits, and acts on
            their own work; an operator acts on all jobs, nodes and roamers; an admin
            applies the fleet, admits and bans nodes, and makes tokens, webhooks and
            backups. Jobs count for the submitter, whatever token they came with.
            """)

    private static let actions = ["create", "ls", "rm"]

    @Argument(help: "create, ls or rm.", completion: .list(Tokens.actions))
    var action: String

    @Argument(help: "The token's name.", completion: NameCompletion.of(.tokens))
    var name: String?

    @Option(
        help: ArgumentHelp("viewer, submitter (default), operator or admin.", valueName: "role"),
        completion: .list(["viewer", "submitter", "operator", "admin"]))
    var role: String?

    @Option(help: ArgumentHelp("For whom its jobs count; the token's name.", valueName: "name"))
    var submitter: String?

    @Option(
        help: ArgumentHelp(
            "How long it holds: 30d (90d when left out), never.", valueName: "duration"))
    var expires: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let client = try session.client()
        let printer = Printer(session: session, options: output)
        switch action {
        case "create":
            let body = JSONValue.dictionary([
                ("name", .string(try required())), ("role", role.map { .string($0) }),
                ("submitter", submitter.map { .string($0) }),
                ("expiresInSeconds", try life()),
            ])
            let made = try await client.post(
                Token.self, Resource("tokens"), body, purpose: "make the token")
            printer.object(made.json) { [SafeText.line(made.model.token ?? "-")] }
            if session.context.console.errIsTerminal {
                session.note(
                    "it is not shown again; `jctl token rm \(made.model.name)` takes it back")
            }
        case "ls":
            try await Listings.tokens(nil).show(session, printer)
        case "rm":
            let name = try required()
            let call = APIClient.Call(
                method: .DELETE, resource: Resource("tokens", name), purpose: "remove token \(name)"
            )
            _ = try await client.send(call)
            session.note("token \(name) lets nobody in any more")
        default:
            throw CommandError.usage(
                "unknown action '\(action)'",
                hint: DidYouMean.hint(action, among: Self.actions) ?? "there are create, ls and rm")
        }
    }

    private func required() throws -> String {
        guard let name else { throw CommandError.usage("`jctl token \(action)` needs a name") }
        return name
    }

    private func life() throws -> JSONValue? {
        guard let expires else { return nil }
        if expires == "never" { return .null }
        guard let span = Interval(argument: expires), span.seconds >= 1 else {
            throw CommandError.usage(
                "--expires '\(expires)' is neither a time such as 30d nor never")
        }
        return .int(Int(span.seconds))
    }
}
