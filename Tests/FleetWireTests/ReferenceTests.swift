import FleetCore
import FleetWire
import Foundation
import Testing

extension WireSuite {
    /// The same messages through Google's own implementation, where it is installed.
    @Suite struct ReferenceTests {
        static let protoc = "/usr/bin/protoc"
        static let protos = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Protos").standardizedFileURL.path
        static let isInstalled = [
            protoc, "/usr/include/google/protobuf/descriptor.proto",
            "/usr/include/protobuf-c/protobuf-c.proto", protos + "/fleet.proto",
        ].allSatisfy(FileManager.default.fileExists(atPath:))

        /// Reads the bytes as text and writes the text as bytes again.
        func reference(_ bytes: [UInt8], _ envelope: String) throws -> [UInt8] {
            let folder = FileManager.default.temporaryDirectory
                .appending(path: "jessica-wire-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let input = folder.appending(path: "in")
            let output = folder.appending(path: "out")
            try Data(bytes).write(to: input)
            let arguments = "-I \"$1\" -I /usr/include \"$1/fleet.proto\""
            let process = Process()
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments = [
                "-c",
                "set -e; \(Self.protoc) --decode=jessica.v1.\(envelope) \(arguments) <\"$2\" >\"$3.t\";"
                    + "\(Self.protoc) --encode=jessica.v1.\(envelope) \(arguments) <\"$3.t\" >\"$3\"",
                "sh", Self.protos, input.path, output.path,
            ]
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            return [UInt8](try Data(contentsOf: output))
        }

        @Test(.enabled(if: isInstalled))
        func `protoc writes the same bytes`() throws {
            var generator = MessageGenerator(seed: 9)
            for _ in 0..<60 {
                let agent = try WireCodec.encode(generator.agentMessage())
                #expect(try reference(agent, "AgentEnvelope") == agent)
                let controller = try WireCodec.encode(generator.controllerMessage())
                #expect(try reference(controller, "ControllerEnvelope") == controller)
            }
        }
    }
}
