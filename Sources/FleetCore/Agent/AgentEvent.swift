/// What can happen to an agent's machine.
package enum AgentEvent: Hashable, Sendable {
    /// The link is up; nothing was said on it yet.
    case connected
    /// The link is down.
    case disconnected
    /// The controller says something.
    case message(ControllerMessage)
    /// Every container of this node there was at `listedAt`.
    case containers([ContainerFact], listedAt: Instant)
    /// A container has ended.
    case ended(ContainerFact)
    /// An image is here, or not.
    case pulled(Operation, Result<String, Failure>)
    /// A pull goes on.
    case pulling(Operation, Progress)
    /// A container was made and started, or not.
    case launched(Operation, Result<ContainerFact, Failure>)
    /// A worker was asked whether it takes jobs.
    case probed(WorkerID, container: String, Readiness)
    /// A container was stopped and removed, or could not be.
    case removed(Operation, Failure?)
    /// A worker has answered a request to work.
    case predictionStarted(AttemptKey, PredictionStart)
    /// A worker has ended its work; the outputs are in the attempt's folder.
    case predictionEnded(AttemptKey, PredictionEnd)
    /// Work goes on.
    case progress(AttemptKey, Progress)
    /// The outputs of an attempt's own container are in the attempt's folder, or not.
    case collected(AttemptKey, Failure?)
    /// The outputs are stored, or not.
    case uploaded(AttemptKey, Result<[Output], Failure>)
    /// An order to clean was carried out; what is left, one line each.
    case cleaned(order: UInt64, leftovers: [String])
    /// Time has passed.
    case tick
}

/// A number that ties an answer to what was asked; an outdated answer is dropped by it.
package struct Operation: Hashable, Sendable {
    /// The number.
    package let number: UInt64
    /// Creates an operation.
    package init(_ number: UInt64) { self.number = number }
}

/// What Docker says of a container of this node.
package struct ContainerFact: Hashable, Sendable, Codable {
    /// What a container is for, as its labels say.
    package enum Purpose: Hashable, Sendable, Codable {
        /// A worker, made from a spec of this fingerprint.
        case worker(WorkerID, fingerprint: String)
        /// An attempt's own container.
        case attempt(AttemptKey)
        /// Of this node, but not readable.
        case other
    }
    /// Docker's id.
    package var id: String
    /// What it is for.
    package var purpose: Purpose
    /// Whether it runs.
    package var isRunning: Bool
    /// How it ended.
    package var exitCode: Int32?
    /// Whether the kernel killed it for want of memory.
    package var outOfMemory: Bool
    /// The image's id.
    package var image: String
    /// Where its server is reached from the node.
    package var address: String?

    /// Creates a fact.
    package init(
        id: String, purpose: Purpose, isRunning: Bool, exitCode: Int32? = nil,
        outOfMemory: Bool = false, image: String = "", address: String? = nil
    ) {
        self.id = id
        self.purpose = purpose
        self.isRunning = isRunning
        self.exitCode = exitCode
        self.outOfMemory = outOfMemory
        self.image = image
        self.address = address
    }
}

/// What a worker says of itself.
package enum Readiness: Hashable, Sendable {
    /// Not yet.
    case starting
    /// It takes jobs.
    case ready
    /// It works on one.
    case busy
    /// It will never be ready.
    case failed(String)
    /// It does not answer.
    case silent(String)
}

/// A worker's answer to a request to work.
package enum PredictionStart: Hashable, Sendable {
    /// It works, or worked on it already.
    case started
    /// Not now: it is busy or not ready.
    case later(String)
    /// Never: the input is wrong.
    case refused(Failure)
    /// It does not answer.
    case unreachable(String)
}

/// How a worker's work ended.
package enum PredictionEnd: Hashable, Sendable {
    /// Done.
    case succeeded
    /// Failed.
    case failed(Failure)
    /// Stopped as asked.
    case cancelled
}
