import ArgumentParser
import Foundation

/// `jctl debug`: what helps a maintainer.
struct Debug: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Gathers what a maintainer needs to find what is wrong.",
        usage: "jctl debug bundle [--out FILE.tar.gz]",
        discussion: """
            EXAMPLES:
              jctl debug bundle
              jctl debug bundle --out /tmp/fleet.tar.gz
            """,
        subcommands: [DebugBundle.self])
}

/// `jctl debug bundle`: one file to send.
struct DebugBundle: Command {
    static let configuration = CommandConfiguration(
        commandName: "bundle",
        abstract: "Gathers the fleet's state into one file, without secrets and inputs.",
        usage: "jctl debug bundle [--out FILE.tar.gz]",
        discussion: """
            EXAMPLES:
              jctl debug bundle
              jctl debug bundle --out /tmp/fleet.tar.gz
              tar -tzf jessica-bundle-*.tar.gz       # look at it before you send it

            What could not be had, and why, is in its index.json. Prints the file's path.
            """)

    @Option(
        help: ArgumentHelp("File to write; another one is never replaced.", valueName: "file"),
        completion: .file(extensions: ["gz"]))
    var out: String?

    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let bundle = SupportBundle(session: session, client: try session.client())
        let time = session.context.now().formatted(.iso8601).filter { $0.isLetter || $0.isNumber }
        let name = "jessica-bundle-" + time
        let path = out ?? name + ".tar.gz"
        let file = try OutputFile(
            folder: (path as NSString).deletingLastPathComponent,
            name: (path as NSString).lastPathComponent, mode: 0o600)
        let parts: [BundlePart]
        do {
            parts = try await bundle.gather()
            try file.write(try bundle.archive(parts, name: name))
        } catch {
            file.discard()
            throw error
        }
        let saved = try file.commit()
        let missing = parts.count { $0.text == nil }
        if missing > 0 {
            session.note(
                "\(Humane.count(missing, "part")) could not be had; its index.json says why")
        }
        session.out(SafeText.line(saved))
    }
}
