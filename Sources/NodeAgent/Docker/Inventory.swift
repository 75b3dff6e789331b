import DockerEngine
import FleetCore
import Logging
import Settings
import Synchronization

/// Tells the machine what runs here: by Docker's events, and by a full list now and then.
struct Inventory: Sendable {
    let engine: DockerEngine
    let labels: NodeLabels
    let network: NodeNetwork
    let joins: NetworkJoins
    let clock: BootClock
    let memory: IdleMemory
    let ledger: ContainerLedger
    let logger: Logger
    let post: @Sendable (AgentEvent) -> Void
    private let relist = Signal()
    /// Raised after each list, for those who look after what runs.
    private let listed = Signal()
    /// The workers of the last list.
    let workers = Latest<[ContainerInfo]>([])
    /// Containers that were made and not started, as the last list shows them, and when they were first seen.
    private let unstarted = Latest<[String: Instant]>([:])
    private let outOfMemory = RecentSet(limit: 256)

    /// How often everything is listed, events or not.
    private static let listEvery = Duration.seconds(10)
    /// How long a container may be seen to be there and not be started: with the time to the next list it
    /// is gone within a minute.
    private static let unstartedFor = Duration.seconds(45)
    /// How soon a list is tried again that failed.
    private static let retryAfter = Duration.milliseconds(500)

    init(
        engine: DockerEngine, labels: NodeLabels, network: NodeNetwork, joins: NetworkJoins,
        clock: BootClock, memory: IdleMemory, ledger: ContainerLedger, logger: Logger,
        post: @escaping @Sendable (AgentEvent) -> Void
    ) {
        self.engine = engine
        self.labels = labels
        self.network = network
        self.joins = joins
        self.clock = clock
        self.memory = memory
        self.ledger = ledger
        self.logger = logger
        self.post = post
    }

    /// Runs until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await keepListing() }
            group.addTask { await keepWatching() }
            group.addTask { await keepJoining() }
        }
    }

    // MARK: Lists

    private func keepListing() async {
        var isFirst = true
        var isAway = false
        while !Task.isCancelled {
            do {
                if isFirst { try await network.find() }
                try await turn(isFirst: isFirst, at: clock.now)
                if isAway { logger.notice("docker answers again") }
                isAway = false
                isFirst = false
                await relist.wait(atMost: Self.listEvery)
            } catch {
                if !isAway, !Task.isCancelled {
                    logger.warning("docker does not answer", metadata: ["error": "\(error)"])
                }
                isAway = true
                await relist.wait(atMost: Self.retryAfter)
            }
        }
    }

    /// Lists once, removes what was never started, and posts what there is; nothing when Docker fails.
    func turn(isFirst: Bool, at now: Instant) async throws {
        ledger.listBegins()
        let there = try await engine.list(labels: labels.common)
        try await sweep(there, afterStart: isFirst, at: now)
        try await report(there, isFirst: isFirst, listedAt: now)
    }

    /// Removes what was made and never started: it holds no work.
    ///
    /// After a start of the agent an earlier life has made it. Later it is what Docker made when nobody
    /// waited for it any more; what is being made here has its input fetched before it starts.
    private func sweep(
        _ there: [ContainerSummary], afterStart: Bool, at now: Instant
    ) async throws {
        let before = unstarted.value
        var seen: [String: Instant] = [:]
        for summary in there {
            guard summary.state == .created, labels.owns(summary.labels),
                !ledger.isBeingMade(summary.name)
            else { continue }
            let since = before[summary.id] ?? now
            if afterStart || now.since(since) >= Self.unstartedFor {
                ledger.removing(volumes: summary.anonymousVolumes)
                // One that cannot be removed must not hide all the others.
                do {
                    try await engine.remove(summary.id, force: true)
                } catch let error as DockerError where error.code != .unavailable {
                    seen[summary.id] = since
                    logger.notice(
                        "container cannot be removed",
                        metadata: ["container": "\(summary.name)", "error": "\(error)"])
                }
            } else {
                seen[summary.id] = since
            }
        }
        unstarted.set(seen)
    }

    /// Posts what there is, but for what was never started: it has no end to be taken for.
    private func report(
        _ there: [ContainerSummary], isFirst: Bool, listedAt: Instant
    ) async throws {
        var facts: [ContainerFact] = []
        var workers: [ContainerInfo] = []
        for summary in there where summary.state != .created {
            guard let info = try await engine.inspect(summary.id), info.state != .created,
                let fact = labels.fact(info, ranOutOfMemory: outOfMemory.contains(info.id))
            else { continue }
            facts.append(fact)
            // A job's own container joins none, though its image may have labels that name some.
            if case .worker = fact.purpose { workers.append(info) }
        }
        if facts.isEmpty {
            memory.nothingRuns()
        } else if isFirst {
            memory.workBegins()
        }
        ledger.listed(facts)
        post(.containers(facts, listedAt: listedAt))
        self.workers.set(workers)
        listed.nudge()
    }

    // MARK: Networks

    /// Beside the lists: a swarm without a manager lets a join wait long.
    private func keepJoining() async {
        while !Task.isCancelled {
            await listed.wait()
            await joins.complete(workers.value, at: clock.now)
        }
    }

    // MARK: Events

    private func keepWatching() async {
        var isAway = false
        while !Task.isCancelled {
            do {
                let events = try await engine.events(labels: labels.common)
                isAway = false
                // What happened before the stream was open is in the list.
                relist.nudge()
                for try await event in events { try await take(event) }
            } catch {
                if !isAway, !Task.isCancelled {
                    logger.debug("docker's events ended", metadata: ["error": "\(error)"])
                }
                isAway = true
            }
            try? await Task.sleep(for: Self.retryAfter, clock: .continuous)
        }
    }

    private func take(_ event: ContainerEvent) async throws {
        switch event.action {
        case "oom": outOfMemory.insert(event.id)
        case "die":
            guard let info = try await engine.inspect(event.id),
                let fact = labels.fact(info, ranOutOfMemory: outOfMemory.contains(info.id)),
                !fact.isRunning
            else { return }
            ledger.ended(fact.id)
            post(.ended(fact))
        default: break
        }
    }
}

/// The last few of a stream of texts.
final class RecentSet: Sendable {
    private let limit: Int
    private let kept = Mutex<[String]>([])

    init(limit: Int) { self.limit = limit }

    /// Adds a text; the oldest goes when there are too many.
    func insert(_ text: String) {
        kept.withLock {
            $0.append(text)
            if $0.count > limit { $0.removeFirst() }
        }
    }

    /// Whether it was among the last.
    func contains(_ text: String) -> Bool { kept.withLock { $0.contains(text) } }
}
