package import NIOCore
import NIOPosix

/// One connection to a Redis server: pipelines out, replies in the same order.
///
/// It is used until its first doubt. A timeout, a lost connection or unreadable bytes fail
/// everything that waits with an unknown outcome and close it; open another one then.
package final class RedisConnection: Sendable {
    /// Where it is connected to.
    package let endpoint: RedisEndpoint
    private let configuration: RedisConfiguration
    private let channel: any Channel

    private init(
        channel: any Channel, endpoint: RedisEndpoint, configuration: RedisConfiguration
    ) {
        self.channel = channel
        self.endpoint = endpoint
        self.configuration = configuration
    }

    /// Connects, logs in, selects the database and waits for the first answer.
    ///
    /// Throws `unavailable` (nothing ran) when the server cannot be reached or does not serve yet,
    /// and `authentication` when it refuses the login.
    package static func open(
        _ endpoint: RedisEndpoint, configuration: RedisConfiguration = RedisConfiguration(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(RedisStoreError) -> RedisConnection {
        try await connect(endpoint, configuration: configuration, on: group.next()).value()
    }

    /// Starts connecting on an event loop.
    static func connect(
        _ endpoint: RedisEndpoint, configuration: RedisConfiguration, on eventLoop: any EventLoop
    ) -> EventLoopFuture<RedisConnection> {
        let peer = endpoint.description
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(clamping: configuration.connectTimeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        PipelineHandler(peer: peer, limits: configuration.limits))
                }
            }
        let channel: EventLoopFuture<any Channel> =
            switch endpoint.address {
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            }
        return channel.flatMapErrorThrowing { error in
            throw RedisStoreError(
                .unavailable(outcomeUnknown: false),
                "cannot connect to Redis at \(peer): \(describe(error))")
        }.flatMap { channel in
            RedisConnection(channel: channel, endpoint: endpoint, configuration: configuration)
                .greet()
        }
    }

    /// Sends commands in one write and waits for all their replies.
    ///
    /// Replies come in the order of the commands; an error of one command is a value, not a throw.
    /// Throws `unavailable`: with an unknown outcome after `timeout` (default: the configured one)
    /// or when the connection ends first, without one when it was already closed.
    package func send(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws(RedisStoreError) -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        var buffer = channel.allocator.buffer(capacity: 256)
        for command in commands { try command.encode(into: &buffer) }
        return try await submit(buffer, replies: commands.count, timeout: timeout).value()
    }

    /// Queues encoded commands; calls from one thread keep their order.
    func submit(
        _ bytes: ByteBuffer, replies: Int, timeout: Duration?
    ) -> EventLoopFuture<[RedisValue]> {
        let promise = channel.eventLoop.makePromise(of: [RedisValue].self)
        let request = PipelineRequest(
            bytes: bytes, replies: replies,
            timeout: TimeAmount(clamping: timeout ?? configuration.commandTimeout), promise: promise
        )
        let peer = endpoint.description
        channel.write(request).whenFailure { error in
            // Only a channel without its handler fails here, and such a channel is closed: nothing
            // left.
            promise.fail(
                RedisStoreError(
                    .unavailable(outcomeUnknown: false), "Redis at \(peer): \(describe(error))"))
        }
        return promise.futureResult
    }

    /// Whether it can still be used.
    package var isActive: Bool { channel.isActive }

    /// Completes when the connection has ended, for whatever reason.
    var closed: EventLoopFuture<Void> { channel.closeFuture }

    /// Closes the connection; what waits fails with an unknown outcome.
    package func close() {
        channel.close(promise: nil)
    }

    /// An empty buffer to encode commands into.
    func makeBuffer() -> ByteBuffer { channel.allocator.buffer(capacity: 4_096) }

    private func greet() -> EventLoopFuture<RedisConnection> {
        let commands = endpoint.greeting
        var buffer = makeBuffer()
        do {
            for command in commands { try command.encode(into: &buffer) }
        } catch {
            close()
            return channel.eventLoop.makeFailedFuture(error)
        }
        let peer = endpoint.description
        return submit(buffer, replies: commands.count, timeout: configuration.connectTimeout)
            .flatMapThrowing { replies in
                for (command, reply) in zip(commands, replies) {
                    guard let text = reply.errorMessage else { continue }
                    throw Self.refusal(of: command, text: text, peer: peer)
                }
                return self
            }.flatMapErrorThrowing { error in
                self.close()
                guard let known = error as? RedisStoreError, !known.outcomeUnknown else {
                    // A greeting has no effect, so its outcome does not matter.
                    throw RedisStoreError(.unavailable(outcomeUnknown: false), describe(error))
                }
                throw known
            }
    }

    private static func refusal(of command: RedisCommand, text: String, peer: String)
        -> RedisStoreError
    {
        let name = String(decoding: command.words[0], as: UTF8.self)
        let refusal = RedisRefusal(text)
        let unavailable = refusal == .notNow || (name == "PING" && refusal != .denied)
        let code: RedisStoreError.Code =
            unavailable ? .unavailable(outcomeUnknown: false) : .authentication
        return RedisStoreError(code, "Redis at \(peer) answered \(name) with: \(text)")
    }
}
