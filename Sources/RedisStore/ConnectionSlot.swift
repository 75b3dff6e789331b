import NIOCore
import Synchronization

/// Holds one connection and makes a new one when it is needed.
///
/// All callers share one attempt. After failures the next attempt waits for a bounded back-off, so
/// a caller in a loop cannot storm the server.
final class ConnectionSlot: Sendable {
    private enum State {
        /// No connection. Can become: connecting, closed.
        case idle
        /// An attempt runs, or waits for its back-off. Can become: idle, connected, closed.
        case connecting(EventLoopFuture<RedisConnection>)
        /// In use as long as it is active. Can become: connecting, closed.
        case connected(RedisConnection)
        /// For good.
        case closed
    }

    private struct Core {
        var state = State.idle
        var failures = 0
        var lastFailure: NIODeadline?

        /// What is left of the back-off.
        func wait(_ configuration: RedisConfiguration) -> TimeAmount {
            guard let lastFailure else { return .zero }
            let backoff = configuration.backoff(afterFailures: failures)
            return max(.zero, lastFailure + TimeAmount(clamping: backoff) - .now())
        }
    }

    private let core = Mutex(Core())
    private let endpoint: RedisEndpoint
    private let configuration: RedisConfiguration
    private let eventLoop: any EventLoop

    init(endpoint: RedisEndpoint, configuration: RedisConfiguration, eventLoop: any EventLoop) {
        self.endpoint = endpoint
        self.configuration = configuration
        self.eventLoop = eventLoop
    }

    /// The connection, or the attempt to get one; bounded by back-off and connect timeout.
    func connection() -> EventLoopFuture<RedisConnection> {
        enum Step {
            case use(EventLoopFuture<RedisConnection>)
            case start(EventLoopPromise<RedisConnection>, after: TimeAmount)
        }
        let step: Step = core.withLock { core in
            switch core.state {
            case .connected(let connection) where connection.isActive:
                return .use(eventLoop.makeSucceededFuture(connection))
            case .connecting(let attempt):
                return .use(attempt)
            case .closed:
                return .use(
                    eventLoop.makeFailedFuture(
                        RedisStoreError(
                            .unavailable(outcomeUnknown: false), "the Redis client is closed")))
            case .idle, .connected:
                let promise = eventLoop.makePromise(of: RedisConnection.self)
                core.state = .connecting(promise.futureResult)
                return .start(promise, after: core.wait(configuration))
            }
        }
        switch step {
        case .use(let future): return future
        case .start(let promise, let delay):
            start(promise, after: delay)
            return promise.futureResult
        }
    }

    /// Ends the connection; no new one is made.
    func close() {
        let open: RedisConnection? = core.withLock { core in
            defer { core.state = .closed }
            if case .connected(let connection) = core.state { return connection }
            return nil
        }
        open?.close()
    }

    private func start(_ promise: EventLoopPromise<RedisConnection>, after delay: TimeAmount) {
        let eventLoop = eventLoop
        let attempt =
            delay == .zero
            ? RedisConnection.connect(endpoint, configuration: configuration, on: eventLoop)
            : eventLoop.flatScheduleTask(in: delay) { [endpoint, configuration] in
                RedisConnection.connect(endpoint, configuration: configuration, on: eventLoop)
            }.futureResult
        attempt.whenComplete { result in
            self.finished(result)
            promise.completeWith(result)
        }
    }

    private func finished(_ result: Result<RedisConnection, any Error>) {
        let unwanted: RedisConnection? = core.withLock { core in
            switch (core.state, result) {
            case (.closed, .success(let connection)): return connection
            case (.closed, .failure): return nil
            case (_, .success(let connection)):
                core.state = .connected(connection)
                core.failures = 0
            case (_, .failure):
                core.state = .idle
                core.failures = min(core.failures + 1, 1_000)
                core.lastFailure = .now()
            }
            return nil
        }
        unwanted?.close()
    }
}
