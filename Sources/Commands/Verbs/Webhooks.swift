import ArgumentParser
import Foundation
import NIOHTTP1

/// `jctl webhook`: addresses that events are delivered to.
struct Webhooks: Command {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Lists the addresses that events are delivered to, adds, tests or removes one.",
        usage: """
            jctl webhook [ls]
            jctl webhook create NAME --url URL [--topics TOPIC,…]
            jctl webhook test NAME
            jctl webhook rm NAME
            """,
        discussion: """
            EXAMPLES:
              jctl webhook create hooks --url https://example.org/jessica
              jctl webhook test hooks       deliver something now
              jctl webhook ls -o wide

            `create` prints the secret that deliveries are signed with, this once. Topics:
            jobs plans nodes roamers pods fleet tokens webhooks all job:ID plan:ID
            node:NAME
            """)

    @Argument(help: "ls, create, test or rm.", completion: .list(Webhooks.actions))
    var action: String = "ls"

    @Argument(
        help: "The webhook's name.", completion: NameCompletion.of(Resource("webhooks")))
    var name: String?

    @Option(help: ArgumentHelp("Where deliveries go.", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp("What is delivered, all when left out.", valueName: "topic,…"))
    var topics: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    fileprivate static let actions = ["ls", "create", "test", "rm"]

    func execute(_ session: Session) async throws {
        if action != "create", url != nil || topics != nil {
            throw CommandError.usage("--url and --topics are for `jctl webhook create`")
        }
        switch action {
        case "ls": try await list(session)
        case "create": try await create(session)
        case "test": try await test(session)
        case "rm":
            let name = try required()
            _ = try await session.client().send(
                .init(
                    method: .DELETE, resource: Resource("webhooks", name),
                    purpose: "remove webhook \(name)"))
            session.note("webhook '\(name)' is removed")
        default:
            throw CommandError.usage(
                "unknown action '\(action)'",
                hint: DidYouMean.hint(action, among: Self.actions)
                    ?? "there are ls, create, test and rm")
        }
    }

    private func required() throws -> String {
        guard let name else { throw CommandError.usage("`webhook \(action)` needs a name") }
        return name
    }

    private func list(_ session: Session) async throws {
        if let name {
            throw CommandError.usage("`webhook ls` takes no name", why: "it was given '\(name)'")
        }
        let list = try await session.client().list(
            Webhook.self, Resource("webhooks"), purpose: "list webhooks")
        Printer(session: session, options: output).list(
            list.items.map(\.json), next: list.next,
            empty: "no webhooks; `jctl webhook create` adds one"
        ) { WebhookTables.webhooks(list.items.map(\.model)) }
    }

    private func create(_ session: Session) async throws {
        let name = try required()
        guard let url else { throw CommandError.usage("the webhook '\(name)' needs a --url") }
        let wanted = topics?.split(separator: ",").map { JSONValue.string(String($0)) }
        let body = JSONValue.dictionary([
            ("name", .string(name)), ("url", .string(url)), ("topics", wanted.map { .array($0) }),
        ])
        let made = try await session.client().post(
            Webhook.self, Resource("webhooks"), body, purpose: "create webhook \(name)")
        Printer(session: session, options: output).object(made.json) {
            [SafeText.line(made.model.secret ?? "-")]
        }
        session.note("webhook '\(name)' is made; its secret is shown this once")
    }

    private func test(_ session: Session) async throws {
        let name = try required()
        let test = try await session.client().post(
            WebhookTest.self, Resource("webhooks", name, "test"), nil,
            purpose: "test webhook \(name)")
        let took = Humane.duration(test.model.seconds)
        Printer(session: session, options: output).object(test.json) {
            guard test.model.delivered else { return [] }
            return ["taken with \(test.model.status ?? 0) after \(took)"]
        }
        guard test.model.delivered else {
            throw CommandError(
                .failed, "webhook '\(name)' did not take the test",
                why: test.model.error)
        }
    }
}
