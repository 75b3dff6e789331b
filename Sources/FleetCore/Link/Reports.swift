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
        id: WorkerID, phase: WorkerPhase, progress: Progress? = nil,
        error: Failure? = nil, image: String = "", restarts: UInt32 = 0
    ) {
        self.id = id
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
    /// It takes jobs. Can become: starting, failed, stopping.
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
    /// What is being done, for people: `pulling: 120 of 900 MB, 2 of 9 layers`.
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
    /// What its bytes hash to, `sha256:` and 64 hexadecimal digits; nil when it was not told.
    package var digest: String?
    /// Creates an output.
    package init(
        name: String, contentType: String, size: UInt64, key: String, digest: String? = nil
    ) {
        self.name = name
        self.contentType = contentType
        self.size = size
        self.key = key
        self.digest = digest
    }
}
