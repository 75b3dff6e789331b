import Foundation

@testable import Telemetry

/// A folder that goes when it is not used any more; it can stand for `/`.
final class Scratch: Sendable {
    let path: String
    var tree: SystemTree { SystemTree(root: path) }

    init() throws {
        path = FileManager.default.temporaryDirectory.path() + "telemetry-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file with the folders it is in.
    func write(_ name: String, _ text: String, isProgram: Bool = false) throws {
        let file = URL(filePath: path + name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
        if isProgram {
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: path + name)
        }
    }

    /// Writes several files.
    func write(_ files: [String: String]) throws {
        for (name, text) in files { try write(name, text) }
    }
}
