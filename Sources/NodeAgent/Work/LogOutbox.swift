import FleetCore
import Logging
import Settings
import Synchronization

/// The logs of all attempts, on their way to the controller.
///
/// A log is held from its first piece, or from ``hold(_:from:)``, until the controller says that it
/// keeps all of it.
final class LogOutbox: Sendable {
    private struct Log {
        var backlog: LogBacklog
        var meter = ProgressMeter()
        /// Whether somebody still reads it from its source.
        var isHeld = false
        /// Whether the attempt is over.
        var isForgotten = false
    }
    private struct State {
        var logs: [AttemptKey: Log] = [:]
        /// Whose turn it is; every attempt with a log is in it once.
        var turns: [AttemptKey] = []
        /// Attempts that have ended for the controller, oldest first; what is left of their logs still goes.
        var closing: [AttemptKey] = []
        /// Attempts whose logs were let go of lately: what comes too late begins no second one.
        var gone: [AttemptKey] = []
    }
    private let state = Mutex(State())
    private let signal = Signal()
    /// Set, if only to what it is, whenever there may be room in a log again.
    private let moved = Latest(true)
    private let logger: Logger
    private let post: @Sendable (AgentEvent) -> Void

    /// The most logs of ended attempts that are kept until they are sent.
    static let closingMax = 16
    private static let goneMax = 64
    /// How soon it is tried again when the link takes no more.
    private static let retryAfter = Duration.milliseconds(200)

    init(logger: Logger, post: @escaping @Sendable (AgentEvent) -> Void) {
        self.logger = logger
        self.post = post
    }

    // MARK: What is written

    /// Adds what an attempt's work has written; a log tells how far the work is, a text does not.
    func append(
        _ key: AttemptKey, _ bytes: some BidirectionalCollection<UInt8>,
        from source: LogSource = .stdout, at time: Int64 = WallTime.now, tellsProgress: Bool = true
    ) {
        guard !bytes.isEmpty else { return }
        let step = state.withLock { state -> FleetCore.Progress? in
            guard !state.gone.contains(key) else { return nil }
            Self.open(key, from: 0, &state)
            state.logs[key]?.backlog.append(bytes, from: source, at: time)
            return tellsProgress ? state.logs[key]?.meter.note(bytes) : nil
        }
        if let step { post(.progress(key, step)) }
        signal.nudge()
    }

    /// Waits until more of a log is none too much; one that nobody wants takes all.
    ///
    /// Throws `CancellationError`.
    func waitForRoom(_ key: AttemptKey) async throws {
        _ = try await moved.wait { [self] _ in hasRoom(key) }
    }

    /// Whether nobody has to wait for room in a log.
    func hasRoom(_ key: AttemptKey) -> Bool {
        state.withLock { $0.logs[key]?.backlog.hasRoom ?? true }
    }

    /// Notes that something of a log is lost, at that place or behind.
    func appendLoss(
        _ key: AttemptKey, _ loss: LogLoss, from offset: UInt64 = 0, at time: Int64 = WallTime.now
    ) {
        state.withLock { state in
            guard !state.gone.contains(key) else { return }
            Self.open(key, from: 0, &state)
            state.logs[key]?.backlog.append(loss, from: offset, at: time)
        }
        signal.nudge()
    }

    /// Keeps a log open, even when its attempt is over, until ``release(_:)``; a new one begins at the
    /// offset.
    func hold(_ key: AttemptKey, from offset: UInt64) {
        state.withLock { state in
            Self.open(key, from: offset, &state)
            state.logs[key]?.isHeld = true
        }
    }

    /// A log has been read to its end.
    func release(_ key: AttemptKey) {
        state.withLock { state in
            state.logs[key]?.isHeld = false
            Self.finish(key, &state)
        }
        signal.nudge()
    }

    /// An attempt is over: its log is let go of as soon as the controller has it.
    func forget(_ key: AttemptKey) {
        let dropped = state.withLock { state -> AttemptKey? in
            guard !state.gone.contains(key) else { return nil }
            Self.open(key, from: 0, &state)
            if state.logs[key]?.isForgotten == false { state.closing.append(key) }
            state.logs[key]?.isForgotten = true
            Self.finish(key, &state)
            guard state.closing.count > Self.closingMax else { return nil }
            let oldest = state.closing.removeFirst()
            return Self.drop(oldest, &state) ? oldest : nil
        }
        signal.nudge()
        moved.set(true)
        guard let dropped else { return }
        logger.warning(
            "the end of a log is lost: too many wait for the controller",
            metadata: ["attempt": "\(dropped)"])
    }

    /// Where the part of a log ends that has surely arrived; nil when its attempt is over.
    func settled(_ key: AttemptKey) -> UInt64? {
        state.withLock { state in
            state.logs[key].flatMap { $0.isForgotten ? nil : $0.backlog.settled }
        }
    }

    /// How many attempts' logs are held.
    var count: Int { state.withLock { $0.logs.count } }

    private static func open(_ key: AttemptKey, from offset: UInt64, _ state: inout State) {
        guard state.logs[key] == nil else { return }
        state.logs[key] = Log(backlog: LogBacklog(from: offset))
        state.turns.append(key)
    }

    private static func finish(_ key: AttemptKey, _ state: inout State) {
        guard let log = state.logs[key], log.isForgotten, !log.isHeld else { return }
        state.logs[key]?.backlog.finish()
    }

    /// Lets go of a log; whether something of it was still to be sent.
    private static func drop(_ key: AttemptKey, _ state: inout State) -> Bool {
        state.turns.removeAll { $0 == key }
        state.closing.removeAll { $0 == key }
        state.gone.append(key)
        if state.gone.count > goneMax { state.gone.removeFirst() }
        return state.logs.removeValue(forKey: key)?.backlog.isEmpty == false
    }

    // MARK: What is sent

    /// There is a new link: what the last one had on its way is sent once more.
    func rewind() {
        state.withLock { state in
            for key in state.turns { state.logs[key]?.backlog.rewind() }
        }
        signal.nudge()
    }

    /// The link may take more.
    func nudge() { signal.nudge() }

    /// The controller keeps all of a log.
    func kept(_ key: AttemptKey) {
        state.withLock { state in
            guard let log = state.logs[key], log.isForgotten, !log.isHeld else { return }
            _ = Self.drop(key, &state)
        }
        moved.set(true)
    }

    /// Sends until cancelled; `send` says whether the link took a piece.
    func run(send: @Sendable (FleetCore.LogChunk) -> Bool) async {
        while !Task.isCancelled {
            var isBlocked = false
            while !isBlocked, let chunk = next() {
                if send(chunk) {
                    moved.set(true)
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
                guard let piece = state.logs[key]?.backlog.next() else { continue }
                state.turns.append(state.turns.remove(at: index))
                return FleetCore.LogChunk(
                    key: key, offset: piece.offset, text: piece.text, isLast: piece.isLast)
            }
            return nil
        }
    }

    private func takeBack(_ key: AttemptKey) {
        state.withLock { $0.logs[key]?.backlog.takeBack() }
    }
}
