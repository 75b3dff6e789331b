import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import DockerEngine

/// The engine that all tests of this process share, with a small image in it.
///
/// Set JESSICA_TEST_DOCKER to a socket to use that engine; otherwise a private one is started.
actor SharedDocker {
    static let image = "jessica-test/busybox:1"
    private static let shared = SharedDocker()
    private static let counter = Atomic<Int>(0)

    private var starting: Task<DockerDaemon, any Error>?

    static func daemon() async throws -> DockerDaemon { try await shared.start() }

    /// A name that no other test or run uses.
    static func uniqueName(_ stem: String) -> String {
        let number = counter.add(1, ordering: .relaxed).newValue
        return "jt-\(stem)-\(ProcessInfo.processInfo.processIdentifier)-\(number)"
    }

    private func start() async throws -> DockerDaemon {
        if let starting { return try await starting.value }
        let task = Task {
            let given = ProcessInfo.processInfo.environment["JESSICA_TEST_DOCKER"]
            let daemon = try await DockerDaemon.start(givenSocket: given)
            try await DockerEngine.with(
                socketPath: daemon.socketPath, logger: Logger(label: "test")
            ) { try await Self.importImage($0) }
            return daemon
        }
        starting = task
        return try await task.value
    }

    /// The image is busybox twice, as itself and as the shell: commands are `busybox NAME`.
    static func importImage(_ engine: DockerEngine) async throws {
        guard let busybox = FileManager.default.contents(atPath: "/bin/busybox") else {
            throw DaemonUnavailable(description: "install busybox-static: /bin/busybox is missing")
        }
        var writer = TarWriter()
        for name in ["/bin/busybox", "/bin/sh"] {
            try writer.add(.file(name, ByteBuffer(bytes: busybox), mode: 0o755))
        }
        try writer.add(.directory("/tmp", mode: 0o1777))
        try writer.add(.file("/etc/notexec", ByteBuffer(string: "x"), mode: 0o644))
        var call = Call(
            .POST, ["images", "create"],
            query: [("fromSrc", "-"), ("repo", "jessica-test/busybox"), ("tag", "1")])
        call.body = writer.finish()
        _ = try await engine.send(call)
    }
}

/// Runs a test body with a client of the shared engine.
@discardableResult
func withDocker<Result: Sendable>(
    _ body: (DockerEngine, DockerDaemon) async throws -> Result
) async throws -> Result {
    let daemon = try await SharedDocker.daemon()
    return try await DockerEngine.with(
        socketPath: daemon.socketPath, logger: Logger(label: "test")
    ) { try await body($0, daemon) }
}

/// Runs a test body with a container that is removed afterwards.
@discardableResult
func withContainer<Result: Sendable>(
    _ script: String, change: (inout ContainerSpec) -> Void = { _ in },
    _ body: (DockerEngine, String) async throws -> Result
) async throws -> Result {
    try await withDocker { engine, _ in
        var spec = ContainerSpec(image: SharedDocker.image, command: ["/bin/sh", "-c", script])
        spec.networkName = "none"
        spec.labels = ["jessica.test": "1"]
        change(&spec)
        let id = try await engine.create(name: SharedDocker.uniqueName("c"), spec)
        do {
            let result = try await body(engine, id)
            try await engine.remove(id, force: true)
            return result
        } catch {
            try? await engine.remove(id, force: true)
            throw error
        }
    }
}

/// All output of a container.
func output(
    _ engine: DockerEngine, _ id: String, follow: Bool = true
) async throws -> (out: String, err: String) {
    var out = ByteBuffer()
    var err = ByteBuffer()
    for try await chunk in try await engine.logs(id, follow: follow) {
        switch chunk.stream {
        case .stdout: out.writeImmutableBuffer(chunk.bytes)
        case .stderr: err.writeImmutableBuffer(chunk.bytes)
        }
    }
    return (String(buffer: out), String(buffer: err))
}

/// The code of the error a body throws.
func failureCode<Result>(_ body: () async throws -> Result) async -> DockerError.Code? {
    do {
        _ = try await body()
        return nil
    } catch let error as DockerError {
        return error.code
    } catch {
        Issue.record("not a DockerError: \(error)")
        return nil
    }
}

/// A new empty folder that is removed afterwards.
@discardableResult
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/jdt-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
