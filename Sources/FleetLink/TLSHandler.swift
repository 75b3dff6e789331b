package import NIOCore

/// Puts a `TLSSession` into a channel's pipeline: ciphertext on the socket's side, plaintext on the other.
///
/// ```
///   idle ─► handshaking ─► established ─► closing ─► closed
///              └───────────────┴────────────────────────▲   (failure, abort, socket gone)
/// ```
/// Holds no plaintext: a write before the handshake ended fails, and a writer that ignores writability is cut off.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Fired inbound once, when the peer is verified.
    package struct HandshakeCompleted: Sendable {
        /// Who the peer is.
        package let peer: PeerIdentity

        /// Makes the event.
        package init(peer: PeerIdentity) {
            self.peer = peer
        }
    }

    /// Triggered outbound by a handler that gives the peer up: closed at once, and not as an orderly end.
    package struct Abort: Sendable {
        /// Makes the event.
        package init() {}
    }

    /// Most ciphertext the channel may hold unsent, in bytes.
    private static let maximumUnsent = 4 << 20
    /// Plaintext encrypted at once, in bytes: bounds the session's output buffer.
    private static let writeSlice = 64 << 10

    private enum State {
        /// The channel is not connected yet. Can become: handshaking, closed.
        case idle
        /// Can become: established, closed.
        case handshaking(deadline: Scheduled<Void>)
        /// Can become: closing, closed.
        case established
        /// Our goodbye is sent, the peer's is awaited. Can become: closed.
        case closing(deadline: Scheduled<Void>)
        /// Terminal.
        case closed
    }

    private var session: TLSSession
    private var state = State.idle
    private var unsent = 0
    private let handshakeTimeout: TimeAmount
    private let closeTimeout: TimeAmount

    /// Makes the handler of one connection.
    package init(session: consuming TLSSession, limits: LinkLimits) {
        self.session = session
        self.handshakeTimeout = TimeAmount(limits.handshakeTimeout)
        self.closeTimeout = TimeAmount(limits.closeTimeout)
    }

    // MARK: - The channel's life

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    package func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .idle, .closed:
            break
        case .handshaking(let deadline):
            deadline.cancel()
            context.fireErrorCaught(
                LinkError(.handshakeFailed, "the connection ended during the handshake"))
        case .established:
            context.fireErrorCaught(
                LinkError(.truncated, "the connection ended without a goodbye"))
        case .closing(let deadline):
            deadline.cancel()
        }
        state = .closed
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .handshaking(let deadline):
            deadline.cancel()
            state = .closed
            context.fireErrorCaught(
                LinkError(.handshakeFailed, "the connection ended during the handshake: \(error)"))
            context.close(promise: nil)
        case .idle, .established:
            state = .closed
            context.fireErrorCaught(error)
            context.close(promise: nil)
        case .closing:
            finish(context)
        case .closed:
            break
        }
    }

    private func start(_ context: ChannelHandlerContext) {
        guard case .idle = state else { return }
        let timeout = handshakeTimeout
        let deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            guard case .handshaking = self.state else { return }
            let seconds = Double(timeout.nanoseconds) / 1e9
            self.fail(context, LinkError(.handshakeTimeout, "no handshake within \(seconds) s"))
        }
        state = .handshaking(deadline: deadline)
        proceed(context)
    }

    // MARK: - Inbound

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .closed = state { return }
        guard session.feed(unwrapInboundIn(data)) else {
            return fail(context, LinkError(.brokenRecord, "out of memory"))
        }
        proceed(context)
    }

    private func proceed(_ context: ChannelHandlerContext) {
        if case .handshaking(let deadline) = state {
            let step = session.handshake()
            sendCiphertext(context, promise: nil)
            context.flush()
            switch step {
            case .needsInput: return
            case .failed(let error): return fail(context, error)
            case .done: break
            }
            // Sending can fail and close the channel under our feet.
            guard case .handshaking = state else { return }
            deadline.cancel()
            state = .established
            do {
                let peer = try session.peerIdentity()
                context.fireUserInboundEventTriggered(HandshakeCompleted(peer: peer))
            } catch {
                return fail(context, error)
            }
        }
        readPlaintext(context)
    }

    private func readPlaintext(_ context: ChannelHandlerContext) {
        while true {
            // Each turn calls out, so the state is looked at anew.
            let discard: Bool
            switch state {
            case .established: discard = false
            case .closing: discard = true
            case .idle, .handshaking, .closed: return
            }
            var plaintext = ByteBuffer()
            switch session.read(into: &plaintext) {
            case .bytes:
                if !discard { context.fireChannelRead(wrapInboundOut(plaintext)) }
            case .needsInput:
                // A key update of the peer may have left an answer to send.
                sendCiphertext(context, promise: nil)
                return context.flush()
            case .closed:
                session.shutdown()
                return finish(context)
            case .failed(let error):
                return fail(context, error)
            }
        }
    }

    // MARK: - Outbound

    package func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        guard case .established = state else {
            promise?.fail(LinkError(.closed, "there is no TLS session to write to"))
            return
        }
        var plaintext = unwrapOutboundIn(data)
        guard plaintext.readableBytes > 0 else {
            promise?.succeed()
            return
        }
        guard unsent + plaintext.readableBytes <= Self.maximumUnsent else {
            let error = LinkError(.stuck, "more than \(Self.maximumUnsent) bytes wait to be sent")
            promise?.fail(error)
            return fail(context, error)
        }
        while plaintext.readableBytes > 0,
            let slice = plaintext.readSlice(length: min(Self.writeSlice, plaintext.readableBytes))
        {
            guard case .done = session.write(slice) else {
                let error = LinkError(.brokenRecord, "the TLS session takes no more plaintext")
                promise?.fail(error)
                return fail(context, error)
            }
            sendCiphertext(context, promise: plaintext.readableBytes == 0 ? promise : nil)
        }
    }

    package func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        guard mode == .all else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        switch state {
        case .established:
            session.shutdown()
            // Closing with unread input would reset the connection and could take our last frames with it,
            // so the peer's goodbye is awaited.
            let deadline = context.eventLoop.assumeIsolated().scheduleTask(in: closeTimeout) {
                guard case .closing = self.state else { return }
                self.finish(context)
            }
            state = .closing(deadline: deadline)
            sendCiphertext(context, promise: nil)
            context.flush()
            context.read()
            context.channel.closeFuture.cascade(to: promise)
        case .closing:
            context.channel.closeFuture.cascade(to: promise)
        case .handshaking(let deadline):
            deadline.cancel()
            state = .closed
            context.close(promise: promise)
        case .idle, .closed:
            state = .closed
            context.close(promise: promise)
        }
    }

    package func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard event is Abort else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        if case .handshaking(let deadline) = state { deadline.cancel() }
        finish(context)
        promise?.succeed()
    }

    /// Sends what the session has for the peer, without a flush.
    private func sendCiphertext(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?)
    {
        guard let ciphertext = session.takeCiphertext() else {
            promise?.succeed()
            return
        }
        let count = ciphertext.readableBytes
        let promise = promise ?? context.eventLoop.makePromise()
        unsent += count
        promise.futureResult.assumeIsolated().whenComplete { _ in self.unsent -= count }
        context.write(wrapOutboundOut(ciphertext), promise: promise)
    }

    private func fail(_ context: ChannelHandlerContext, _ error: LinkError) {
        switch state {
        case .closed: return
        case .handshaking(let deadline), .closing(let deadline): deadline.cancel()
        case .idle, .established: break
        }
        state = .closed
        context.fireErrorCaught(error)
        finish(context)
    }

    /// Sends what is left (an alert, a goodbye), as far as the socket takes it, and closes.
    private func finish(_ context: ChannelHandlerContext) {
        if case .closing(let deadline) = state { deadline.cancel() }
        state = .closed
        sendCiphertext(context, promise: nil)
        context.flush()
        context.close(promise: nil)
    }
}
