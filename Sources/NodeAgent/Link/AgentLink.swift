import FleetCore
import FleetLink
import FleetWire
import Logging
import Synchronization

/// What the link tells the loop.
enum LinkChange: Sendable {
    /// Connection number so and so is up; nothing was said on it yet.
    case up(UInt64)
    /// It is down.
    case down(UInt64)
    /// The controller said something on it.
    case message(ControllerMessage)
}

/// Keeps a connection to the controller, for ever.
final class AgentLink: Sendable {
    /// Where controllers are, and how they and we are known.
    struct Target: Sendable {
        /// One leads, the others stand by; never empty.
        var places: [AgentSettings.Place]
        /// The name in their certificates; nil for the host of each.
        var serverName: String?
        var enrolment: Enrolment
    }

    private struct State {
        var epoch: UInt64 = 0
        var connection: LinkConnection?
        /// Bytes of log that may still go out.
        var credit = 0
        var heardAt = ContinuousClock.now
        /// How long the controller may be silent before the connection is given up.
        var silenceMax = AgentLink.greetingSilenceMax
    }
    private let target: Target
    private let meters: AgentMeters
    private let logger: Logger
    private let state = Mutex(State())
    /// The connection on which the controller has welcomed us; nil while there is none.
    let live = Latest<UInt64?>(nil)
    /// Hears of answers to questions about outputs.
    let uploadAnswers = Mutex<@Sendable (UInt64, UploadGrant) -> Void>({ _, _ in })
    /// Hears of answers to questions about inputs.
    let inputAnswers = Mutex<@Sendable (UInt64, InputGrant) -> Void>({ _, _ in })
    private let onChange: @Sendable (LinkChange) -> Void
    private let onCredit: @Sendable () -> Void
    private let onLogKept: @Sendable (AttemptKey) -> Void

    static let greetingSilenceMax = Duration.seconds(15)
    /// A connection that lasted this long counts as good: the next try comes soon.
    private static let lasting = Duration.seconds(10)

    init(
        target: Target, meters: AgentMeters, logger: Logger,
        onChange: @escaping @Sendable (LinkChange) -> Void,
        onCredit: @escaping @Sendable () -> Void,
        onLogKept: @escaping @Sendable (AttemptKey) -> Void
    ) {
        precondition(!target.places.isEmpty, "there is a controller to connect to")
        self.target = target
        self.meters = meters
        self.logger = logger
        self.onChange = onChange
        self.onCredit = onCredit
        self.onLogKept = onLogKept
    }

    // MARK: Sending

    /// Says something on that connection, if it is still the present one.
    func send(_ message: AgentMessage, epoch: UInt64, lane: Lane = .control) {
        guard
            let connection = state.withLock({ $0.epoch == epoch ? $0.connection : nil })
        else { return }
        do {
            connection.send(try WireCodec.encode(message), lane: lane)
            meters.sent()
        } catch {
            logger.error("message cannot be sent", metadata: ["error": "\(error)"])
        }
    }

    /// Says something on the connection the controller has welcomed us on; false when there is none.
    func sendLive(_ message: AgentMessage, lane: Lane = .control) -> Bool {
        guard let epoch = live.value else { return false }
        send(message, epoch: epoch, lane: lane)
        return true
    }

    /// Sends a piece of log if the controller's credit allows it.
    func sendLog(_ chunk: LogChunk) -> Bool {
        guard live.value != nil else { return false }
        let connection = state.withLock { $0.credit > 0 ? $0.connection : nil }
        guard let connection else { return false }
        let bytes: [UInt8]
        do {
            bytes = try WireCodec.encode(AgentMessage.log(chunk))
        } catch {
            logger.error("log cannot be sent", metadata: ["error": "\(error)"])
            return true
        }
        guard connection.send(bytes, lane: .bulk) == .queued else { return false }
        state.withLock { $0.credit -= bytes.count }
        meters.sentLog(chunk.text.count)
        return true
    }

    /// Ends that connection; another one is made.
    func close(epoch: UInt64, reason: String) {
        logger.notice("link is ended", metadata: ["reason": "\(reason)"])
        state.withLock { $0.epoch == epoch ? $0.connection : nil }?.close()
    }

    // MARK: Running

