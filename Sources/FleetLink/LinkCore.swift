package import NIOCore
import Synchronization

/// What a connection's handler (on the event loop) and its owner (on any thread) share.
///
/// The lock is held for queue operations only; whatever they call for is done after it is released.
package final class LinkCore: Sendable {
    /// What the owner asks of the handler; travels as an outbound event.
    enum Command: Sendable {
        /// Frames wait to be sent.
        case flush
        /// The inbox has room again.
        case resume
        /// Close after the waiting control frames.
        case close
        /// Close now, with this error.
        case giveUp(LinkError)
    }

    private enum Phase {
        /// Can become: closing, closed.
        case open
        /// No new frames; waiting control frames still go out. Can become: closed.
        case closing
        /// Terminal.
        case closed
    }

    private struct Outbox {
        var queue: LaneQueue
        var phase = Phase.open
        // A flush is under way or waits for the channel to be writable: no need to ask again.
        var isAwake = false
    }

    let channel: any Channel
    let limits: LinkLimits
    let inbox: FrameInbox
    private let handshake = OneShot<Result<PeerIdentity, LinkError>>()
    private let outbox: Mutex<Outbox>
    private let currentFrameLimit: Atomic<Int>
    private let failure = OneShot<LinkError>()
    private let ended = OneShot<Void>()
    private let onHandshakeEnded: (@Sendable () -> Void)?
    private let onFailure: (@Sendable (LinkError) -> Void)?

    /// Makes the shared part of one connection.
    ///
    /// On the event loop `onHandshakeEnded` is told once, however it ended, and then `onFailure` why it failed, if so.
    package init(
        channel: any Channel, limits: LinkLimits,
        onHandshakeEnded: (@Sendable () -> Void)? = nil,
        onFailure: (@Sendable (LinkError) -> Void)? = nil
    ) {
        self.channel = channel
        self.limits = limits
        self.onHandshakeEnded = onHandshakeEnded
        self.onFailure = onFailure
        self.outbox = Mutex(Outbox(queue: LaneQueue(limits: limits)))
        self.currentFrameLimit = Atomic(limits.initialFrameBytes)
        self.inbox = FrameInbox(limits: limits) {
            channel.triggerUserOutboundEvent(Command.resume, promise: nil)
        }
        // The one sign that always comes, also for a channel that never became active.
        channel.closeFuture.whenComplete { [self] _ in
            finish(nil)
            ended.fulfil(())
        }
    }

    // MARK: - For the owner

    var frameLimit: Int {
        get { currentFrameLimit.load(ordering: .acquiring) }
        set {
            let limit = min(max(newValue, 1), limits.maximumFrameBytes)
            currentFrameLimit.store(limit, ordering: .releasing)
        }
    }

    func send(_ payload: [UInt8], lane: Lane) -> SendResult {
        let (result, command) = outbox.withLock { outbox -> (SendResult, Command?) in
            guard case .open = outbox.phase else { return (.closed, nil) }
            switch outbox.queue.enqueue(payload, lane: lane) {
            case .queued: return (.queued, Self.wake(&outbox))
            case .full: return (.queueFull, nil)
            case .tooLarge: return (.tooLarge, nil)
            case .stuck:
                outbox.phase = .closed
                let error = LinkError(.stuck, "the peer does not take its control frames")
                return (.closed, .giveUp(error))
            }
        }
        if let command { order(command) }
        return result
    }

    func addCredit(_ bytes: Int) {
        let command = outbox.withLock { outbox in
            outbox.queue.addCredit(bytes)
            return Self.wake(&outbox)
        }
        if let command { order(command) }
    }

    func close() {
        let isFirst = outbox.withLock { outbox in
            guard case .open = outbox.phase else { return false }
            outbox.phase = .closing
            outbox.queue.keepOnlyControl()
            return true
        }
        guard isFirst else { return }
        inbox.finish(nil)
        order(.close)
    }

    /// Waits until the peer is verified, or is not.
    ///
    /// Throws `CancellationError`.
    func waitForHandshake() async throws -> Result<PeerIdentity, LinkError> {
        try await handshake.wait()
    }

    /// Waits until the socket is closed; nil after an end without failure.
    func waitUntilClosed() async throws -> LinkError? {
        try await ended.wait()
        return failure.current
    }

    /// The same in a cancelled task.
    ///
    /// Only after `close`, which bounds the wait.
    func waitUntilClosedIgnoringCancellation() async {
        _ = await ended.waitIgnoringCancellation()
    }

    private static func wake(_ outbox: inout Outbox) -> Command? {
        guard !outbox.isAwake, outbox.queue.hasSendable else { return nil }
        outbox.isAwake = true
        return .flush
    }

    private func order(_ command: Command) {
        channel.triggerUserOutboundEvent(command, promise: nil)
    }

    // MARK: - For the handler

    /// Says how the handshake ended; the first call counts.
    func endHandshake(_ result: Result<PeerIdentity, LinkError>) {
        if handshake.fulfil(result) { onHandshakeEnded?() }
    }

    /// Takes the most urgent frames, at most about `bytes`, but at least one if there is any.
    func takeBatch(bytes: Int) -> [[UInt8]] {
        outbox.withLock { outbox in
            var batch: [[UInt8]] = []
            var total = 0
            while total < bytes, let payload = outbox.queue.next() {
                batch.append(payload)
                total += Frame.headerBytes + payload.count
            }
            if batch.isEmpty { outbox.isAwake = false }
            return batch
        }
    }

    /// Whether the owner wants to close and nothing is left that must go out first.
    var isDrained: Bool {
        outbox.withLock { outbox in
            guard case .closing = outbox.phase else { return false }
            return !outbox.queue.hasControl
        }
    }

    /// Ends everything the owner can wait for; the first error counts.
    func finish(_ error: LinkError?, tail: FrameDecoder? = nil) {
        outbox.withLock { outbox in
            outbox.phase = .closed
            outbox.queue = LaneQueue(limits: limits)
        }
        let isFirst = error.map { failure.fulfil($0) } ?? false
        inbox.finish(error, tail: tail)
        endHandshake(.failure(error ?? LinkError(.closed, "the connection is closed")))
        if isFirst, let error { onFailure?(error) }
    }
}
