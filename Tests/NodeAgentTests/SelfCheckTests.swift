import DockerEngine
import FleetCore
import Foundation
import Testing

@testable import NodeAgent

@Suite("What a box lacks")
struct SelfCheckTests {
    private static func folder() throws -> String {
        let path = NSTemporaryDirectory() + "jessica-models-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test("A folder of models is fine with something in it, and told of when empty or not there")
    func models() async throws {
        let path = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let models = ModelsFolder(path: path)
        let empty = try #require(await models.trouble())
        #expect(empty.name == "models" && empty.message.contains("is empty"))
        #expect(empty.action.contains("mount"))
        #expect(FileManager.default.createFile(atPath: path + "/sdxl.safetensors", contents: nil))
        #expect(await models.trouble() == nil)
        let missing = try #require(await ModelsFolder(path: path + "/none").trouble())
        #expect(missing.message.contains("is no folder here"))
    }

    @Test("A container that needs models is refused where they are not, and another has no mount")
    func mounted() async throws {
        let path = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        func policy(_ models: String, needed: Bool) async throws -> ContainerPolicy {
            try await DockerEngine.with(socketPath: path + "/docker.sock", logger: quiet) {
                try await HostFacts(
                    engine: $0, models: ModelsFolder(path: models), logger: quiet
                ).policy(network: "n", needsGPU: false, needsModels: needed)
            }
        }
        #expect(try await policy(path, needed: true).models == path)
        #expect(try await policy(path + "/none", needed: false).models == nil)
        let failure = await #expect(throws: Failure.self) {
            try await policy(path + "/none", needed: true)
        }
        #expect(failure?.message == "the models are not there: \(path)/none is no folder here")
    }

    @Test("Docker that is not there is a trouble, and the folder beside it")
    func docker() async throws {
        let path = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await DockerEngine.with(socketPath: path + "/docker.sock", logger: quiet) { engine in
            let checks = SelfChecks(
                engine: engine, models: ModelsFolder(path: path + "/none"))
            #expect(checks.troubles.isEmpty)
            await checks.look()
            #expect(checks.troubles.map(\.name) == ["docker", "models"])
            #expect(checks.troubles[0].action.contains("systemctl status docker"))
        }
    }
}