    /// Connects again and again until cancelled: to each controller in turn, with a wait after each round.
    func run() async {
        // Where another may take over, it does so within seconds.
        let cap = target.places.count > 1 ? Duration.seconds(1) : .seconds(5)
        var backoff = Backoff(cap: cap, generator: SystemRandomNumberGenerator())
        var lastErrors: [Int: String] = [:]
        var turn = 0
        var missed = 0
        while !Task.isCancelled {
            var begin = ContinuousClock.now
            do {
                let place = target.places[turn]
                // Before the first time it may take days.
                let credential = try await target.enrolment.credential(from: place)
                begin = .now
                try await connectOnce(place, credential)
                logger.notice("link ended")
                lastErrors = [:]
            } catch {
                let text = "\(error)"
                meters.linkFailed()
                // The same trouble every few seconds is one piece of news.
                if !Task.isCancelled, text != lastErrors[turn] {
                    logger.warning(
                        "no link to the controller",
                        metadata: ["remote": "\(target.places[turn])", "error": "\(text)"])
                }
                lastErrors[turn] = text
            }
            if ContinuousClock.now - begin > Self.lasting {
                // It may be there again in a moment.
                backoff.reset()
                missed = 0
            } else {
                turn = (turn + 1) % target.places.count
                missed += 1
                if missed % target.places.count != 0 { continue }
            }
            try? await Task.sleep(for: backoff.next(), clock: .continuous)
        }
    }

    private func connectOnce(
        _ place: AgentSettings.Place, _ credential: Identity.Credential
    ) async throws {
        try await LinkClient.withConnection(
            host: place.host, port: place.port, serverName: target.serverName ?? place.host,
            context: credential.context, logger: logger
        ) { connection in
            connection.setFrameLimit(WireLimits.message)
            let epoch = attach(connection)
            logger.info(
                "link connected", metadata: ["remote": "\(connection.remoteAddress)"])
            onChange(.up(epoch))
            defer {
                detach(epoch)
                onChange(.down(epoch))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.read(connection, epoch, credential) }
                group.addTask { try await self.watch() }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    private func attach(_ connection: LinkConnection) -> UInt64 {
        state.withLock { state in
            state.epoch += 1
            state.connection = connection
            state.credit = 0
            state.heardAt = .now
            state.silenceMax = Self.greetingSilenceMax
            return state.epoch
        }
    }

    private func detach(_ epoch: UInt64) {
        live.set(nil)
        state.withLock { $0.connection = nil }
    }

    private func read(
        _ connection: LinkConnection, _ epoch: UInt64, _ credential: Identity.Credential
    ) async throws {
        for try await frame in connection.inbound {
            state.withLock { $0.heardAt = .now }
            meters.received()
            let message = try WireCodec.decodeController(frame)
            switch message {
            case .logCredit(let bytes):
                let bytes = Int(clamping: bytes)
                connection.addCredit(bytes)
                state.withLock { $0.credit = min($0.credit + bytes, 16 << 20) }
                onCredit()
            case .logKept(let key): onLogKept(key)
            case .uploadGrant(let id, let grant): uploadAnswers.withLock { $0 }(id, grant)
            case .inputGrant(let id, let grant): inputAnswers.withLock { $0 }(id, grant)
            case .welcome(let welcome):
                state.withLock {
                    $0.silenceMax = max(Self.greetingSilenceMax, welcome.heartbeat * 3)
                }
                onChange(.message(message))
                live.set(epoch)
                onCredit()
            case .goodbye(let reason, let certificateIsVoid):
                logger.warning("the controller says goodbye", metadata: ["reason": "\(reason)"])
                if certificateIsVoid { target.enrolment.giveUp(credential.certificate) }
                onChange(.message(message))
            case .renewed, .assignments, .acknowledged, .unknown: onChange(.message(message))
            }
        }
    }

    /// Ends when the controller is silent for too long: each heartbeat is answered.
    private func watch() async throws {
        while true {
            let left = state.withLock { $0.silenceMax - (ContinuousClock.now - $0.heardAt) }
            guard left > .zero else {
                throw LinkError(.connectionLost, "the controller is silent")
            }
            try await Task.sleep(for: left, clock: .continuous)
        }
    }
}
