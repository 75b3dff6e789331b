import Foundation
import NIOCore
import Testing

@testable import DockerEngine

@Suite("Files in and out of a real container", .timeLimit(.minutes(5)))
struct ArchiveTests {
    private static let limits = ExtractionLimits(maxBytes: 1 << 20, maxFiles: 100)

    @Test("puts the input, runs, and fetches the outputs")
    func job() async throws {
        let script = """
            busybox cat /job/input.json >/job/outputs/copy.json
            busybox mkdir -p /job/outputs/sub/er; echo deep >/job/outputs/sub/er/f
            busybox touch /job/outputs/empty
            L=/job/outputs/$(busybox seq -s- 1 60).txt; echo long >$L
            busybox ln -s /etc/passwd /job/outputs/link
            busybox ln /job/input.json /job/outputs/hard1; busybox ln /job/input.json /job/outputs/hard2
            busybox mkfifo /job/outputs/pipe
            """
        try await withContainer(script) { engine, id in
            try await engine.putFiles(
                id,
                [
                    .directory("/job/outputs", mode: 0o777),
                    .file("/job/input.json", ByteBuffer(string: #"{"prompt":"ü"}"#)),
                ])
            try await engine.start(id)
            #expect(try await engine.wait(id) == 0)
            try await withFolder { folder in
                let result = try await engine.extractArchive(
                    id, path: "/job/outputs", intoDirectory: folder, limits: Self.limits)
                let long = (1...60).map(String.init).joined(separator: "-") + ".txt"
                #expect(
                    result.files.map(\.path)
                        == [long, "copy.json", "empty", "hard1", "sub/er/f"])
                #expect(Set(result.skipped) == ["link", "hard2", "pipe"])
                let copy = FileManager.default.contents(atPath: folder + "/copy.json")
                #expect(copy == Data(#"{"prompt":"ü"}"#.utf8))
            }
        }
    }

    @Test(
        "puts and fetches files of a volume in a read-only root, and takes it away with the container"
    )
    func volume() async throws {
        let labels = ["jt": SharedDocker.uniqueName("volume")]
        let script = """
            busybox cp /job/input.json /job/outputs/copy.json && busybox stat -c '%a %u' /job/outputs
            echo x >/g || echo closed
            """
        try await withContainer(
            script,
            change: {
                $0.readOnlyRootfs = true
                $0.user = "1000:1000"
                $0.volumes = [.init(target: "/job", labels: labels)]
            }
        ) { engine, id in
            try await engine.putFiles(
                id,
                [
                    .file("/input.json", ByteBuffer(string: "{}")),
                    .directory("/outputs", mode: 0o1777),
                ], below: "/job")
            let code = await failureCode {
                try await engine.putFile(id, path: "/a", ByteBuffer())
            }
            #expect(code == .conflict)
            try await engine.start(id)
            #expect(try await engine.wait(id) == 0)
            #expect(try await output(engine, id).out == "1777 0\nclosed\n")
            try await withFolder { folder in
                let found = try await engine.extractArchive(
                    id, path: "/job/outputs", intoDirectory: folder, limits: Self.limits)
                #expect(found.files == [.init(path: "copy.json", size: 2)])
            }
            let volumes = try await engine.listVolumes(labels: labels)
            #expect(volumes.count == 1)
            let busy = await failureCode {
                for volume in volumes { try await engine.removeVolume(volume) }
            }
            #expect(busy == .conflict)
            try await engine.remove(id, force: true)
            #expect(try await engine.listVolumes(labels: labels).isEmpty)
            for volume in volumes { try await engine.removeVolume(volume) }
        }
    }

    @Test("puts files with their mode and owner, and a file over a megabyte")
    func put() async throws {
        try await withContainer("busybox stat -c '%a %u %g %s' /d/x /d/y; busybox md5sum /d/y") {
            engine, id in
            let big = ByteBuffer(repeating: 7, count: 5_000_001)
            try await engine.putFiles(
                id,
                [
                    .file("/d/x", ByteBuffer(string: "1"), mode: 0o750, user: 1000, group: 1001),
                    .file("/d/y", big),
                ])
            try await engine.putFile(id, path: "/tmp/z", ByteBuffer(string: "z"))
            try await engine.start(id)
            #expect(try await engine.wait(id) == 0)
            let text = try await output(engine, id).out
            #expect(text.hasPrefix("750 1000 1001 1\n644 0 0 5000001\n"))
            let code = await failureCode {
                try await withFolder { folder in
                    try await engine.extractArchive(
                        id, path: "/d", intoDirectory: folder,
                        limits: ExtractionLimits(maxBytes: 5_000_001, maxFiles: 10))
                }
            }
            #expect(code == .tooLarge)
            try await withFolder { folder in
                let result = try await engine.extractArchive(
                    id, path: "/d/y", intoDirectory: folder,
                    limits: ExtractionLimits(maxBytes: 5_000_001, maxFiles: 1))
                #expect(result.files == [.init(path: "y", size: 5_000_001)])
            }
        }
    }

    @Test("names a missing container, path and folder")
    func missing() async throws {
        try await withContainer("exit 0") { engine, id in
            let put = await failureCode {
                try await engine.putFile("jt-none", path: "/a", ByteBuffer())
            }
            #expect(put == .notFound)
            try await withFolder { folder in
                let path = await failureCode {
                    try await engine.extractArchive(
                        id, path: "/no/such", intoDirectory: folder, limits: Self.limits)
                }
                #expect(path == .notFound)
                let here = await failureCode {
                    try await engine.extractArchive(
                        id, path: "/tmp", intoDirectory: folder + "/none", limits: Self.limits)
                }
                #expect(here == .other)
            }
        }
        try await withContainer("exit 0", change: { $0.readOnlyRootfs = true }) { engine, id in
            let code = await failureCode {
                try await engine.putFile(id, path: "/a", ByteBuffer())
            }
            #expect(code == .conflict)
        }
    }

    @Test("a handler's own error comes through")
    func handlerFails() async throws {
        struct Mine: Error {}
        try await withContainer("exit 0") { engine, id in
            await #expect(throws: Mine.self) {
                try await engine.getArchive(id, path: "/bin") { _ in throw Mine() }
            }
        }
    }
}
