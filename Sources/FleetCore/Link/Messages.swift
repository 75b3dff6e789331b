/// What an agent tells the controller.
package enum AgentMessage: Hashable, Sendable {
    /// The first message on a connection.
    case hello(Hello)
    /// "I am alive": asks for the leases to be renewed.
    case heartbeat(sequence: UInt64)
    /// A change of something observed; resent until acknowledged.
    case report(sequence: UInt64, Report)
    /// A sample of the machine; the last one wins.
    case telemetry(Telemetry)
    /// A piece of a job's log.
    case log(LogChunk)
    /// Asks where to put an output; answered by `uploadGrant` with the same id.
    case uploadRequest(id: UInt64, UploadRequest)
    /// Asks what an input refers to; answered by `inputGrant` with the same id.
    case inputRequest(id: UInt64, InputRequest)
    /// A message of a newer version; ignored.
    case unknown(UInt32)
}

/// What the controller tells an agent.
package enum ControllerMessage: Hashable, Sendable {
    /// The answer to `hello`.
    case welcome(Welcome)
    /// The leases are renewed from the moment heartbeat `sequence` was sent.
    case renewed(sequence: UInt64)
    /// What the node shall run.
    case assignments(Assignments)
    /// Report `sequence` is stored.
    case acknowledged(sequence: UInt64)
    /// The agent may send so many more bytes of log.
    case logCredit(bytes: UInt32)
    /// The attempt's log is kept to its last piece.
    case logKept(AttemptKey)
    /// The answer to `uploadRequest`.
    case uploadGrant(id: UInt64, UploadGrant)
    /// The answer to `inputRequest`.
    case inputGrant(id: UInt64, InputGrant)
    /// The session is refused or over; the text says why, and whether the node needs another certificate.
    case goodbye(reason: String, certificateIsVoid: Bool = false)
    /// A message of a newer version; ignored.
    case unknown(UInt32)
}

/// Who connects, and what runs there.
package struct Hello: Hashable, Sendable {
    /// The node's name; must be that of the certificate.
    package var node: NodeName
    /// This life of the agent.
    package var incarnation: Incarnation
    /// The agent's version.
    package var version: String
    /// The protocol's version, `LinkProtocol.version`.
    package var protocolVersion: UInt32
    /// The controller's term when the agent last heard of one.
    package var term: UInt64
    /// Logical processors.
    package var processors: UInt32
    /// Memory in bytes.
    ///
    /// All that the machine has but what its agent reserves beyond the controller's own reserve.
    package var memory: UInt64
    /// The attempts the agent knows and has not been told to forget.
    package var attempts: [AttemptKey]

    /// Creates a hello.
    package init(
        node: NodeName, incarnation: Incarnation, version: String,
        protocolVersion: UInt32 = LinkProtocol.version, term: UInt64 = 0, processors: UInt32 = 0,
        memory: UInt64 = 0, attempts: [AttemptKey] = []
    ) {
        self.node = node
        self.incarnation = incarnation
        self.version = version
        self.protocolVersion = protocolVersion
        self.term = term
        self.processors = processors
        self.memory = memory
        self.attempts = attempts
    }
}

/// Facts both ends of the link agree on.
package enum LinkProtocol {
    /// The version of the messages.
    package static let version: UInt32 = 1
}

/// The terms of a session.
package struct Welcome: Hashable, Sendable {
    /// The session; never used again.
    package var session: SessionID
    /// The controller's term; rises with each start.
    package var term: UInt64
    /// The name of the fleet, for labels.
    package var fleet: String
    /// How often to send a heartbeat.
    package var heartbeat: Duration
    /// How long after the last renewal the agent stops its attempts by itself.
    package var stopAfter: Duration
    /// Whether another life of the agent was seen since its machine started.
    package var hasFormerLife: Bool

    /// Creates a welcome.
    package init(
        session: SessionID, term: UInt64, fleet: String, heartbeat: Duration, stopAfter: Duration,
        hasFormerLife: Bool = false
    ) {
        self.session = session
        self.term = term
        self.fleet = fleet
        self.heartbeat = heartbeat
        self.stopAfter = stopAfter
        self.hasFormerLife = hasFormerLife
    }
}
