import ArgumentParser
import Foundation

/// `jctl context`: the controllers that are known by name.
struct Contexts: Command {
    static let configuration = CommandConfiguration(
        commandName: "context",
        abstract: "Lists the controllers known by name, chooses one, adds or removes one.",
        usage: """
            jctl context [ls]
            jctl context use NAME
            jctl context set NAME --endpoint URL [--token-file F] [--ca-file F]
            jctl context rm NAME
            """,
        discussion: """
            EXAMPLES:
              jctl context set home --endpoint https://spark:8443 \\
                --token-file ~/.config/jctl/home.token --ca-file ~/.config/jctl/home.crt
              jctl context use home
              jctl get nodes --context lab

            They are kept in ~/.config/jctl/config.yaml (JCTL_CONFIG names another file).
            """)

    @Argument(help: "ls, use, set or rm.", completion: .list(["ls", "use", "set", "rm"]))
    var action: String = "ls"

    @Argument(help: "The context's name.", completion: NameCompletion.contexts)
    var name: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let context = session.context
        var file = try ConfigFile.load(context) ?? ConfigFile()
        switch action {
        case "ls":
            return list(file, session)
        case "use":
            let name = try required()
            _ = try file.context(name)
            file.current = name
            try file.save(context)
            let other = ["JCTL_CONTEXT", "JCTL_ENDPOINT"].first { context.variable($0) != nil }
            session.note(
                other.map { "'\(name)' is chosen, but \($0) is set and goes before it" }
                    ?? "jctl talks to '\(name)' now")
        case "set":
            let name = try required()
            guard let endpoint = global.endpoint else {
                throw CommandError.usage("the context '\(name)' needs an --endpoint")
            }
            _ = try Endpoint.parseAddress(endpoint, home: context.variable("HOME"))
            let before = file.contexts?[name]
            file.contexts = file.contexts ?? [:]
            file.contexts?[name] = .init(
                endpoint: Self.absolute(endpoint, context),
                tokenFile: global.tokenFile.map { Self.absolute($0, context) } ?? before?.tokenFile,
                caFile: global.caFile.map { Self.absolute($0, context) } ?? before?.caFile)
            if file.current == nil { file.current = name }
            try file.save(context)
            session.note("context '\(name)' is \(endpoint)")
        case "rm":
            let name = try required()
            _ = try file.context(name)
            file.contexts?[name] = nil
            if file.current == name { file.current = nil }
            try file.save(context)
            session.note("context '\(name)' is removed")
        default:
            throw CommandError.usage(
                "unknown action '\(action)'",
                hint: DidYouMean.hint(action, among: ["ls", "use", "set", "rm"])
                    ?? "there are ls, use, set and rm")
        }
    }

    /// A path that means the same from every folder; what is no path stays as it is.
    private static func absolute(_ text: String, _ context: Context) -> String {
        if text.hasPrefix("~/"), let home = context.variable("HOME") {
            return home + text.dropFirst(1)
        }
        guard !text.contains("://"), !text.hasPrefix("/"), !text.hasPrefix("unix:"),
            text.contains("/")
        else { return text }
        return FileManager.default.currentDirectoryPath + "/" + text
    }

    private func required() throws -> String {
        guard let name else { throw CommandError.usage("`context \(action)` needs a name") }
        guard name.utf8.allSatisfy({ ConfigFile.nameBytes.contains($0) }), name.utf8.count <= 64
        else {
            throw CommandError.usage(
                "'\(name)' is no name for a context", hint: "letters, digits, - _ .")
        }
        return name
    }

    private func list(_ file: ConfigFile, _ session: Session) {
        let entries = (file.contexts ?? [:]).sorted { $0.key < $1.key }
        let items = entries.map { name, entry in
            JSONValue.object(
                [
                    .init("name", .string(name)), .init("endpoint", .string(entry.endpoint)),
                    .init("current", .bool(name == file.current)),
                ]
                    + [("tokenFile", entry.tokenFile), ("caFile", entry.caFile)].compactMap {
                        key, path in
                        path.map { .init(key, .string($0)) }
                    })
        }
        Printer(session: session, options: output).list(
            items, next: .null, empty: "no contexts; `jctl context set` adds one"
        ) {
            Table(
                columns: [
                    .init("NAME"), .init("CURRENT"), .init("ENDPOINT", shrinksTo: 16),
                    .init("TOKEN", shrinksTo: 8),
                ],
                rows: entries.map { name, entry in
                    [name, name == file.current ? "*" : "", entry.endpoint, entry.tokenFile ?? "-"]
                })
        }
    }
}
