import Foundation

/// Reads small text files.
package enum TextFile {
    /// The text of a regular file of at most `limit` bytes of UTF-8; the error says what is wrong with the file.
    package static func read(
        _ path: String, limit: Int = YamlReader.byteLimit
    ) throws(TextProblem) -> String {
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: resolved)
        } catch {
            throw TextProblem("the file does not exist or cannot be looked at")
        }
        // A pipe or a device could block or never end.
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw TextProblem("is not a regular file")
        }
        guard let handle = FileHandle(forReadingAtPath: resolved) else {
            throw TextProblem("the file cannot be opened; check its permissions")
        }
        defer { try? handle.close() }
        let data: Data
        do {
            data = try handle.read(upToCount: limit + 1) ?? Data()
        } catch {
            throw TextProblem("the file cannot be read")
        }
        guard data.count <= limit else {
            throw TextProblem("the file is larger than \(SizeText.format(Int64(limit)))")
        }
        guard let text = String(bytes: data, encoding: .utf8) else {
            throw TextProblem("the file is not UTF-8 text")
        }
        return text
    }

    /// Whether there is anything at that path.
    package static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }
}
