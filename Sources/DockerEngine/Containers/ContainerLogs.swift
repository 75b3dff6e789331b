import AsyncHTTPClient
import NIOCore

/// A container's output as it comes; can be iterated once.
///
/// Ends when the container has ended (or at once without `follow`). Throws `.unavailable` when the
/// daemon went away: open it again with `since` and pass over what was seen. Letting go of it
/// closes the stream.
package struct ContainerLogs: AsyncSequence, Sendable {
    let engine: DockerEngine
    let body: HTTPClientResponse.Body
    let request: LogRequest
    /// Whether it is a terminal's: bytes without messages and times, which begin anew each time.
    package let isRaw: Bool
    let keepsTimestamps: Bool
    let cursor: LogCursor

    /// Starts reading.
    package func makeAsyncIterator() -> Iterator {
        Iterator(
            engine: engine, chunks: body.makeAsyncIterator(), request: request, isRaw: isRaw,
            keepsTimestamps: keepsTimestamps, cursor: cursor)
    }

    /// Reads the output piece by piece.
    package struct Iterator: AsyncIteratorProtocol {
        /// Streams in a row that end at once while the container runs on.
        private static let emptyStreamsMax = 5

        let engine: DockerEngine
        var chunks: HTTPClientResponse.Body.AsyncIterator
        var request: LogRequest
        let isRaw: Bool
        let keepsTimestamps: Bool
        var frames = LogDemultiplexer()
        /// Behind the piece that came last; a terminal's log has no such place.
        package private(set) var cursor: LogCursor
        var takenBefore: Int
        var emptyStreams = 0

        init(
            engine: DockerEngine, chunks: HTTPClientResponse.Body.AsyncIterator,
            request: LogRequest, isRaw: Bool, keepsTimestamps: Bool, cursor: LogCursor
        ) {
            self.engine = engine
            self.chunks = chunks
            self.request = request
            self.isRaw = isRaw
            self.keepsTimestamps = keepsTimestamps
            self.cursor = cursor
            takenBefore = cursor.taken
        }

        /// The next piece, or nil at the end.
        @concurrent package mutating func next() async throws -> LogChunk? {
            while true {
                while let chunk = try frames.next() {
                    if let chunk = cursor.take(chunk, keepsTimestamp: keepsTimestamps),
                        chunk.bytes.readableBytes > 0
                    {
                        return chunk
                    }
                }
                let bytes: ByteBuffer?
                do {
                    bytes = try await chunks.next()
                } catch {
                    throw engine.transportFailure(error)
                }
                if let bytes {
                    if isRaw { return LogChunk(stream: .stdout, bytes: bytes) }
                    frames.append(bytes)
                    continue
                }
                try Task.checkCancellation()
                try frames.finish()
                guard try await goOn() else { return nil }
            }
        }

        /// Opens the rest of a followed log that may have ended early; false at the true end.
        @concurrent private mutating func goOn() async throws -> Bool {
            guard request.follow, !isRaw, let info = try await engine.inspect(request.id) else {
                return false
            }
            switch info.state {
            case .running, .paused, .restarting:
                emptyStreams = cursor.taken == takenBefore ? emptyStreams + 1 : 0
                guard emptyStreams < Self.emptyStreamsMax else {
                    throw DockerError(
                        .other, "the daemon keeps ending the log of a running container")
                }
                try await Task.sleep(for: .milliseconds(100 * emptyStreams), clock: .continuous)
            case .created, .removing, .exited, .dead, .unknown:
                // Nothing comes any more: what is there now is the rest.
                request.follow = false
            }
            takenBefore = cursor.taken
            if let since = cursor.since {
                request.since = since
                request.tail = nil
                cursor.resume()
            }
            do {
                let call = request.call.timeout(engine.requestTimeout)
                chunks = try await engine.open(call).body.makeAsyncIterator()
            } catch let error as DockerError where error.status == 404 {
                return false
            }
            return true
        }
    }
}
