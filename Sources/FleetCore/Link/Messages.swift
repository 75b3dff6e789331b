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
    /// The answer to `uploadRequest`.
    case uploadGrant(id: UInt64, UploadGrant)
    /// The session is refused or over; the text says why.
    case goodbye(reason: String)
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

    /// Creates a welcome.
    package init(
        session: SessionID, term: UInt64, fleet: String, heartbeat: Duration, stopAfter: Duration
    ) {
        self.session = session
        self.term = term
        self.fleet = fleet
        self.heartbeat = heartbeat
        self.stopAfter = stopAfter
    }
}

/// What a node shall run: the whole set, or a change to it.
package struct Assignments: Hashable, Sendable {
    /// The term in which this was decided; an agent refuses an older one than it has seen.
    package var term: UInt64
    /// The set this one changes; nil for a complete set, which replaces everything.
    package var appliesTo: UInt64?
    /// The number of the set that results.
    package var resultsIn: UInt64
    /// Workers to run, new or changed.
    package var workers: [WorkerOrder]
    /// Workers to stop and remove.
    package var removedWorkers: [WorkerID]
    /// Attempts to run or to stop.
    package var attempts: [AttemptOrder]
    /// Attempts to forget: their end is stored.
    package var removedAttempts: [AttemptKey]
    /// The number of the last order to clean the node; 0 for none.
    ///
    /// A new number is a new order.
    package var cleaning: UInt64

    /// Creates a set.
    package init(
        term: UInt64, appliesTo: UInt64?, resultsIn: UInt64, workers: [WorkerOrder] = [],
        removedWorkers: [WorkerID] = [], attempts: [AttemptOrder] = [],
        removedAttempts: [AttemptKey] = [], cleaning: UInt64 = 0
    ) {
        self.term = term
        self.appliesTo = appliesTo
        self.resultsIn = resultsIn
        self.workers = workers
        self.removedWorkers = removedWorkers
        self.attempts = attempts
        self.removedAttempts = removedAttempts
        self.cleaning = cleaning
    }
}

/// A worker the node shall keep running.
package struct WorkerOrder: Hashable, Sendable, Codable {
    /// The worker's name on this node.
    package var id: WorkerID
    /// Rises when the order is given anew; a container of an older generation is replaced.
    package var generation: UInt64
    /// The container, its image fully named.
    package var spec: WorkerSpec
    /// Whether it is a service's pod: a pod runs on when the controller is gone.
    package var isPod: Bool
    /// How long the worker may take to become ready.
    package var readyWithin: Duration

    /// Creates an order.
    package init(
        id: WorkerID, generation: UInt64, spec: WorkerSpec, isPod: Bool, readyWithin: Duration
    ) {
        self.id = id
        self.generation = generation
        self.spec = spec
        self.isPod = isPod
        self.readyWithin = readyWithin
    }
}

/// An attempt the node shall run, or stop.
package struct AttemptOrder: Hashable, Sendable, Codable {
    /// The attempt.
    package var key: AttemptKey
    /// Where it runs.
    package var place: AttemptPlace
    /// The input, a JSON object as text.
    package var input: String
    /// The kind of job, which names the folder of its outputs.
    package var kind: JobKind
    /// Nil to run; else why it shall stop.
    package var stop: StopReason?

    /// Creates an order.
    package init(
        key: AttemptKey, place: AttemptPlace, input: String, kind: JobKind, stop: StopReason? = nil
    ) {
        self.key = key
        self.place = place
        self.input = input
        self.kind = kind
        self.stop = stop
    }
}

/// Where an attempt runs.
package enum AttemptPlace: Hashable, Sendable, Codable {
    /// As a request to a worker of the node.
    case worker(WorkerID)
    /// As a container of its own, run to its end.
    case container(ContainerOrder)
}

/// A container run to its end by the `exec` contract.
package struct ContainerOrder: Hashable, Sendable, Codable {
    /// The image, fully named.
    package var image: String
    /// The command; empty for the image's own.
    package var command: [String]
    /// Memory limit in bytes.
    package var memory: Int64?
    /// Creates an order.
    package init(image: String, command: [String], memory: Int64? = nil) {
        self.image = image
        self.command = command
        self.memory = memory
    }
}

/// Why a running attempt is stopped.
package enum StopReason: String, Hashable, Sendable, Codable {
    /// Somebody cancelled the job.
    case cancelled
    /// The job's deadline has passed.
    case deadline
    /// Another attempt of the job has won.
    case superseded
    /// The node is drained, or its roamer is released.
    case evicted
    /// A reason of a newer version.
    case unknown
}

/// A change the agent has observed.
package enum Report: Hashable, Sendable {
    /// A worker's phase.
    case worker(WorkerReport)
    /// An attempt's phase.
    case attempt(AttemptReport)
    /// The end of an order to clean.
    case cleaned(CleanReport)
}

