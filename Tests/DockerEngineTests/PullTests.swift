import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import DockerEngine

@Suite("Pulling from a real registry", .timeLimit(.minutes(5)))
struct PullTests {
    /// Pushes the shared image under a new name and removes it here; returns the name.
    private func push(_ engine: DockerEngine, _ daemon: DockerDaemon) async throws -> String {
        let repository = "127.0.0.1:\(daemon.registryPort)/\(SharedDocker.uniqueName("img"))"
        // A change, so that the layer is the registry's and not one that is here already.
        var spec = ContainerSpec(image: SharedDocker.image, command: ["/bin/sh"])
        spec.labels = ["jessica.test": "1"]
        let id = try await engine.create(name: SharedDocker.uniqueName("mk"), spec)
        let bytes = (0..<3_000_000).map { _ in UInt8.random(in: 0...255) }
        try await engine.putFile(id, path: "/random", ByteBuffer(bytes: bytes))
        _ = try await engine.send(
            Call(
                .POST, ["commit"],
                query: [("container", id), ("repo", repository), ("tag", "1")]
            ).json(.object([:])))
        try await engine.remove(id)
        var call = Call(.POST, ["images", repository, "push"], query: [("tag", "1")])
        call.headers.append(("X-Registry-Auth", "e30="))
        let answer = String(buffer: try await engine.send(call).body)
        #expect(!answer.contains("errorDetail"), "\(answer)")
        _ = try await engine.send(Call(.DELETE, ["images", "\(repository):1"]))
        return repository
    }

    @Test("pulls what is there, with progress, by tag and by digest")
    func present() async throws {
        try await withDocker { engine, daemon in
            let repository = try await push(engine, daemon)
            #expect(try await engine.inspectImage("\(repository):1") == nil)
            let seen = Mutex<[PullProgress]>([])
            let auth = RegistryAuth(username: "u", password: "p", serverAddress: "127.0.0.1")
            let info = try await engine.pull(image: "\(repository):1", registryAuth: auth) {
                progress in seen.withLock { $0.append(progress) }
            }
            #expect(info.id.hasPrefix("sha256:") && info.size > 3_000_000)
            #expect(!info.architecture.isEmpty)
            let digest = try #require(info.repoDigests.first)
            #expect(digest.hasPrefix(repository + "@sha256:"))
            let progress = seen.withLock { $0 }
            #expect(progress.last?.phase == "complete")
            #expect(progress.last?.layersDone == 2 && progress.last?.layersTotal == 2)
            #expect((progress.last?.bytesTotal ?? 0) > 2_900_000)
            #expect(progress.last?.bytesDone == progress.last?.bytesTotal)
            #expect(
                zip(progress, progress.dropFirst()).allSatisfy { $0.layersDone <= $1.layersDone })
            #expect(try await engine.pull(image: digest).id == info.id)
            #expect(try await engine.inspectImage(info.id) == info)
            _ = try await engine.send(Call(.DELETE, ["images", info.id], query: [("force", "1")]))
        }
    }

    @Test("tells a missing tag, a missing repository and an unreachable registry apart")
    func failures() async throws {
        try await withDocker { engine, daemon in
            let repository = try await push(engine, daemon)
            let tag = await failureCode { try await engine.pull(image: "\(repository):2") }
            #expect(tag == .imageNotFound)
            let name = "127.0.0.1:\(daemon.registryPort)/jt-none"
            #expect(await failureCode { try await engine.pull(image: name) } == .imageNotFound)
            let down = await failureCode { try await engine.pull(image: "127.0.0.1:9/x:1") }
            #expect(down == .registryUnreachable)
            let bad = await failureCode { try await engine.pull(image: "UPPER/x:1") }
            #expect(bad == .invalidArgument)
            #expect(try await engine.inspectImage("\(repository):2") == nil)
        }
    }
}
