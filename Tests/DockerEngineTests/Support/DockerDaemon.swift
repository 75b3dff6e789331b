import Foundation
import Logging

@testable import DockerEngine

/// A reason why tests that need a Docker Engine cannot run.
struct DaemonUnavailable: Error, CustomStringConvertible {
    let description: String
}

/// A private Docker Engine and registry, or only the registry beside a given engine.
///
/// They run in a network namespace of their own and die with this process: the shell that started
/// them waits for the end of its input, which we hold.
final class DockerDaemon: Sendable {
    let folder: String
    let socketPath: String
    let registryPort: Int
    private let input: Pipe
    private let process: Process

    /// Starts an engine and waits until it answers.
    static func start(givenSocket: String? = nil) async throws -> DockerDaemon {
        for tool in givenSocket == nil ? ["dockerd", "unshare", "ip"] : [] {
            try require(tool)
        }
        try require("docker-registry")
        let daemon = try DockerDaemon(givenSocket: givenSocket)
        try await daemon.waitUntilReady()
        return daemon
    }

    static func isInstalled(_ tool: String) -> Bool {
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
    }

    private static func require(_ tool: String) throws {
        guard isInstalled(tool) else {
            throw DaemonUnavailable(
                description: """
                    These tests need a real Docker Engine: install docker.io, docker-registry, \
                    iproute2 and util-linux and run as root, or set JESSICA_TEST_DOCKER to an \
                    engine's socket. Missing: \(tool).
                    """)
        }
    }

    private init(givenSocket: String?) throws {
        folder =
            "/tmp/jde-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(
            atPath: folder + "/registry", withIntermediateDirectories: true)
        socketPath = givenSocket ?? folder + "/docker.sock"
        // Alone in its namespace a fixed port would do; beside a given engine it must be free.
        registryPort = givenSocket == nil ? 5000 : Int.random(in: 20_000..<30_000)
        try """
        version: 0.1
        storage: {filesystem: {rootdirectory: \(folder)/registry}}
        http: {addr: "127.0.0.1:\(registryPort)"}
        """.write(toFile: folder + "/registry.yml", atomically: true, encoding: .utf8)
        let registry = "docker-registry serve $D/registry.yml >$D/registry.log 2>&1 & R=$!"
        // A killed engine comes back, as under systemd.
        let engine = """
            ip link set lo up
            (
                trap 'kill $P; wait $P; exit' TERM
                while :; do
                    dockerd --host unix://$D/docker.sock --data-root $D/root --exec-root $D/exec \
                        --pidfile $D/pid --iptables=false >>$D/dockerd.log 2>&1 & P=$!
                    wait $P
                done
            ) & S=$!
            """
        // `cat` ends when this process does, however it does.
        let script = """
            D=\(folder); S=
            \(givenSocket == nil ? engine : "")
            \(registry)
            cat >/dev/null
            kill $R $S; wait $R $S; umount -l $D/root; rm -rf $D
            """
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            (givenSocket == nil ? ["unshare", "--net", "--mount"] : []) + ["sh", "-c", script]
        input = Pipe()
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    /// Ends the engine and waits for its end.
    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Kills the engine, which then comes back by itself.
    func kill() throws {
        let pid = try String(contentsOfFile: folder + "/pid", encoding: .utf8)
        let kill = Process()
        kill.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        kill.arguments = ["kill", "-KILL", pid]
        try kill.run()
        kill.waitUntilExit()
    }

    func waitUntilReady() async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(90))
        try await DockerEngine.with(socketPath: socketPath, logger: Logger(label: "test")) {
            engine in
            while true {
                do {
                    _ = try await engine.ping()
                    return
                } catch {
                    guard deadline > .now, process.isRunning else {
                        let log =
                            (try? String(contentsOfFile: folder + "/dockerd.log", encoding: .utf8))
                            ?? ""
                        throw DaemonUnavailable(
                            description:
                                "the Docker Engine at \(socketPath) does not answer: \(error)\n"
                                + log.suffix(2000))
                    }
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        }
    }
}
