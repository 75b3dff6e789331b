import ArgumentParser
import Foundation

/// `jctl node`: who is a node of the fleet.
struct Nodes: Command {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Says how a box joins, lists who asks to, admits and bans nodes.",
        usage: """
            jctl node join
            jctl node ls-pending
            jctl node approve NODE… [--key FINGERPRINT]
            jctl node ban NODE…
            """,
        discussion: """
            EXAMPLES:
              jctl node join                               for agent.yaml of a new box
              jctl node ls-pending
              jctl node approve agx-03 agx-04
              jctl node approve agx-03 --key 6dcd4ce2      of several with that name
              jctl node ban agx-03

            Anybody may ask under any name: compare the key with the one in the agent's
            log, or type the command that stands there, which names the key; under the
            name of a node that is connected nobody is admitted without it. A ban makes
            every certificate void that the node was given until now, for ever, and ends
            its connection. Its agent asks anew, and `approve` admits it.
            """)

    private static let actions = ["join", "ls-pending", "approve", "ban"]

    @Argument(help: "join, ls-pending, approve or ban.", completion: .list(Nodes.actions))
    var action: String

    @Argument(help: "The nodes' names.", completion: NameCompletion.ofNodeAction)
    var nodes: [String] = []

    @Option(
        help: ArgumentHelp(
            "The key to approve, or its first 8 digits or more.", valueName: "fingerprint"))
    var key: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        if key != nil, action != "approve" || nodes.count > 1 {
            throw CommandError.usage("--key is for `jctl node approve` of one node")
        }
        let admission = NodeAdmission(session: session, output: output)
        switch action {
        case "join":
            try refuseNames()
            try await admission.sayHowToJoin()
        case "ls-pending":
            try refuseNames()
            try await admission.list()
        case "approve": try await admission.approve(try required(), key: key)
        case "ban": try await admission.ban(try required())
        default:
            throw CommandError.usage(
                "unknown action '\(action)'",
                hint: DidYouMean.hint(action, among: Self.actions)
                    ?? "there are join, ls-pending, approve and ban")
        }
    }

    private func refuseNames() throws {
        guard let first = nodes.first else { return }
        throw CommandError.usage("`node \(action)` takes no name", why: "it was given '\(first)'")
    }

    private func required() throws -> [String] {
        guard !nodes.isEmpty else {
            throw CommandError.usage("`jctl node \(action)` needs a node's name")
        }
        return nodes
    }
}
