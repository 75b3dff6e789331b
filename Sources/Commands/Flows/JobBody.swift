import ArgumentParser
import Foundation

/// Parts of a job's body that come from the command line.
enum JobBody {
    private static let byteLimit = 16 << 20

    /// Reads the input, a JSON object: given itself, as `@FILE`, or as `@-` for stdin.
    static func input(_ text: String, _ context: Context) throws -> JSONValue {
        var source = "--input"
        var data = Data(text.utf8)
        if text.hasPrefix("@") {
            source = String(text.dropFirst())
            data = try read(source, context)
        }
        let value: JSONValue
        do {
            value = try JSONParser.parse(data)
        } catch {
            throw CommandError.usage(
                "\(source) is no JSON", why: "\(error)",
                hint: #"quote it for the shell: --input '{"prompt": "a sunset"}'"#)
        }
        guard case .object = value else {
            throw CommandError.usage("\(source) is no JSON object", hint: "it starts with {")
        }
        return value
    }

    /// The bytes of a file, or of stdin for `-`.
    static func read(_ path: String, _ context: Context) throws -> Data {
        if path == "-" { return try context.console.readIn(limit: byteLimit) }
        guard let data = FileManager.default.contents(atPath: path) else {
            let exists = FileManager.default.fileExists(atPath: path)
            throw CommandError.usage(
                "cannot read \(path)", why: exists ? "permission denied" : "there is no such file")
        }
        guard data.count <= byteLimit else {
            throw CommandError.usage("\(path) is too large", why: "at most \(byteLimit >> 20) MiB")
        }
        return data
    }

    /// Labels from `name=value`; nil without any.
    static func labels(_ texts: [String]) throws -> JSONValue? {
        guard !texts.isEmpty else { return nil }
        return .object(
            try texts.map { text in
                guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                    throw ValidationError("--label '\(text)' is not NAME=VALUE")
                }
                let value = String(text[text.index(after: equals)...])
                return .init(String(text[..<equals]), .string(value))
            })
    }
}
