import ArgumentParser

/// `jctl version`: of this program and, if it can be reached, of the controller.
struct Version: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows the versions of jctl and of the controller.",
        usage: "jctl version [--client]",
        discussion: """
            EXAMPLES:
              jctl version
              jctl version --client
            """)

    @Flag(help: "Only of jctl; asks no controller.")
    var client = false

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        var server: Fetched<ServerVersion>?
        var trouble: CommandError?
        if !client {
            do {
                server = try await session.client().get(
                    ServerVersion.self, Resource("version"), purpose: "ask the controller",
                    timeout: 3)
            } catch let error as CommandError {
                trouble = error
            }
        }
        let shown = JSONValue.dictionary([
            ("client", .dictionary([("version", .string(ClientVersion.text))])),
            ("server", client ? nil : server?.json ?? .null),
        ])
        Printer(session: session, options: output).object(shown) {
            var lines = ["jctl       \(ClientVersion.text)"]
            if let server {
                let commit = server.model.commit.map { " (\($0))" } ?? ""
                let api = server.model.api.map { ", API \($0)" } ?? ""
                lines.append("controller \(server.model.version ?? "unknown")\(commit)\(api)")
            }
            return lines.map { SafeText.line($0) }
        }
        if let trouble { session.note("controller: \(trouble.why ?? trouble.what)") }
    }
}
