import Foundation
import Yams

/// `~/.config/jctl/config.yaml`: controllers by name.
struct ConfigFile: Decodable {
    var current: String?
    var contexts: [String: Entry]?

    /// One controller.
    struct Entry: Decodable {
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

    /// Reads the file; nil when there is none.
    static func load(_ context: Context) throws -> ConfigFile? {
        let path = path(context)
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
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
