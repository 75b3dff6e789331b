import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1

extension DockerEngine {
    /// Starts a container; fine when it runs already.
    ///
    /// A failed start leaves the container `created` and sends no event: this call's error is the
    /// only report of it.
    ///
    /// - Throws: `.badCommand` when its command cannot be run, `.notFound`, `.noSpace`, or `.other`
    ///   with the daemon's words (missing device, no GPU driver, missing network …).
    package func start(_ id: String) async throws {
        try Names.check(id, "container id")
        do {
            _ = try await send(Call(.POST, ["containers", id, "start"]))
        } catch let error as DockerError where error.status != nil {
            throw await startFailure(id, error)
        }
    }

    /// The daemon's status for a failed start varies with its version; the container tells more.
    private func startFailure(_ id: String, _ error: DockerError) async -> DockerError {
        guard error.code != .unsupportedVersion, error.code != .noSpace else { return error }
        let info: ContainerInfo?
        do {
            info = try await inspect(id)
        } catch {
            info = nil
        }
        guard let info else { return error }
        if info.state == .created || info.state == .exited,
            info.exitCode == 126 || info.exitCode == 127,
            !info.error.isEmpty
        {
            return DockerError(
                .badCommand(exitCode: info.exitCode), error.message, status: error.status)
        }
        return DockerError(.other, error.message, status: error.status)
    }

    /// Asks a container to end, and kills it after the grace; fine when it does not run.
    ///
    /// Returns when it has ended. A grace of 0 kills at once.
    package func stop(_ id: String, grace seconds: Int) async throws {
        try Names.check(id, "container id")
        let seconds = min(max(seconds, 0), 24 * 3600)
        _ = try await send(
            Call(.POST, ["containers", id, "stop"], query: [("t", "\(seconds)")])
                .timeout(requestTimeout + .seconds(seconds)))
    }

    /// Sends a signal to a container's main process.
    ///
    /// - Throws: `.notRunning` when it does not run, `.notFound`.
    package func kill(_ id: String, signal: String = "SIGKILL") async throws {
        try Names.check(id, "container id")
        try Names.check(signal, "signal")
        _ = try await send(
            Call(.POST, ["containers", id, "kill"], query: [("signal", signal)]))
    }

    /// Waits, without a limit, until a container does not run, and returns its exit code.
    ///
    /// A container that never ran counts as not running: start it first.
    ///
    /// - Throws: `.notFound`, or `.unavailable` when the daemon went away.
    package func wait(_ id: String) async throws -> Int {
        try Names.check(id, "container id")
        let call = Call(.POST, ["containers", id, "wait"], query: [("condition", "not-running")])
        for attempt in 1... {
            let response = try await open(call.timeout(requestTimeout))
            let body = try await collect(response.body, upTo: 64 * 1024)
            // An empty body is a daemon that shut down in the middle of the answer.
            guard body.readableBytes > 0 else {
                throw DockerError(.unavailable, "the daemon went away during a wait")
            }
            let json = try JSONValue(parsing: body)
            if let message = json["Error"]["Message"].string {
                throw DockerError(.other, message)
            }
            // What the wait says has been wrong around daemon restarts; the container decides.
            guard let info = try await inspect(id) else {
                guard let code = json["StatusCode"].int else {
                    throw DockerError(.malformedAnswer, "the daemon's wait has no exit code")
                }
                return code
            }
            switch info.state {
            case .exited, .dead, .created, .removing, .unknown:
                return info.exitCode
            case .running, .paused, .restarting:
                guard attempt < 5 else {
                    throw DockerError(.other, "the daemon's wait ended while the container runs")
                }
                try await Task.sleep(for: .milliseconds(100 * attempt), clock: .continuous)
            }
        }
        throw DockerError(.other, "unreachable")
    }

    /// One reading of what a container uses; nil when there is no such container.
    package func stats(_ id: String) async throws -> ContainerStats? {
        try Names.check(id, "container id")
        var query = [(name: "stream", value: "false")]
        if try await newestVersion() >= APIVersion(major: 1, minor: 41) {
            query.append((name: "one-shot", value: "true"))
        }
        do {
            return ContainerStats(
                json: try await send(Call(.GET, ["containers", id, "stats"], query: query)).json())
        } catch let error as DockerError where error.status == 404 {
            return nil
        }
    }
}
