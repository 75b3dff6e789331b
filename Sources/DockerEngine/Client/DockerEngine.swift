import AsyncHTTPClient
package import Logging
import NIOCore
import Synchronization

/// A client of one Docker daemon over its unix socket.
///
/// Every call may be made concurrently. A call ends with its task: cancelling the task closes the
/// connection, which also ends what the daemon does for it (a pull, a log stream). The API version
/// is negotiated at the first call and again after the connection broke or the daemon refused it.
package final class DockerEngine: Sendable {
    /// Where the daemon listens.
    package let socketPath: String
    let logger: Logger
    /// For calls that are not streams and have no natural length of their own.
    let requestTimeout: Duration
    let client: HTTPClient
    /// The newest API the daemon speaks; nil while it is not known.
    let newest = Mutex<APIVersion?>(nil)
    /// The oldest API the daemon takes, where that is newer than the one a call was made for.
    let oldest = Mutex<APIVersion?>(nil)

    /// The largest JSON answer that is read, in bytes.
    static let answerBytesMax = 16 * 1024 * 1024

    /// Creates a client; nothing is connected yet.
    ///
    /// Call ``shutdown()`` before it is released.
    package init(
        socketPath: String, logger: Logger, requestTimeout: Duration = .seconds(120)
    ) {
        self.socketPath = socketPath
        self.logger = logger
        self.requestTimeout = requestTimeout
        self.client = HTTPClient(
            eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: Self.configuration)
    }

    /// Streams idle for hours, so there is no read timeout; each call has its own limit instead.
    static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5)),
            connectionPool: .init(
                idleTimeout: .seconds(30),
                // Each wait, log and event stream occupies a connection; the default of 8 would
                // make the ninth wait for ever.
                concurrentHTTP1ConnectionsPerHostSoftLimit: 1024),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        // A daemon that is down is an answer the caller acts on, not one to hide behind retries.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    /// Ends every running call and closes every connection.
    package func shutdown() async throws {
        try await client.shutdown()
    }

    /// Runs the body with a client that is shut down afterwards, however the body ends.
    package static func with<Result: Sendable>(
        socketPath: String, logger: Logger, requestTimeout: Duration = .seconds(120),
        _ body: (DockerEngine) async throws -> Result
    ) async throws -> Result {
        let engine = DockerEngine(
            socketPath: socketPath, logger: logger, requestTimeout: requestTimeout)
        let result: Result
        do {
            result = try await body(engine)
        } catch {
            try? await engine.shutdown()
            throw error
        }
        try await engine.shutdown()
        return result
    }
}
