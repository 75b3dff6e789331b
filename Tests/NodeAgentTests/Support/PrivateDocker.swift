import DockerEngine
import Foundation
import Logging
import Testing

/// A reason why tests that need a Docker Engine cannot run.
struct DockerUnavailable: Error, CustomStringConvertible {
    let description: String
}

/// A Docker Engine for the tests of this process, with a small image in it.
///
/// Set JESSICA_TEST_DOCKER to a socket to use that engine. Otherwise a private one is started in a network
/// namespace of its own; it dies with this process, because its shell waits for the end of its input.
actor PrivateDocker {
    static let image = "jessica-agent-test/busybox:1"
    /// The same with the label of an image that needs no root folder it can write to.
    static let readOnlyImage = "jessica-agent-test/busybox:read-only"
    private static let shared = PrivateDocker()
    private var starting: Task<String, any Error>?
    private var input: Pipe?

    /// The engine's socket.
    static func socket() async throws -> String { try await shared.start() }

    private func start() async throws -> String {
        if let starting { return try await starting.value }
        let task = Task { try await self.prepare() }
        starting = task
        return try await task.value
    }

    private func prepare() async throws -> String {
        let given = ProcessInfo.processInfo.environment["JESSICA_TEST_DOCKER"]
        let folder = "/tmp/jna-docker-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let socket = given ?? folder + "/docker.sock"
        if given == nil { try run(folder) }
        try await waitFor(socket, folder)
        try importImage(socket, folder)
        if given != nil { try FileManager.default.removeItem(atPath: folder) }
        return socket
    }

    private func run(_ folder: String) throws {
        let script = """
            D=\(folder)
            ip link set lo up
            # As on a Jetson by name; it runs containers as runc does, and shows no GPU.
            R=$(command -v runc)
            dockerd --host unix://$D/docker.sock --data-root $D/root --exec-root $D/exec \
                --pidfile $D/pid --iptables=false ${R:+--add-runtime nvidia=$R} >$D/dockerd.log 2>&1 & P=$!
            cat >/dev/null
            kill $P; wait $P; umount -l $D/root; rm -rf $D
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["unshare", "--net", "--mount", "sh", "-c", script]
        let pipe = Pipe()
        process.standardInput = pipe
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        input = pipe
    }

    private func waitFor(_ socket: String, _ folder: String) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(90))
        try await DockerEngine.with(socketPath: socket, logger: quiet) { engine in
            while (try? await engine.ping()) == nil {
                guard deadline > .now else {
                    let log =
                        (try? String(contentsOfFile: folder + "/dockerd.log", encoding: .utf8))
                        ?? ""
                    throw DockerUnavailable(
                        description: """
                            These tests need a Docker Engine: install docker.io, iproute2 and \
                            util-linux and run as root, or set JESSICA_TEST_DOCKER to a socket.
                            \(log.suffix(2_000))
                            """)
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// The image is busybox, as itself and as the shell: commands are `busybox NAME`.
    private func importImage(_ socket: String, _ folder: String) throws {
        let script = """
            set -e
            D=\(folder)/image
            mkdir -p $D/bin $D/tmp; chmod 1777 $D/tmp
            cp /bin/busybox $D/bin/busybox; cp /bin/busybox $D/bin/sh
            tar -C $D -c . | docker -H unix://\(socket) import - \(Self.image)
            tar -C $D -c . | docker -H unix://\(socket) import \
                --change 'LABEL jessica.read-only=true' - \(Self.readOnlyImage)
            rm -rf $D
            """
        try runScript(script)
    }
}

/// Runs a shell script to its end; throws its words when it fails.
func runScript(_ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    let pipe = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = pipe
    try process.run()
    let words = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw DockerUnavailable(description: String(decoding: words, as: UTF8.self))
    }
}
