import FleetCore
package import FleetLink
import FleetWire
package import Logging
package import RedisStore
import Synchronization

/// Takes the agents' connections: it checks who they are, decodes what they say, and hands it on.
package struct LinkService: Sendable {
    let loop: ControlLoop
    let sessions: SessionTable
    /// The durable record, for what is no longer in memory.
    let record: FleetStore
    let logs: LogStore
    let uploads: UploadDesk
    let inputs: InputDesk
    let counters: LinkCounters
    let logger: Logger

    /// How long a peer may take to say hello once its certificate is checked.
    static let helloWithin = Duration.seconds(3)
    /// Bytes of log an agent may have on its way.
    static let logCredit = 256 << 10
    /// The largest message of an agent, in bytes.
    static let frameMax = 1 << 20

    /// Creates the service.
    package init(
        loop: ControlLoop, sessions: SessionTable, record: FleetStore, logs: LogStore,
        uploads: UploadDesk, inputs: InputDesk, counters: LinkCounters, logger: Logger
    ) {
        self.loop = loop
        self.sessions = sessions
        self.record = record
        self.logs = logs
        self.uploads = uploads
        self.inputs = inputs
        self.counters = counters
        self.logger = logger
    }

    /// Listens until cancelled; `context` is evaluated for each connection.
    package func run(
        host: String, port: Int, context: @autoclosure @escaping @Sendable () -> TLSContext,
        onBound: @Sendable (Int) -> Void
    ) async throws {
        try await LinkServer.run(
            host: host, port: port, context: context(), logger: logger, onBound: onBound,
            onRefused: { refusal in
                counters.refused(refusal.reason.rawValue)
                logger.warning(
                    "link refused",
                    metadata: [
                        "remote": "\(refusal.remoteAddress)",
                        "code": "\(refusal.reason.rawValue)",
                        "reason": "\(refusal.detail)",
                    ])
            },
            handler: { await serve($0) })
    }

    private func serve(_ connection: LinkConnection) async {
        var name: NodeName?
        let session = sessions.newSession()
        do {
            let frames = connection.inbound.makeAsyncIterator()
            let hello = try await greet(connection, frames)
            let issuedAt = Authority.issueTime(notBefore: connection.peer.notBefore)
            try await requireValid(hello.node, issuedAt, connection)
            name = hello.node
            connection.setFrameLimit(Self.frameMax)
            sessions.add(session, connection)
            loop.post(.connected(hello, session, issuedAt: issuedAt))
            sessions.send(.logCredit(bytes: UInt32(Self.logCredit)), to: session)
            logger.info(
                "agent connected",
                metadata: [
                    "node": "\(hello.node)", "session": "\(session)",
                    "incarnation": "\(hello.incarnation)", "version": "\(hello.version)",
                ])
            try await converse(hello.node, session, frames)
        } catch {
            logger.notice(
                "agent's link ended",
                metadata: [
                    "node": "\(name?.rawValue ?? "?")",
                    "remote": "\(connection.remoteAddress)",
                    "error": "\(error)",
                ])
        }
        sessions.remove(session)
        if let name { loop.post(.disconnected(name, session)) }
    }

    /// Waits for hello and checks it against the certificate.
    private func greet(
        _ connection: LinkConnection, _ frames: InboundFrames.AsyncIterator
    ) async throws -> Hello {
        let frame = try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { try await frames.next() }
            group.addTask {
                try await Task.sleep(for: Self.helloWithin)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let frame else {
            counters.refused("no_hello")
            throw IdentityError("no hello in time")
        }
        guard case .hello(let hello) = try decode(frame) else {
            counters.refused("no_hello")
            throw IdentityError("the first message was no hello")
        }
        guard connection.peer.commonName == hello.node.rawValue else {
            counters.refused("wrong_name")
            refuse(connection, "the certificate is not that of node \(hello.node)")
            throw IdentityError(
                "certificate of \(connection.peer.commonName ?? "nobody") says it is \(hello.node)")
        }
        guard hello.protocolVersion == LinkProtocol.version else {
            counters.refused("wrong_version")
            refuse(connection, "this controller speaks link version \(LinkProtocol.version)")
            throw IdentityError("link version \(hello.protocolVersion) is not spoken here")
        }
        return hello
    }

    /// Refuses a certificate that a ban has made void, before anything is told to who shows it.
    ///
    /// The machine refuses it again: a ban may come just now.
    private func requireValid(
        _ node: NodeName, _ issuedAt: Instant, _ connection: LinkConnection
    ) async throws {
        let isVoid = await loop.read { controller, _ in
            controller.isVoid(certificateOf: node, issuedAt: issuedAt)
        }
        guard isVoid else { return }
        counters.refused("void_certificate")
        refuse(
            connection, "node \(node) was banned: its certificate is void",
            certificateIsVoid: true)
        throw IdentityError("the certificate of \(node) is void: it was banned")
    }

    private func decode(_ frame: [UInt8]) throws -> AgentMessage {
        do {
            return try WireCodec.decodeAgent(frame)
        } catch {
            counters.refused("bad_message")
            throw error
        }
    }

    private func refuse(
        _ connection: LinkConnection, _ reason: String, certificateIsVoid: Bool = false
    ) {
        let goodbye = ControllerMessage.goodbye(
            reason: reason, certificateIsVoid: certificateIsVoid)
        if let bytes = try? WireCodec.encode(goodbye) {
            connection.send(bytes, lane: .control)
        }
    }

    private func converse(
        _ node: NodeName, _ session: SessionID, _ frames: InboundFrames.AsyncIterator
    ) async throws {
        let pieces = LogIntake(self, node: node, session: session)
        // What has come before the link ends is kept also after it.
        Task { await pieces.run() }
        defer { pieces.end() }
        let questions = Questions()
        while let frame = try await frames.next() {
            let message = try decode(frame)
            counters.received(message)
            switch message {
            case .log(let chunk):
                try pieces.add(chunk, bytes: frame.count)
            case .uploadRequest(let id, let request):
                let grant = await uploads.grant(request, to: node)
                sessions.send(.uploadGrant(id: id, grant), to: session)
            case .inputRequest(let id, let request):
                // Stores may be slow, and a heartbeat behind the question must not wait for them.
                guard questions.begin() else {
                    let grant = InputGrant(refusal: "too many questions at once", isPassing: true)
                    sessions.send(.inputGrant(id: id, grant), to: session)
                    continue
                }
                Task { [inputs, sessions] in
                    let grant = await inputs.grant(request, to: node)
                    questions.end()
                    sessions.send(.inputGrant(id: id, grant), to: session)
                }
            case .hello, .heartbeat, .report, .telemetry, .unknown:
                loop.post(.message(node, session, message))
            }
        }
    }
}

/// Questions of one session that are being answered.
private final class Questions: Sendable {
    private let open = Atomic(0)
    private static let most = 32

    /// Whether one more may be answered beside the others.
    func begin() -> Bool {
        guard open.add(1, ordering: .relaxed).newValue > Self.most else { return true }
        end()
        return false
    }

    func end() { open.subtract(1, ordering: .relaxed) }
}
