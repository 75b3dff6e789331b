import Glibc
package import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Accepts agents.
///
/// Everything it starts ends before `run` returns.
package enum LinkServer {
    /// Listens until the task is cancelled; calls `handler` for each peer that is verified.
    ///
    /// When `handler` returns, its connection is closed. Cancelling cancels the handlers and waits for them.
    /// `context` is evaluated for each connection, so a renewed certificate is used from the next one on.
    /// `onBound` is told the port (chosen by the system for port 0), `onRefused` each peer turned away; both are
    /// called on other threads and must not block.
    /// Throws `addressInUse`, `bindFailed`, or `connectionLost` if the listening socket goes away.
    package static func run(
        host: String, port: Int,
        context: @autoclosure @escaping @Sendable () -> TLSContext,
        limits: LinkLimits = LinkLimits(), logger: Logger,
        onBound: @Sendable (Int) -> Void = { _ in },
        onRefused: @escaping @Sendable (LinkRefusal) -> Void = { _ in },
        handler: @escaping @Sendable (LinkConnection) async -> Void
    ) async throws {
        let (accepted, door) = AsyncStream.makeStream(of: LinkCore.self)
        let acceptor = Acceptor(
            limits: limits, context: context, logger: logger, onRefused: onRefused, door: door)
        let listener = try await bind(host: host, port: port, acceptor: acceptor)
        listener.closeFuture.whenComplete { _ in door.finish() }
        let boundPort = listener.localAddress?.port ?? port
        logger.info(
            "link server listens", metadata: ["address": "\(host):\(boundPort)"])
        onBound(boundPort)

        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await connection in accepted {
                    group.addTask { await serve(connection, acceptor, handler) }
                }
                group.cancelAll()
            }
        } onCancel: {
            listener.close(promise: nil)
        }
        guard Task.isCancelled else {
            throw LinkError(.connectionLost, "the listening socket on port \(boundPort) is gone")
        }
        try? await listener.closeFuture.get()
    }

    private static func serve(
        _ core: LinkCore, _ acceptor: Acceptor,
        _ handler: @Sendable (LinkConnection) async -> Void
    ) async {
        if case .success(let peer) = try? await core.waitForHandshake() {
            let connection = LinkConnection(core: core, peer: peer)
            await handler(connection)
            await connection.closeAndWait()
        } else {
            core.close()
            await core.waitUntilClosedIgnoringCancellation()
        }
        acceptor.connectionEnded()
    }

    private static func bind(
        host: String, port: Int, acceptor: Acceptor
    ) async throws(LinkError) -> any Channel {
        guard (0...65_535).contains(port) else {
            throw LinkError(.bindFailed, "\(port) is no port number")
        }
        do {
            return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        // Without file descriptors it waits instead of spinning.
                        try channel.pipeline.syncOperations.addHandler(
                            AcceptBackoffHandler(shouldForwardIOErrorCaught: false))
                    }
                }
                .childChannelInitializer { channel in
                    acceptor.accept(channel)
                    // Never a failed future: that would be an error of the listening socket.
                    return channel.eventLoop.makeSucceededVoidFuture()
                }
                .bind(host: host, port: port).get()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw LinkError(.addressInUse, "\(host):\(port) is already in use")
        } catch {
            throw LinkError(.bindFailed, "cannot listen on \(host):\(port): \(error)")
        }
    }
}

/// What happens to a new socket on its event loop: books, limits, handlers.
private final class Acceptor: Sendable {
    private let limits: LinkLimits
    private let context: @Sendable () -> TLSContext
    private let logger: Logger
    private let onRefused: @Sendable (LinkRefusal) -> Void
    // Holds no more than the connections admitted.
    private let door: AsyncStream<LinkCore>.Continuation
    private let admission: Mutex<Admission>

    init(
        limits: LinkLimits, context: @escaping @Sendable () -> TLSContext, logger: Logger,
        onRefused: @escaping @Sendable (LinkRefusal) -> Void,
        door: AsyncStream<LinkCore>.Continuation
    ) {
        self.limits = limits
        self.context = context
        self.logger = logger
        self.onRefused = onRefused
        self.door = door
        self.admission = Mutex(Admission(limits: limits))
    }

    func accept(_ channel: any Channel) {
        let address = channel.remoteIP
        let now = NIODeadline.now().uptimeNanoseconds
        if let reason = admission.withLock({ $0.admit(from: address, at: now) }) {
            refuse(channel.remoteAddressText, reason, "over the limit of connections")
            return channel.reset()
        }
        let remote = channel.remoteAddressText
        let core = LinkCore(
            channel: channel, limits: limits,
            onHandshakeEnded: { [self] in
                admission.withLock { $0.handshakeEnded(from: address) }
            },
            onFailure: { [self] error in
                guard let reason = LinkRefusal.Reason(error.code) else { return }
                refuse(remote, reason, error.message)
            })
        do {
            try LinkChannel.configure(channel, session: .server(context()), core: core)
        } catch {
            core.finish(error as? LinkError ?? LinkError(.connectionLost, "\(error)"))
            channel.reset()
        }
        if case .terminated = door.yield(core) {
            channel.reset()
        }
    }

    func connectionEnded() {
        admission.withLock { $0.connectionEnded() }
    }

    private func refuse(_ remote: String, _ reason: LinkRefusal.Reason, _ detail: String) {
        logger.debug(
            "link refused",
            metadata: [
                "remote": "\(remote)", "code": "\(reason.rawValue)",
                "reason": "\(detail)",
            ])
        onRefused(LinkRefusal(reason: reason, remoteAddress: remote, detail: detail))
    }
}
