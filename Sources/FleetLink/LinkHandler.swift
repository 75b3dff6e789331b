package import NIOCore

/// Turns plaintext into frames for the inbox, and the lanes' frames into plaintext.
///
/// ```
///   waiting ─► open ─► closing ─► closed
///      └─────────┴────────▲──────────▲      (handshake done; close; failure or socket gone)
/// ```
package final class LinkHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    /// Frames are put together up to about this size, in bytes: one TLS record.
    private static let batchBytes = 16 << 10

    private enum State {
        /// The TLS handshake is not over. Can become: open, closed.
        case waiting
        /// Can become: closing, closed.
        case open
        /// Waiting control frames still go out, what comes in is dropped. Can become: closed.
        case closing(deadline: Scheduled<Void>)
        /// Terminal.
        case closed
    }

    private let core: LinkCore
    private var state = State.waiting
    private var decoder: FrameDecoder
    private var isPaused = false
    private var isReadWanted = false
    private var isFlushing = false
    private var frameBegan: NIODeadline?
    private var frameTimer: Scheduled<Void>?
    private let slowFrameTimeout: TimeAmount

    /// Makes the handler of one connection.
    package init(core: LinkCore) {
        self.core = core
        self.decoder = FrameDecoder(limit: core.limits.initialFrameBytes)
        self.slowFrameTimeout = TimeAmount(core.limits.slowFrameTimeout)
    }

    // MARK: - Inbound

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? TLSHandler.HandshakeCompleted else {
            return context.fireUserInboundEventTriggered(event)
        }
        guard case .waiting = state else { return }
        state = .open
        core.endHandshake(.success(event.peer))
        flushLanes(context)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .open = state else { return }
        // While paused nothing is asked for; what still comes is the rest of the socket's buffer at its end.
        decoder.append(unwrapInboundIn(data))
        if !isPaused { deliver(context) }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        var delivered = false
        do {
            while true {
                guard core.inbox.hasRoom() else {
                    isPaused = true
                    break
                }
                decoder.limit = core.frameLimit
                guard let frame = try decoder.next() else { break }
                delivered = true
                core.inbox.push(frame)
            }
        } catch {
            return fail(context, error)
        }
        watchFrame(context, isNew: delivered)
    }

    /// Keeps the time since the unfinished frame began.
    ///
    /// One timer serves many frames: it looks again when it fires.
    private func watchFrame(_ context: ChannelHandlerContext, isNew: Bool) {
        guard decoder.isMidFrame, !isPaused else {
            frameBegan = nil
            return
        }
        if isNew || frameBegan == nil { frameBegan = context.eventLoop.now }
        if frameTimer == nil {
            armFrameTimer(context, at: context.eventLoop.now + slowFrameTimeout)
        }
    }

    private func armFrameTimer(_ context: ChannelHandlerContext, at time: NIODeadline) {
        frameTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            self.frameTimer = nil
            guard case .open = self.state, let began = self.frameBegan else { return }
            let deadline = began + self.slowFrameTimeout
            guard context.eventLoop.now < deadline else {
                let seconds = Double(self.slowFrameTimeout.nanoseconds) / 1e9
                return self.fail(
                    context, LinkError(.slowFrame, "a frame was not complete within \(seconds) s"))
            }
            self.armFrameTimer(context, at: deadline)
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let error =
            error as? LinkError ?? LinkError(.connectionLost, "the connection failed: \(error)")
        end(error)
        context.close(promise: nil)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if case .open = state, !isPaused, decoder.isMidFrame {
            end(LinkError(.truncated, "the connection ended in the middle of a frame"))
        } else {
            end(nil)
        }
        context.fireChannelInactive()
    }

    // MARK: - Outbound

    package func read(context: ChannelHandlerContext) {
        if isPaused {
            isReadWanted = true
        } else {
            context.read()
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { flushLanes(context) }
        context.fireChannelWritabilityChanged()
    }

    package func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard let command = event as? LinkCore.Command else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        switch command {
        case .flush: flushLanes(context)
        case .resume: resume(context)
        case .close: beginClosing(context)
        case .giveUp(let error): fail(context, error)
        }
        promise?.succeed()
    }

    private func resume(_ context: ChannelHandlerContext) {
        guard isPaused else { return }
        isPaused = false
        if case .open = state { deliver(context) }
        readIfWanted(context)
    }

    private func readIfWanted(_ context: ChannelHandlerContext) {
        guard !isPaused, isReadWanted else { return }
        isReadWanted = false
        context.read()
    }

    /// Writes frames while the channel takes them, most urgent first.
    ///
    /// What it does not take stays in the lanes.
    private func flushLanes(_ context: ChannelHandlerContext) {
        switch state {
        case .waiting, .closed: return
        case .open, .closing: break
        }
        // Flushing can make the channel writable again, which calls back in here; the loop below goes on instead.
        guard !isFlushing else { return }
        isFlushing = true
        defer { isFlushing = false }
        var isDry = false
        while context.channel.isWritable, !isDry {
            isDry = true
            while context.channel.isWritable {
                let batch = core.takeBatch(bytes: Self.batchBytes)
                if batch.isEmpty { break }
                var buffer = context.channel.allocator.buffer(
                    capacity: batch.reduce(0) { $0 + $1.count + Frame.headerBytes })
                for payload in batch { Frame.encode(payload, into: &buffer) }
                context.write(wrapOutboundOut(buffer), promise: nil)
                isDry = false
            }
            if !isDry { context.flush() }
        }
        if case .closing = state, core.isDrained { context.close(promise: nil) }
    }

    // MARK: - The end

    private func beginClosing(_ context: ChannelHandlerContext) {
        switch state {
        case .closed, .closing: return
        case .waiting:
            context.close(promise: nil)
            return
        case .open: break
        }
        let timeout = TimeAmount(core.limits.closeTimeout)
        let deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            guard case .closing = self.state else { return }
            self.abort(context)
        }
        state = .closing(deadline: deadline)
        // From here on the socket is read only to find the peer's goodbye.
        isPaused = false
        readIfWanted(context)
        flushLanes(context)
    }

    private func fail(_ context: ChannelHandlerContext, _ error: LinkError) {
        if case .closed = state { return }
        end(error)
        abort(context)
    }

    private func abort(_ context: ChannelHandlerContext) {
        context.triggerUserOutboundEvent(TLSHandler.Abort(), promise: nil)
        context.close(promise: nil)
    }

    private func end(_ error: LinkError?) {
        switch state {
        case .closed: return
        case .closing(let deadline):
            // The owner closed: how the peer takes it is no failure.
            deadline.cancel()
            core.finish(nil)
        case .waiting, .open:
            core.finish(error, tail: decoder)
        }
        state = .closed
        frameTimer?.cancel()
        frameTimer = nil
        decoder = FrameDecoder(limit: 0)
        isPaused = false
    }
}
