import FleetCore

/// A container of the model.
struct Container {
    let id: String
    let name: String
    let purpose: ContainerFact.Purpose
    let slots: Int
    let image: String
    /// Bytes it may use.
    var memory: Int64 = 0
    /// When its worker has loaded its model.
    let readyAt: Instant
    var isRunning = true
    var exitCode: Int32?
    var outOfMemory = false
    /// What it works on, in the order it began.
    var work: [Work] = []
    /// Its worker does not answer until then.
    var flapsUntil = Instant.zero

    /// A piece of work.
    struct Work {
        let key: AttemptKey
        let script: JobScript
        /// The life of the agent that waits for its end.
        var life: Int
    }

    /// Whether its worker never answers again: it runs on, and ends no work.
    var hangs: Bool { flapsUntil == .distantFuture }

    var isWorker: Bool {
        if case .worker = purpose { return true }
        return false
    }

    func work(_ key: AttemptKey) -> Work? { work.first { $0.key == key } }

    var fact: ContainerFact {
        ContainerFact(
            id: id, purpose: purpose, isRunning: isRunning, exitCode: exitCode,
            outOfMemory: outOfMemory, image: image, address: "127.0.0.1:5000")
    }
}

/// The calls of Docker that can be made to fail.
enum DockerCall: Int, CaseIterable {
    case pull, launch, remove, list, probe, predict, cancel, clean
}

/// One node's Docker engine, its containers and its images.
struct DockerModel {
    var random: SeededGenerator
    var containers: [Container] = []
    var images: Set<String> = []
    /// Calls that fail: after so many more of their kind.
    var failAfter: [Int?] = Array(repeating: nil, count: DockerCall.allCases.count)
    /// No call is answered until then.
    var downUntil = Instant.zero
    var slowPullUntil = Instant.zero
    /// The last order to clean that left nothing, when nothing was started since.
    var verified: UInt64?
    /// How many orders to clean leave something behind.
    var dirty = 0
    /// Starts of workers that nobody waits for to the end.
    var abandons = 0
    /// How many of the next containers end before their start has returned.
    var exitsEarly = 0
    /// How many of the next workers never get ready.
    var stuck = 0
    /// How many of the next starts find their name taken by a container of somebody else.
    var nameTaken = 0

    init(random: SeededGenerator) { self.random = random }

    func index(_ id: String) -> Int? { containers.firstIndex { $0.id == id } }
}
