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
        func policy(_ models: String?, needed: Bool) async throws -> ContainerPolicy {
            try await DockerEngine.with(socketPath: path + "/docker.sock", logger: quiet) {
                try await HostFacts(
                    engine: $0, models: models.map { ModelsFolder(path: $0) }, memoryMax: 1 << 30,
                    devices: DeviceRules(), logger: quiet
                ).policy(network: "n", gpu: .none, needsModels: needed)
            }
        }
        let mount = ModelsMount(source: path, target: path)
        #expect(try await policy(path, needed: true).models == mount)
        #expect(try await policy(path + "/none", needed: false).models == nil)
        let failure = await #expect(throws: Failure.self) {
            try await policy(path + "/none", needed: true)
        }
        #expect(failure?.message == "the models are not there: \(path)/none is no folder here")
        // An agent that was told of no folder must not start the worker without a word.
        #expect(try await policy(nil, needed: false).models == nil)
        let unset = await #expect(throws: Failure.self) { try await policy(nil, needed: true) }
        #expect(unset?.code == .startFailed)
        #expect(unset?.message.contains("`models.mount`") == true)
    }

    @Test("Containers get the folder that links lead to, unless it is one of the system")
    func links() async throws {
        let path = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        func link(_ name: String, to end: String) throws -> String {
            try FileManager.default.createSymbolicLink(
                atPath: "\(path)/\(name)", withDestinationPath: end)
            return "\(path)/\(name)"
        }
        let folder = path + "/real"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false)
        let good = try link("good", to: folder)
        let mount = try await ModelsFolder(path: good).mount().get()
        #expect(mount == ModelsMount(source: folder, target: good))
        for end in ["/etc", "/", "/proc/self", "/home"] {
            let bad = ModelsFolder(path: try link("bad" + end.filter(\.isLetter), to: end))
            let failure = await #expect(throws: Failure.self) { try await bad.mount().get() }
            #expect(failure?.message.contains("folder of the system") == true, "\(end)")
            #expect(await bad.trouble()?.action.contains("nothing but models") == true)
        }
        // A socket that lies in it by another name.
        #expect(FileManager.default.createFile(atPath: folder + "/docker.sock", contents: nil))
        let socket = try link("docker.sock", to: folder + "/docker.sock")
        let holding = await ModelsFolder(path: good, apartFrom: [socket]).mount()
        #expect(throws: Failure.self) { try holding.get() }
    }

    @Test(
        "Folders of the system are nobody's models",
        arguments: [
            "/", "//", "/.", "/etc", "/etc/jessica", "/root/models", "/home", "/home/", "/proc/1",
            "/sys", "/dev/shm", "/boot", "/usr", "/usr/lib", "/bin", "/lib", "/lib64", "/run",
            "/var/run", "/var", "/var/lib", "/var/lib/docker/volumes", "/mnt/../etc", "/mnt/state",
            "/mnt", "mnt/models", "/etc/\u{301}x", "/mnt/state/agent/attempts", "/usr/share",
        ])
    func system(_ path: String) {
        #expect(MountRules.refusal(of: path, holding: ["/mnt/state/agent"]) != nil)
    }

    @Test(
        "Others may be",
        arguments: [
            "/mnt/models", "/home/me/models", "/srv", "/data/etc", "/etcetera", "/mnt/state/models",
            "/mnt/state/agent2", "/usr/share/ollama/.ollama/models",
        ])
    func others(_ path: String) {
        #expect(MountRules.refusal(of: path, holding: ["/mnt/state/agent"]) == nil)
    }

    @Test("Docker that is not there is a trouble, and the folder beside it")
    func docker() async throws {
        let path = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await DockerEngine.with(socketPath: path + "/docker.sock", logger: quiet) { engine in
            let checks = SelfChecks(
                engine: engine, models: ModelsFolder(path: path + "/none"),
                joins: NetworkJoins(engine: engine, logger: quiet))
            #expect(checks.troubles.isEmpty)
            await checks.look()
            #expect(checks.troubles.map(\.name) == ["docker", "models"])
            #expect(checks.troubles[0].action.contains("systemctl status docker"))
        }
    }
}