/// How far a worker is.
package struct WorkerReport: Hashable, Sendable {
    /// The worker.
    package var id: WorkerID
    /// The order it follows.
    package var generation: UInt64
    /// How far it is.
    package var phase: WorkerPhase
    /// Progress of a pull or a start, 0…1, and what is being done.
    package var progress: Progress?
    /// Why it failed last.
    package var error: Failure?
    /// The digest or id of the image it runs.
    package var image: String
    /// How often its container was started again.
    package var restarts: UInt32

    /// Creates a report.
    package init(
        id: WorkerID, generation: UInt64, phase: WorkerPhase, progress: Progress? = nil,
        error: Failure? = nil, image: String = "", restarts: UInt32 = 0
    ) {
        self.id = id
        self.generation = generation
        self.phase = phase
        self.progress = progress
        self.error = error
        self.image = image
        self.restarts = restarts
    }
}

/// A worker's phases on its node.
package enum WorkerPhase: String, Hashable, Sendable, Codable {
    /// The order is known; nothing is done yet. Can become: pulling, starting, stopping.
    case accepted
    /// The image is being pulled. Can become: starting, failed, stopping.
    case pulling
    /// The container is made and started, and is not ready yet. Can become: ready, failed, stopping.
    case starting
    /// It takes jobs. Can become: failed, stopping.
    case ready
    /// It failed and is tried again after a wait. Can become: pulling, starting, stopping.
    case failed
    /// It is being stopped and removed. Can become: gone.
    case stopping
    /// Nothing of it is left.
    case gone
    /// A phase of a newer version.
    case unknown
}

/// How far an attempt is.
package struct AttemptReport: Hashable, Sendable {
    /// The attempt.
    package var key: AttemptKey
    /// How far it is.
    package var phase: AttemptPhase
    /// Progress, 0…1, and what is being done.
    package var progress: Progress?
    /// The outputs, when it succeeded.
    package var outputs: [Output]
    /// Why it failed.
    package var error: Failure?
    /// The container's exit code, where there was one.
    package var exitCode: Int32?

    /// Creates a report.
    package init(
        key: AttemptKey, phase: AttemptPhase, progress: Progress? = nil, outputs: [Output] = [],
        error: Failure? = nil, exitCode: Int32? = nil
    ) {
        self.key = key
        self.phase = phase
        self.progress = progress
        self.outputs = outputs
        self.error = error
        self.exitCode = exitCode
    }
}

/// An attempt's phases on its node; they only move forward.
package enum AttemptPhase: String, Hashable, Sendable, Codable {
    /// The order is on the node's disk. Can become: every later phase.
    case accepted
    /// Image or container are being made ready. Can become: every later phase.
    case preparing
    /// The work runs. Can become: every later phase.
    case running
    /// The work is done, its outputs are being stored. Can become: every later phase.
    case uploading
    /// Done; the outputs are stored. Final.
    case succeeded
    /// It failed. Final.
    case failed
    /// It was stopped as ordered. Final.
    case stopped
    /// A phase of a newer version.
    case unknown

    /// Whether nothing can follow.
    package var isFinal: Bool {
        switch self {
        case .succeeded, .failed, .stopped: true
        case .accepted, .preparing, .running, .uploading, .unknown: false
        }
    }

    /// The order of the phases; the final ones are equal.
    package var rank: Int {
        switch self {
        case .unknown: -1
        case .accepted: 0
        case .preparing: 1
        case .running: 2
        case .uploading: 3
        case .succeeded, .failed, .stopped: 4
        }
    }
}

/// How much is done, and of what.
package struct Progress: Hashable, Sendable, Codable {
    /// 0…1; nil when it cannot be told.
    package var fraction: Double?
    /// What is being done, for people: `pulling 120 of 900 MB`.
    package var text: String
    /// Creates a progress.
    package init(fraction: Double? = nil, text: String) {
        self.fraction = fraction
        self.text = text
    }
}

/// The end of an order to clean a node.
package struct CleanReport: Hashable, Sendable {
    /// The order's number.
    package var order: UInt64
    /// Empty when the node is verified clean; else what is left, one line each.
    package var leftovers: [String]
    /// Creates a report.
    package init(order: UInt64, leftovers: [String]) {
        self.order = order
        self.leftovers = leftovers
    }
}

/// An output of a job, stored.
package struct Output: Hashable, Sendable, Codable {
    /// Its name, one path component.
    package var name: String
    /// Its media type.
    package var contentType: String
    /// Its size in bytes.
    package var size: UInt64
    /// Where it is stored.
    package var key: String
    /// Creates an output.
    package init(name: String, contentType: String, size: UInt64, key: String) {
        self.name = name
        self.contentType = contentType
        self.size = size
        self.key = key
    }
}

