import ArgumentParser

/// A verb of jctl, parsed by ArgumentParser and run by the runner with a session.
protocol Command: AsyncParsableCommand, Sendable {
    /// The options every verb takes.
    var global: GlobalOptions { get }
    /// Does the work; throws a `CommandError` with the exit code.
    func execute(_ session: Session) async throws
}

extension Command {
    /// Only the runner runs commands, since they need a session.
    mutating func run() async throws {
        throw CleanExit.helpRequest(self)
    }
}

/// The root: names every verb, does nothing itself.
struct Jctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jctl",
        abstract: "Asks Jessica for work and looks after its fleet.",
        discussion: """
            EXAMPLES:
              jctl ask "Generate an image of a sunset" --wait --out pictures
              jctl get jobs --state queued
              jctl assign agx-11 --template sdxl-worker --for 1h
              jctl plan -f cluster.yaml && jctl top

            The controller is --endpoint, else JCTL_ENDPOINT, else the current context of
            ~/.config/jctl/config.yaml, else the local socket.

            EXIT CODES: 0 ok, 1 failed, 2 usage, 4 not authorised, 5 not found,
            6 conflict, 7 controller unreachable, 8 timed out, 130 interrupted
            """,
        version: ClientVersion.text,
        groupedSubcommands: [
            CommandGroup(name: "Work", subcommands: [Ask.self, Submit.self, Run.self]),
            CommandGroup(
                name: "Look",
                subcommands: [
                    Get.self, Describe.self, Status.self, Top.self, Logs.self, Outputs.self,
                    Wait.self, Events.self,
                ]),
            CommandGroup(name: "Jobs", subcommands: [Cancel.self, Retry.self]),
            CommandGroup(name: "Roamers", subcommands: [Assign.self, Release.self]),
            CommandGroup(
                name: "Nodes",
                subcommands: [
                    Cordon.self, Uncordon.self, Drain.self, Undrain.self, Nodes.self,
                ]),
            CommandGroup(name: "Fleet", subcommands: [Plan.self, Apply.self]),
            CommandGroup(
                name: "Other",
                subcommands: [
                    Doctor.self, Debug.self, Audit.self, Backup.self, Restore.self, Tokens.self,
                    Webhooks.self,
                    Contexts.self,
                    Completion.self, Version.self,
                ]),
        ])
}
