import FleetCore
import Synchronization

/// The logs of all attempts, on their way to the controller.
final class LogOutbox: Sendable {
    private struct State {
        var logs: [AttemptKey: LogBacklog] = [:]
        var meters: [AttemptKey: ProgressMeter] = [:]
        /// Whose turn it is; every attempt with a log is in it once.
        var turns: [AttemptKey] = []
        /// Attempts that have ended for the controller, oldest first; what is left of their logs still goes.
        var closing: [AttemptKey] = []
    }
    private let state = Mutex(State())
    private let signal = Signal()
    private let post: @Sendable (AgentEvent) -> Void

    /// The most logs of ended attempts that are kept until they are sent.
    private static let closingMax = 16
    /// How soon it is tried again when the link takes no more.
    private static let retryAfter = Duration.milliseconds(200)

    init(post: @escaping @Sendable (AgentEvent) -> Void) { self.post = post }

    /// Adds what an attempt's work has written; a log tells how far the work is, a text does not.
    func append(
        _ key: AttemptKey, _ bytes: some BidirectionalCollection<UInt8>, tellsProgress: Bool = true
    ) {
        guard !bytes.isEmpty else { return }
        let step = state.withLock { state -> FleetCore.Progress? in
            if state.logs[key] == nil { state.turns.append(key) }
            state.logs[key, default: LogBacklog()].append(bytes)
            guard tellsProgress else { return nil }
            return state.meters[key, default: ProgressMeter()].note(bytes)
        }
        if let step { post(.progress(key, step)) }
        signal.nudge()
    }

    /// An attempt is over: its log is dropped as soon as it is sent.
    func forget(_ key: AttemptKey) {
        state.withLock { state in
            guard let log = state.logs[key] else { return }
            if log.isEmpty {
                Self.drop(key, &state)
                return
            }
            state.closing.append(key)
            if state.closing.count > Self.closingMax, let oldest = state.closing.first {
                Self.drop(oldest, &state)
            }
        }
    }

    private static func drop(_ key: AttemptKey, _ state: inout State) {
        state.logs[key] = nil
        state.meters[key] = nil
        state.turns.removeAll { $0 == key }
        state.closing.removeAll { $0 == key }
    }

    /// How many attempts' logs are held.
    var count: Int { state.withLock { $0.logs.count } }

    /// There is a new link: what the last one had on its way is sent once more.
    func rewind() {
        state.withLock { state in
            for key in state.turns { state.logs[key]?.rewind() }
        }
        signal.nudge()
    }

    /// The link may take more.
    func nudge() { signal.nudge() }

    /// Sends until cancelled; `send` says whether the link took a piece.
    func run(send: @Sendable (FleetCore.LogChunk) -> Bool) async {
        while !Task.isCancelled {
            var isBlocked = false
            while !isBlocked, let chunk = next() {
                if send(chunk) {
                    taken(chunk.key)
                } else {
                    takeBack(chunk.key)
                    isBlocked = true
                }
            }
            await signal.wait(atMost: isBlocked ? Self.retryAfter : nil)
        }
    }

    /// A piece of the log whose turn it is.
    private func next() -> FleetCore.LogChunk? {
        state.withLock { state in
            for index in state.turns.indices {
                let key = state.turns[index]
                guard let piece = state.logs[key]?.next() else { continue }
                state.turns.append(state.turns.remove(at: index))
                return FleetCore.LogChunk(key: key, offset: piece.offset, bytes: piece.bytes)
            }
            return nil
        }
    }

    /// The link has taken a piece; it may have been the last of an ended attempt.
    private func taken(_ key: AttemptKey) {
        state.withLock { state in
            if state.logs[key]?.isEmpty == true, state.closing.contains(key) {
                Self.drop(key, &state)
            }
        }
    }

    private func takeBack(_ key: AttemptKey) {
        state.withLock { $0.logs[key]?.takeBack() }
    }
}
