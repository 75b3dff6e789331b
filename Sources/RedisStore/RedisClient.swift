package import Logging
package import NIOCore
import NIOPosix
import Synchronization

/// How the store is doing, for health checks and metrics.
package struct RedisHealth: Hashable, Sendable {
    /// Whether the last use of the commit connection was answered.
    package var isHealthy = false
    /// The last error in words; nil since the last success.
    package var lastError: String?

    /// Creates the health of a client that has not been used.
    package init() {}
}

/// A Redis server seen by one process: connects when needed, again when lost.
///
/// It holds two connections: commits have their own, so a large read never delays one.
/// A call takes at most the back-off (default 1 s), the connect timeouts and its own timeout.
package final class RedisClient: Sendable {
    /// Which of the two connections a call uses.
    package enum Lane: Hashable, Sendable {
        /// Writes, small and urgent.
        case commits
        /// Reads, possibly large.
        case reads
    }

    /// Where the server is.
    package let endpoint: RedisEndpoint
    private let commits: ConnectionSlot
    private let reads: ConnectionSlot
    private let health_ = Mutex(RedisHealth())
    private let logger: Logger

    /// Creates a client; it connects at its first use.
    package init(
        endpoint: RedisEndpoint, configuration: RedisConfiguration = RedisConfiguration(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "jessica.redis", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.endpoint = endpoint
        self.logger = logger
        self.commits = ConnectionSlot(
            endpoint: endpoint, configuration: configuration, eventLoop: group.next())
        self.reads = ConnectionSlot(
            endpoint: endpoint, configuration: configuration, eventLoop: group.next())
    }

    /// Reads: sends commands in one write on the connection for reads and returns their replies.
    package func read(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws(RedisStoreError) -> [RedisValue] {
        try await send(commands, lane: .reads, timeout: timeout)
    }

    /// Reads one thing; throws `rejected` when Redis answers with an error.
    package func read(_ command: RedisCommand) async throws(RedisStoreError) -> RedisValue {
        let reply = try await read([command]).first ?? .null
        if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
        return reply
    }

    /// Sends commands in one write on one of the two connections and returns their replies.
    ///
    /// Throws `unavailable`, `authentication` or `invalidArgument`; command errors are values.
    package func send(
        _ commands: [RedisCommand], lane: Lane, timeout: Duration? = nil
    ) async throws(RedisStoreError) -> [RedisValue] {
        do {
            let connection = try await connection(lane)
            let replies = try await connection.send(commands, timeout: timeout)
            succeeded(lane)
            return replies
        } catch {
            failed(error, lane: lane)
            throw error
        }
    }

    /// How the store is doing.
    package var health: RedisHealth { health_.withLock { $0 } }

    /// Whether the last use of the commit connection was answered.
    package var isHealthy: Bool { health.isHealthy }

    /// Closes both connections; the client cannot be used again.
    package func close() {
        commits.close()
        reads.close()
    }

    func connection(_ lane: Lane) async throws(RedisStoreError) -> RedisConnection {
        switch lane {
        case .commits: try await commits.connection().value()
        case .reads: try await reads.connection().value()
        }
    }

    func succeeded(_ lane: Lane) {
        health_.withLock { health in
            if lane == .commits { health.isHealthy = true }
            health.lastError = nil
        }
    }

    func failed(_ error: RedisStoreError, lane: Lane) {
        health_.withLock { health in
            if lane == .commits, error.affectsConnection { health.isHealthy = false }
            health.lastError = error.message
        }
        logger.debug(
            "redis call failed",
            metadata: ["redis.endpoint": "\(endpoint)", "error": "\(error.message)"])
    }
}

extension RedisStoreError {
    /// Whether the error says that the server cannot be used, not only this call.
    fileprivate var affectsConnection: Bool {
        switch code {
        case .unavailable, .authentication, .protocolViolation, .server: true
        case .fenced, .superseded, .rejected, .invalidArgument: false
        }
    }
}
