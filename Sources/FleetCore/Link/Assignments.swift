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
    /// The container, its image fully named; one made from another spec is replaced.
    package var spec: WorkerSpec
    /// The service that it is or helps: others find it by that name on the cluster's networks.
    package var service: ServiceName?
    /// Whether it is a service's pod: a pod runs on when the controller is gone.
    package var isPod: Bool
    /// How long the worker may take to become ready.
    package var readyWithin: Duration

    /// Creates an order.
    package init(
        id: WorkerID, spec: WorkerSpec, service: ServiceName? = nil, isPod: Bool,
        readyWithin: Duration
    ) {
        self.id = id
        self.spec = spec
        self.service = service
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
    /// The input, a JSON object as text; empty where it is `stored`.
    package var input: String
    /// The input's whole is to be asked for; nil when it is here.
    package var stored: StoredInput?
    /// The kind of job, which names the folder of its outputs.
    package var kind: JobKind
    /// Nil to run; else why it shall stop.
    package var stop: StopReason?

    /// Creates an order.
    package init(
        key: AttemptKey, place: AttemptPlace, input: String, stored: StoredInput? = nil,
        kind: JobKind, stop: StopReason? = nil
    ) {
        self.key = key
        self.place = place
        self.input = input
        self.stored = stored
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

    /// The bytes of a command, all words together.
    package static let commandLimit = 16 << 10
    /// The bytes of the words of a command.
    package static func bytes(of command: [String]) -> Int {
        command.reduce(0) { $0 + $1.utf8.count }
    }

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
