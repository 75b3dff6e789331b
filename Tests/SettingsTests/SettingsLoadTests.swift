import Foundation
import Settings
import Testing

@Suite struct SettingsLoadTests {
    private let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("settings-\(UUID().uuidString)")

    private func source(default path: String? = nil) -> SettingsSource {
        SettingsSource([
            SettingSpec("config", .path, default: path, inFile: false, help: "The file."),
            SettingSpec("port", .int(1...9), default: "5", help: "The port."),
        ])
    }

    @Test func readsTheFileThatIsNamed() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("a.yaml").path
        try "port: 7\n".write(toFile: path, atomically: true, encoding: .utf8)
        let link = folder.appendingPathComponent("link.yaml").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)

        let byFlag = source().load(arguments: ["--config", path], environment: [:])
        #expect(byFlag.settings?.int("port") == 7)
        let byVariable = source().load(arguments: [], environment: ["JESSICA_CONFIG": link])
        #expect(byVariable.settings?.int("port") == 7)
        #expect(
            source(default: path).load(arguments: [], environment: [:]).settings?.int("port") == 7)
        #expect(
            source().load(arguments: ["--port", "8"], environment: [:]).settings?.int("port") == 8)

        try "port: 10\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(
            source().load(arguments: ["--config", path], environment: [:]).mistakes.map(
                \.description)
                == ["\(path):1: port: must be a whole number from 1 to 9, is 10"])
    }

    @Test func missingFiles() throws {
        let missing = folder.appendingPathComponent("none.yaml").path
        #expect(source(default: missing).load(arguments: [], environment: [:]).settings != nil)
        let outcome = source().load(arguments: ["--config", missing, "extra"], environment: [:])
        #expect(outcome.settings == nil)
        #expect(
            outcome.mistakes.map(\.description) == [
                "\"extra\": unexpected argument",
                "\(missing): the file does not exist or cannot be looked at",
            ])
    }

    @Test func strangeFilesAreRefused() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: TextProblem("is not a regular file")) { try TextFile.read(folder.path) }
        #expect(throws: TextProblem("is not a regular file")) { try TextFile.read("/dev/zero") }
        let path = folder.appendingPathComponent("x").path
        try Data([0x61, 0xFF]).write(to: URL(fileURLWithPath: path))
        #expect(throws: TextProblem("the file is not UTF-8 text")) { try TextFile.read(path) }
        try Data(repeating: 0x61, count: 11).write(to: URL(fileURLWithPath: path))
        #expect(throws: TextProblem("the file is larger than 10B")) {
            try TextFile.read(path, limit: 10)
        }
        #expect(try TextFile.read(path, limit: 11).count == 11)
    }
}
