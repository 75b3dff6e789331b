import Foundation
import Yams

/// `~/.config/jctl/config.yaml`: controllers by name.
struct ConfigFile: Codable {
    var current: String?
    var contexts: [String: Entry]?

    /// One controller.
    struct Entry: Codable {
        var endpoint: String
        var tokenFile: String?
        var caFile: String?
        /// Where it was found, for messages.
        var origin: String { "context" }
    }

    /// The file's path: `JCTL_CONFIG`, else in `XDG_CONFIG_HOME`, else in `~/.config`.
    static func path(_ context: Context) -> String {
        if let path = context.variable("JCTL_CONFIG") { return path }
        let folder =
            context.variable("XDG_CONFIG_HOME") ?? (context.variable("HOME") ?? "") + "/.config"
        return folder + "/jctl/config.yaml"
    }

    /// What the name of a context is made of.
    static let nameBytes = Set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.".utf8)

    /// Writes the file, for its owner only; nobody ever sees half of it.
    func save(_ context: Context) throws {
        let path = Self.path(context)
        let url = URL(fileURLWithPath: path)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let encoder = YAMLEncoder()
            encoder.options.sortKeys = true
            try Data(encoder.encode(self).utf8).write(to: url, options: .atomic)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: path)
        } catch {
            throw CommandError(
                .failed, "cannot write \(path)", why: error.localizedDescription)
        }
    }

    /// Reads the file; nil when there is none.
    static func load(_ context: Context) throws -> ConfigFile? {
        let path = path(context)
        guard let data = FileManager.default.contents(atPath: path) else {
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            // Without it another controller would be asked, and its contexts would be written over.
            throw CommandError.usage(
                "cannot read \(path)", why: "it is no file, or permission is denied")
        }
        do {
            return try YAMLDecoder().decode(ConfigFile.self, from: data)
        } catch {
            throw CommandError.usage(
                "cannot read \(path)", why: Self.reason(error),
                hint: "it holds `current: NAME` and `contexts: {NAME: {endpoint: URL}}`")
        }
    }

    /// The named context, else the current one; nil when neither is named.
    func context(_ name: String?) throws -> Entry? {
        guard let name = name ?? current else { return nil }
        if let entry = contexts?[name] { return entry }
        let names = (contexts ?? [:]).keys.sorted()
        throw CommandError.usage(
            "no context '\(name)'",
            why: "there is " + (names.isEmpty ? "none" : names.joined(separator: ", ")),
            hint: DidYouMean.hint(name, among: names))
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .keyNotFound(let key, _): return "'\(key.stringValue)' is missing"
        case .typeMismatch(_, let at), .valueNotFound(_, let at), .dataCorrupted(let at):
            let path = at.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? at.debugDescription : "'\(path)' has a wrong value"
        @unknown default: return "\(error)"
        }
    }
}
