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

    /// The items of a list of jobs: a JSON object on each line.
    static func items(_ path: String, _ context: Context) throws -> JSONValue {
        let source = path == "-" ? "stdin" : path
        var items: [JSONValue] = []
        let lines = try read(path, context).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() where !line.allSatisfy(isSpace) {
            let value = try? JSONParser.parse(Data(line))
            guard case .object? = value, let value else {
                throw CommandError.usage("line \(number + 1) of \(source) is no JSON object")
            }
            items.append(value)
        }
        guard !items.isEmpty else { throw CommandError.usage("\(source) has no items") }
        return .array(items)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0D].contains(byte) }

    /// The bytes of a file, or of stdin for `-`.
    static func read(_ path: String, _ context: Context) throws -> Data {
        if path == "-" { return try context.console.readIn(limit: byteLimit) }
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            data = try readAll(file)
        } catch {
            throw CommandError.usage("cannot read \(path)", why: reason(path))
        }
        guard data.count <= byteLimit else {
            throw CommandError.usage("\(path) is too large", why: "at most \(byteLimit >> 20) MiB")
        }
        return data
    }

    /// To the end or just beyond the limit; of a pipe each read gives what is there.
    private static func readAll(_ file: FileHandle) throws -> Data {
        var data = Data()
        while data.count <= byteLimit, let more = try file.read(upToCount: 65_536), !more.isEmpty {
            data.append(more)
        }
        return data
    }

    private static func reason(_ path: String) -> String {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
            return "there is no such file"
        }
        let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
        return isFolder ? "it is a folder" : "permission denied"
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
