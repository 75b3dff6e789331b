import Foundation
package import Logging
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A Redis server of our own: started, watched, restarted and stopped with the controller.
///
/// It listens on a unix socket in a directory that only this user can enter, and writes every
/// change to the disk before it answers. If the controller is killed the server goes on unharmed,
/// and the next controller adopts it.
///
/// `run()` is the whole life: run it as a service, wait for ``ready(timeout:)``, connect to
/// ``endpoint``.
package final class PrivateRedis: Sendable {
    /// What the supervisor is doing.
    package enum Phase: Hashable, Sendable {
        /// `run()` was not called. Can become: starting.
        case idle
        /// Waiting for the server to answer. Can become: running, failed, stopped.
        case starting
        /// The server answers; this is its process id. Can become: starting, stopped, failed.
        case running(pid: Int32, adopted: Bool)
        /// `run()` threw. For good.
        case failed(RedisStoreError)
        /// `run()` ended. For good.
        case stopped
    }

    /// Where the server lives.
    package let configuration: PrivateRedisConfiguration
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let state = Mutex(
        (phase: Phase.idle, lastError: String?.none, lastCrash: String?.none))

    /// Creates a supervisor; nothing starts before `run()`.
    package init(
        configuration: PrivateRedisConfiguration,
        logger: Logger = Logger(label: "jessica.redis", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.configuration = configuration
        self.logger = logger
        self.eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    }

    /// Where clients connect.
    package var endpoint: RedisEndpoint {
        RedisEndpoint(.unixSocket(path: configuration.socketPath))
    }
    /// What the supervisor is doing.
    package var phase: Phase { state.withLock { $0.phase } }
    /// What keeps the server from running, in words; nil while it runs.
    package var lastError: String? { state.withLock { $0.lastError } }
    /// Why the server last ended by itself, with the last lines of its log, such as a full disk;
    /// nil when it never did.
    package var lastCrash: String? { state.withLock { $0.lastCrash } }

    /// Runs the server until the task is cancelled, then stops it and returns.
    ///
    /// Throws `server`, with a reason to act on, when it cannot be started at all: not installed,
    /// the directory not writable or in use by another controller, or a server that ends at each
    /// start. Once the server has been ready, crashes are answered with restarts, for ever, with a
    /// back-off.
    package func run() async throws(RedisStoreError) {
        do throws(RedisStoreError) {
            enter(.starting)
            let program = try configuration.locateProgram()
            try PrivateRedisFiles.prepare(configuration)
            let owner = try FileLock.take(configuration.ownerLockPath)
            guard let owner else {
                throw RedisStoreError(
                    .server, "another controller already runs a Redis in \(configuration.directory)"
                )
            }
            await supervise(program: program)
            if case .failed(let error) = phase { throw error }
            _ = consume owner
            enter(.stopped)
        } catch {
            enter(.failed(error), trouble: error.message)
            throw error
        }
    }

    /// Waits until the server answers PING.
    ///
    /// Throws `server` when `run()` failed or ended, `unavailable` with the last trouble after
    /// `timeout`.
    package func ready(timeout: Duration = .seconds(30)) async throws(RedisStoreError) {
        let end = ContinuousClock.now + timeout
        while true {
            switch phase {
            case .failed(let error): throw error
            case .stopped: throw RedisStoreError(.server, "the private Redis was stopped")
            case .running:
                if let connection = try? await RedisConnection.open(endpoint) {
                    connection.close()
                    return
                }
            case .idle, .starting: break
            }
            guard ContinuousClock.now < end, !Task.isCancelled else {
                throw RedisStoreError(
                    .unavailable(outcomeUnknown: false),
                    "the private Redis is not ready: \(lastError ?? "still starting")")
            }
            await pause(.milliseconds(10))
        }
    }

    /// The loop of lives: get a server, wait for its end, again.
    private func supervise(program: String) async {
        var failures = 0
        var wasReady = false
        while !Task.isCancelled {
            do {
                let server = try await obtain(program: program)
                if Task.isCancelled { return await stop(server) }
                wasReady = true
                enter(.running(pid: server.pid, adopted: server.child == nil))
                logger.info(
                    "private redis is ready",
                    metadata: [
                        "redis.pid": "\(server.pid)", "redis.adopted": "\(server.child == nil)",
                    ])
                let since = ContinuousClock.now
                await ended(server)
                if Task.isCancelled { return await stop(server) }
                await gone(server.pid, child: server.child)
                if ContinuousClock.now - since > .seconds(30) { failures = 0 }
                let crash = "redis-server ended: \(lastWords)"
                state.withLock { $0.lastCrash = crash }
                enter(.starting, trouble: crash)
            } catch {
                if Task.isCancelled { return }
                enter(.starting, trouble: error.message)
            }
            failures += 1
            guard wasReady || failures < configuration.startAttempts else {
                return enter(
                    .failed(RedisStoreError(.server, lastError ?? "the server does not start")))
            }
            logger.error(
                "private redis is not running, restarting it",
                metadata: ["error": "\(lastError ?? "")", "redis.failures": "\(failures)"])
            let doubled = configuration.minimumBackoff * (1 << min(failures - 1, 16))
            await pause(min(doubled, configuration.maximumBackoff))
        }
    }

    /// A server that answers: the one that is there, or a new one.
    private func obtain(program: String) async throws(RedisStoreError) -> RedisServer {
        var child: RedisChild?
        var wait = Duration.milliseconds(5)
        while !Task.isCancelled {
            do {
                let monitor = try await RedisConnection.open(endpoint)
                return try await identified(monitor, child: child)
            } catch {
                guard case .unavailable = error.code else { throw error }
                note(error.message)
            }
            if let child {
                if let ending = child.ending {
                    throw RedisStoreError(
                        .server,
                        "redis-server ended with \(ending): \(lastWords)")
                }
            } else {
                child = try spawn(program: program)
            }
            await pause(wait)
            wait = min(wait * 2, .milliseconds(100))
        }
        if let child {
            child.terminate()
            await gone(child.pid, child: child)
        }
        throw RedisStoreError(.server, "cancelled while the private Redis was starting")
    }

    /// A new server, unless one of ours is still alive: two on the same files would ruin them.
    private func spawn(program: String) throws(RedisStoreError) -> RedisChild? {
        guard let lock = try FileLock.take(configuration.serverLockPath) else {
            note("the server of an earlier controller is still there but does not answer")
            return nil
        }
        try PrivateRedisFiles.writeConfig(configuration)
        return try RedisChild.spawn(program: program, configuration: configuration, lock: lock)
    }

    private func identified(
        _ monitor: RedisConnection, child: RedisChild?
    ) async throws(RedisStoreError) -> RedisServer {
        do {
            return try await RedisServer.identify(
                monitor, child: child, configuration: configuration)
        } catch {
            monitor.close()
            throw error
        }
    }

    /// Returns when the server has ended or the task is cancelled.
    private func ended(_ server: RedisServer) async {
        let promise = eventLoop.makePromise(of: Void.self)
        server.monitor.closed.whenComplete { _ in promise.succeed() }
        await withTaskCancellationHandler {
            try? await promise.futureResult.get()
        } onCancel: {
            promise.succeed()
        }
    }

    /// Stops the server, waiting until it has saved and is gone, within a bound.
    private func stop(_ server: RedisServer) async {
        guard configuration.stopsServer else { return server.monitor.close() }
        server.terminate()
        await gone(server.pid, child: server.child)
        server.monitor.close()
    }

    /// Waits, also in a cancelled task, until the server is gone and nobody holds its lock.
    private func gone(_ pid: Int32, child: RedisChild?) async {
        let end = ContinuousClock.now + configuration.stopTimeout
        while ContinuousClock.now < end {
            let ended = child.map { $0.ending != nil } ?? Self.hasEnded(pid)
            if ended, let lock = try? FileLock.take(configuration.serverLockPath) {
                _ = consume lock
                return
            }
            try? await eventLoop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
        }
        logger.warning(
            "private redis does not end, leaving it alone",
            metadata: ["redis.directory": "\(configuration.directory)"])
    }

    /// Whether a server we adopted is gone; it may be our own child, from an earlier life of
    /// `run()`.
    private static func hasEnded(_ pid: Int32) -> Bool {
        RedisChild.reap(pid) != nil || kill(pid, 0) != 0
    }

    /// The end of the server's log, and whether the disk is full, its most usual reason.
    private var lastWords: String {
        let full = PrivateRedisFiles.isDiskFull(configuration) ? "the disk is full; " : ""
        return full + logTail(configuration.logPath)
    }

    private func pause(_ duration: Duration) async {
        try? await Task.sleep(for: duration)
    }

    private func enter(_ phase: Phase, trouble: String? = nil) {
        state.withLock { state in
            state.phase = phase
            if let trouble { state.lastError = trouble }
            if case .running = phase { state.lastError = nil }
        }
    }

    private func note(_ trouble: String) {
        state.withLock { $0.lastError = trouble }
    }
}
