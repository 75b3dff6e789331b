import Foundation

/// Access tokens, which live in files only: flags and variables can be read by others.
enum Credentials {
    private static let byteLimit = 16_384

    /// The token in the file: its one line.
    static func token(in file: String, _ context: Context) throws -> String {
        var path = file
        if path.hasPrefix("~/"), let home = context.variable("HOME") {
            path = home + path.dropFirst(1)
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(
                .notAuthorised, "cannot read the token file \(file)",
                why: FileManager.default.fileExists(atPath: path)
                    ? "permission denied" : "there is no such file")
        }
        let token = String(decoding: data, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let isWellFormed = token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard !token.isEmpty, isWellFormed, data.count <= byteLimit else {
            throw CommandError(
                .notAuthorised, "cannot use the token file \(file)",
                why: token.isEmpty ? "it is empty" : "it holds more than one token")
        }
        warnIfReadable(path, context)
        return token
    }

    private static func warnIfReadable(_ path: String, _ context: Context) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0
        guard mode & 0o077 != 0 else { return }
        context.console.writeErr(
            SafeText.line("jctl: warning: others can read \(path); run chmod 600 on it") + "\n")
    }
}
