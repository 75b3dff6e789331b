import DockerEngine
import FleetCore
import Foundation
import NIOCore
import Testing
import WorkerContracts

@testable import NodeAgent

/// Files that a cog worker has left in its container, taken out of it by a real Docker Engine.
@Suite(.timeLimit(.minutes(3))) struct CollectorTests {
    private let key = AttemptKey(job: "J", number: 1)
    private let worker = WorkerID("w")
    private let labels = NodeLabels(fleet: "t\(UInt32.random(in: 0 ... .max))", node: "agx-01")

    private static let script = """
        busybox mkdir /tmp/x /tmp/y
        busybox printf 'one\\000' >/tmp/x/out.png
        busybox printf 'another' >/tmp/y/out.png
        busybox ln -s /tmp/x/out.png /tmp/link.png
        echo ready
        while :; do busybox sleep 1; done
        """

    private func file(_ name: String, _ path: String) -> ContainerFile {
        ContainerFile(name: name, contentType: "image/png", path: path)
    }

    /// Runs a body with an engine, a container whose worker has left files and runs on, and folders.
    private func withWorker(
        _ image: String, _ body: (DockerEngine, String, AttemptFolders) async throws -> Void
    ) async throws {
        let socket = try await PrivateDocker.socket()
        try await withFolder { folder in
            try await DockerEngine.with(socketPath: socket, logger: quiet) { engine in
                let info = try await engine.inspectImage(image)
                // Without a network it needs none of ours.
                let policy = ContainerPolicy(
                    network: "none", models: nil, gpu: .none, memoryMax: 64 << 20)
                let wanted = WorkerSpec(
                    image: image, contract: .cog, command: ["/bin/sh", "-c", Self.script])
                let spec = try policy.worker(
                    wanted, image: image, imageLabels: info?.labels ?? [:],
                    labels: labels.labels(worker, wanted), device: { _ in nil })
                let id = try await engine.create(name: labels.name(worker), spec)
                let result: Result<Void, any Error>
                do {
                    try await engine.start(id)
                    try await expectReady(engine, id)
                    try await body(engine, id, AttemptFolders(root: folder))
                    result = .success(())
                } catch {
                    result = .failure(error)
                }
                try await engine.remove(id, force: true)
                #expect(try await engine.listVolumes(labels: labels.common).isEmpty)
                try result.get()
            }
        }
    }

    /// Waits for the word that a container says when its files are there.
    private func expectReady(_ engine: DockerEngine, _ id: String) async throws {
        var said = ""
        for try await piece in try await engine.logs(id, follow: true) {
            said += String(buffer: piece.bytes)
            if said.contains("ready\n") { return }
        }
        Issue.record("the container ended: \(said)")
    }

    @Test(arguments: [PrivateDocker.image, PrivateDocker.readOnlyImage])
    func `files of one name come each under its own`(image: String) async throws {
        try await withWorker(image) { engine, container, folders in
            let scratch = try await folders.makeScratch(key)
            try await Collector(engine: engine, folders: folders).copy(
                [file("output-0.png", "/tmp/x/out.png"), file("output-1.png", "/tmp/y/out.png")],
                container: container, into: scratch)
            try await folders.publish(scratch, key)
            let listed = try await folders.list(key)
            #expect(listed.map(\.name) == ["output-0.png", "output-1.png"])
            let bytes = try listed.compactMap { try DurableFile.read($0.path) }
            #expect(bytes == [Array("one\0".utf8), Array("another".utf8)])
            // Nor is anything left beside them.
            let beside = try FileManager.default.contentsOfDirectory(atPath: folders.path(key))
            #expect(beside == ["outputs"])
        }
    }

    @Test func `a link is no file, and what is too large is not taken`() async throws {
        try await withWorker(PrivateDocker.image) { engine, container, folders in
            let scratch = try await folders.makeScratch(key)
            let link = await #expect(throws: Failure.self) {
                try await Collector(engine: engine, folders: folders).copy(
                    [file("link.png", "/tmp/link.png")], container: container, into: scratch)
            }
            #expect(link?.code == .workFailed && link?.message.contains("/tmp/link.png") == true)
            // Room for either of them, and not for both.
            let bounded = Collector(engine: engine, folders: folders, bytesMax: 10)
            let large = await #expect(throws: DockerError.self) {
                try await bounded.copy(
                    [file("0.png", "/tmp/x/out.png"), file("1.png", "/tmp/y/out.png")],
                    container: container, into: scratch)
            }
            #expect(large?.code == .tooLarge)
            let taken = try FileManager.default.contentsOfDirectory(atPath: scratch)
            #expect(taken == ["0.png"])
        }
    }
}
