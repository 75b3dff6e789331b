import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

extension DockerEngine {
    /// The actions asked for; health checks would add three `exec_*` events per probe.
    private static let actions = [
        "create", "start", "restart", "die", "oom", "kill", "stop", "pause", "unpause",
        "destroy", "health_status",
    ]

    /// Opens the stream of what happens to containers with all these labels.
    ///
    /// Events can be lost (the daemon keeps 256, and drops them for a slow reader): take them as
    /// a hint to look, and list now and then.
    ///
    /// - Parameters:
    ///   - labels: Labels to match; an empty value matches any value of that label.
    ///   - since: Also the kept events from then on, in nanoseconds since 1970; nil: from this
    ///     call on.
    /// - Returns: The events as they happen.
    /// - Throws: `.unavailable`.
    package func events(
        labels: [String: String] = [:], since: Int64? = nil
    ) async throws -> ContainerEvents {
        // Without a `since` an event between the answer's head and the daemon's subscription
        // would be lost.
        let since = since ?? Int64(Date().timeIntervalSince1970 * 1000) * 1_000_000
        let filters = try Filters.encode(
            labels: labels, ["type": ["container"], "event": Self.actions])
        let response = try await open(
            Call(.GET, ["events"], query: [("since", UnixTime.text(since)), ("filters", filters)])
                .timeout(requestTimeout))
        return ContainerEvents(engine: self, body: response.body)
    }
}

/// What happens to containers, as it happens; can be iterated once.
///
/// Ends when the daemon goes away: list what is there, and open it again. Throws only when the task
/// is cancelled or the stream is not what it should be.
package struct ContainerEvents: AsyncSequence, Sendable {
    let engine: DockerEngine
    let body: HTTPClientResponse.Body

    /// Starts reading.
    package func makeAsyncIterator() -> Iterator {
        Iterator(engine: engine, chunks: body.makeAsyncIterator())
    }

    /// Reads event by event.
    package struct Iterator: AsyncIteratorProtocol {
        let engine: DockerEngine
        var chunks: HTTPClientResponse.Body.AsyncIterator
        // Events carry all labels, the image's too, and nobody bounds those.
        var lines = LineSplitter(lineBytesMax: 1024 * 1024)

        /// The next event, or nil when the daemon went away.
        @concurrent package mutating func next() async throws -> ContainerEvent? {
            while true {
                while let line = try lines.next() {
                    if let event = ContainerEvent(json: try JSONValue(parsing: line)) {
                        return event
                    }
                }
                let chunk: ByteBuffer?
                do {
                    chunk = try await chunks.next()
                } catch {
                    let failure = engine.transportFailure(error)
                    guard let docker = failure as? DockerError, docker.code == .unavailable else {
                        throw failure
                    }
                    return nil
                }
                guard let chunk else {
                    try Task.checkCancellation()
                    return nil
                }
                lines.append(chunk)
            }
        }
    }
}
