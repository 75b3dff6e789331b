import AsyncHTTPClient
import NIOCore
import NIOHTTP1

extension DockerEngine {
    /// Opens a container's output.
    ///
    /// Docker 20.10 ends a followed log early, as if all was well, when the container ends or a log
    /// file is rotated while the reader is behind. So at the end of a followed log the rest is read
    /// again from where it stopped. What the daemon has deleted by then is lost, and the next piece says
    /// so: it keeps ``ContainerSpec/logMaxSize`` times ``ContainerSpec/logMaxFiles`` bytes.
    ///
    /// - Parameters:
    ///   - id: The container's id or name.
    ///   - follow: True to stay until the container ends.
    ///   - since: Only output from then on, in nanoseconds since 1970; nil: from the beginning.
    ///   - tail: Only the last so many lines; nil: all.
    ///   - timestamps: True to have every line begin with its time (RFC 3339) and a space.
    ///   - cursor: Only what comes behind that place; nil: from the beginning. A terminal's log has no
    ///     such places and begins anew.
    /// - Returns: The output as it comes.
    /// - Throws: `.notFound`.
    package func logs(
        _ id: String, follow: Bool = false, since: Int64? = nil, tail: Int? = nil,
        timestamps: Bool = false, after cursor: LogCursor? = nil
    ) async throws -> ContainerLogs {
        // Before API 1.42 only the container tells whether its output has frames.
        guard let info = try await inspect(id) else {
            throw DockerError(.notFound, "no such container: \(id)", status: 404)
        }
        var place = cursor ?? LogCursor()
        if cursor != nil { place.resume() }
        let request = LogRequest(
            id: info.id, follow: follow, since: place.since ?? since, tail: tail,
            // A terminal's output has no messages that a time could be taken from again.
            timestamps: timestamps || !info.hasTerminal)
        let response = try await open(request.call.timeout(requestTimeout))
        return ContainerLogs(
            engine: self, body: response.body, request: request, isRaw: info.hasTerminal,
            keepsTimestamps: timestamps, cursor: place)
    }
}

/// What is asked of the log endpoint.
struct LogRequest: Sendable {
    var id: String
    var follow: Bool
    var since: Int64?
    var tail: Int?
    var timestamps: Bool

    var call: Call {
        var query = [
            (name: "stdout", value: "1"), (name: "stderr", value: "1"),
            (name: "follow", value: follow ? "1" : "0"),
            (name: "timestamps", value: timestamps ? "1" : "0"),
            (name: "tail", value: tail.map { "\(max(0, $0))" } ?? "all"),
        ]
        if let since { query.append((name: "since", value: UnixTime.text(since))) }
        return Call(.GET, ["containers", id, "logs"], query: query)
    }
}
