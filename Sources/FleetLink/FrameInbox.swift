import NIOCore
import Synchronization

/// Frames received and not consumed yet: filled on the event loop, emptied by one task.
///
/// It never holds more than its bounds. When a further frame of the largest size would not fit, it says so, the
/// socket is left alone, and `onRoom` is called when the consumer has emptied half.
package final class FrameInbox: Sendable {
    private struct State {
        var frames = CircularBuffer<[UInt8]>()
        var bytes = 0
        var isPaused = false
        var isFinished = false
        var failure: LinkError?
        // Bytes that came with the end while the consumer lagged; cut into frames only on demand.
        var tail: FrameDecoder?
        var waiter: CheckedContinuation<Turn, Never>?
    }

    private enum Turn: Sendable {
        case frame([UInt8], resume: Bool)
        case end
        case failed(LinkError)
        case cancelled
    }

    private let state = Mutex(State())
    private let limits: LinkLimits
    private let onRoom: @Sendable () -> Void

    /// Makes an empty inbox; `onRoom` is called on the consumer's thread, only after `push` or `hasRoom` gave false.
    package init(limits: LinkLimits, onRoom: @escaping @Sendable () -> Void) {
        precondition(
            limits.inboundFrames > 0 && limits.inboundBytes >= limits.maximumFrameBytes,
            "an inbox that never has room for a frame would wait for ever")
        self.limits = limits
        self.onRoom = onRoom
    }

    /// Number of frames that wait.
    package var count: Int { state.withLock { $0.frames.count } }

    /// Payload bytes that wait.
    package var bytes: Int { state.withLock { $0.bytes } }

    /// Whether a frame of the largest size fits.
    ///
    /// If not, `onRoom` will be called.
    package func hasRoom() -> Bool {
        state.withLock { state in
            state.isPaused =
                state.frames.count >= limits.inboundFrames
                || limits.inboundBytes - state.bytes < limits.maximumFrameBytes
            return !state.isPaused
        }
    }

    /// Adds a frame; only after `hasRoom` gave true.
    ///
    /// Frames after the end are dropped.
    package func push(_ frame: [UInt8]) {
        let waiter: CheckedContinuation<Turn, Never>? = state.withLock { state in
            guard !state.isFinished else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.frames.append(frame)
            state.bytes += frame.count
            return nil
        }
        waiter?.resume(returning: .frame(frame, resume: false))
    }

    /// Ends the stream after what waits; the first end counts.
    package func finish(_ failure: LinkError?, tail: FrameDecoder? = nil) {
        let ended: (CheckedContinuation<Turn, Never>, Turn)? = state.withLock { state in
            guard !state.isFinished else { return nil }
            state.isFinished = true
            state.failure = failure
            state.tail = tail
            guard let waiter = state.waiter else { return nil }
            state.waiter = nil
            return (waiter, Self.take(&state, limits) ?? .end)
        }
        if let (waiter, turn) = ended { waiter.resume(returning: turn) }
    }

    /// The next frame; nil after a clean end.
    ///
    /// Throws the failure that ended the stream, `CancellationError`, or `misuse` for a second consumer.
    package func next() async throws -> [UInt8]? {
        let turn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let turn: Turn? = state.withLock { state in
                    if Task.isCancelled { return .cancelled }
                    if let turn = Self.take(&state, limits) { return turn }
                    guard state.waiter == nil else {
                        return .failed(LinkError(.misuse, "a second task reads the frames"))
                    }
                    state.waiter = continuation
                    return nil
                }
                if let turn { continuation.resume(returning: turn) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiter
                state.waiter = nil
                return waiter
            }
            waiter?.resume(returning: .cancelled)
        }
        switch turn {
        case .frame(let frame, let resume):
            if resume { onRoom() }
            return frame
        case .end: return nil
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        }
    }

    /// What the consumer gets now; nil when it has to wait.
    private static func take(_ state: inout State, _ limits: LinkLimits) -> Turn? {
        if let frame = state.frames.popFirst() {
            state.bytes -= frame.count
            let resume =
                state.isPaused && state.frames.count <= limits.inboundFrames / 2
                && state.bytes <= (limits.inboundBytes - limits.maximumFrameBytes) / 2
            if resume { state.isPaused = false }
            return .frame(frame, resume: resume)
        }
        guard state.isFinished else { return nil }
        do {
            if let frame = try state.tail?.next() { return .frame(frame, resume: false) }
        } catch {
            state.tail = nil
            return .failed(error)
        }
        if let failure = state.failure { return .failed(failure) }
        guard state.tail?.isMidFrame == true else { return .end }
        return .failed(LinkError(.truncated, "the connection ended in the middle of a frame"))
    }
}