/// Why something failed, for people and for programs.
package struct Failure: Hashable, Sendable, Codable, Error {
    /// A short, stable word: `image_not_found`.
    package var code: FailureCode
    /// One sentence a person understands.
    package var message: String
    /// Creates a failure.
    package init(_ code: FailureCode, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// A machine-readable reason of failure; unknown ones are kept as they are.
package struct FailureCode: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The registry has no such image.
    package static let imageNotFound: FailureCode = "image_not_found"
    /// The image could not be fetched.
    package static let pullFailed: FailureCode = "pull_failed"
    /// The container could not be made or started.
    package static let startFailed: FailureCode = "start_failed"
    /// The worker did not become ready in time.
    package static let workerNotReady: FailureCode = "worker_not_ready"
    /// The worker's own set-up failed.
    package static let setupFailed: FailureCode = "setup_failed"
    /// The worker died under the job.
    package static let workerDied: FailureCode = "worker_died"
    /// The worker refused the input.
    package static let invalidInput: FailureCode = "invalid_input"
    /// The work itself said it failed.
    package static let workFailed: FailureCode = "work_failed"
    /// The command ended with a code other than 0.
    package static let exitCode: FailureCode = "exit_code"
    /// The kernel killed it for want of memory.
    package static let outOfMemory: FailureCode = "out_of_memory"
    /// The outputs could not be stored.
    package static let uploadFailed: FailureCode = "upload_failed"
    /// The result was lost while the agent was away.
    package static let resultLost: FailureCode = "result_lost"
    /// The node's lease ran out and the agent stopped the attempt.
    package static let leaseEnded: FailureCode = "lease_ended"
    /// The node was lost too often under this job.
    package static let nodeLost: FailureCode = "node_lost"
    /// The job's deadline passed.
    package static let deadlineExceeded: FailureCode = "deadline_exceeded"
    /// The agent knows nothing of an attempt it had accepted.
    package static let attemptUnknown: FailureCode = "attempt_unknown"
    /// The worker speaks a contract this agent cannot drive.
    package static let unsupportedContract: FailureCode = "unsupported_contract"
    /// Docker did not answer.
    package static let dockerUnavailable: FailureCode = "docker_unavailable"
    /// The disk is full.
    package static let diskFull: FailureCode = "disk_full"
    /// A roamer never got ready for this job.
    package static let provisioningFailed: FailureCode = "provisioning_failed"

    /// Whether another try may well end otherwise.
    package var isRetryable: Bool {
        switch self {
        case .imageNotFound, .invalidInput, .outOfMemory, .deadlineExceeded, .unsupportedContract,
            .nodeLost:
            false
        default: true
        }
    }
}

/// A sample of a machine.
package struct Telemetry: Hashable, Sendable, Codable {
    /// Processor use, 0…1.
    package var cpu: Double?
    /// GPU use, 0…1.
    package var gpu: Double?
    /// Bytes of memory in use.
    package var memoryUsed: UInt64?
    /// Bytes of memory.
    package var memoryTotal: UInt64?
    /// Bytes free where containers live.
    package var diskFree: UInt64?
    /// The hottest sensor, °C.
    package var temperature: Double?
    /// The whole board, W.
    package var power: Double?
    /// Creates a sample.
    package init(
        cpu: Double? = nil, gpu: Double? = nil, memoryUsed: UInt64? = nil,
        memoryTotal: UInt64? = nil, diskFree: UInt64? = nil, temperature: Double? = nil,
        power: Double? = nil
    ) {
        self.cpu = cpu
        self.gpu = gpu
        self.memoryUsed = memoryUsed
        self.memoryTotal = memoryTotal
        self.diskFree = diskFree
        self.temperature = temperature
        self.power = power
    }
}

/// A piece of an attempt's log.
package struct LogChunk: Hashable, Sendable {
    /// The attempt.
    package var key: AttemptKey
    /// Where the piece begins in the attempt's log; a piece seen before is dropped by it.
    package var offset: UInt64
    /// The bytes.
    package var bytes: [UInt8]
    /// Creates a piece.
    package init(key: AttemptKey, offset: UInt64, bytes: [UInt8]) {
        self.key = key
        self.offset = offset
        self.bytes = bytes
    }
}

/// Asks where an output may be put.
package struct UploadRequest: Hashable, Sendable {
    /// The attempt.
    package var key: AttemptKey
    /// The kind of job, which names the folder.
    package var kind: JobKind
    /// The output's name.
    package var name: String
    /// Its media type.
    package var contentType: String
    /// Its size in bytes.
    package var size: UInt64
    /// Creates a request.
    package init(
        key: AttemptKey, kind: JobKind, name: String, contentType: String, size: UInt64
    ) {
        self.key = key
        self.kind = kind
        self.name = name
        self.contentType = contentType
        self.size = size
    }
}

/// Where an output may be put, or why not.
package struct UploadGrant: Hashable, Sendable {
    /// Where to `PUT` the bytes; empty when refused.
    package var url: String
    /// Headers to send with them.
    package var headers: [Header]
    /// Where it will be stored.
    package var objectKey: String
    /// Why it is refused; empty when granted.
    package var refusal: String

    /// A header of HTTP.
    package struct Header: Hashable, Sendable {
        /// The name.
        package var name: String
        /// The value.
        package var value: String
        /// Creates a header.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Creates a grant.
    package init(
        url: String = "", headers: [Header] = [], objectKey: String = "", refusal: String = ""
    ) {
        self.url = url
        self.headers = headers
        self.objectKey = objectKey
        self.refusal = refusal
    }
}
