import AsyncHTTPClient
import DockerEngine
import FleetCore
import FleetLink
import Foundation
package import Logging
import ServiceLifecycle
import Settings
import Telemetry
import WorkerContracts

/// A whole agent: its machine, its link, and its hands on Docker and on workers.
///
/// When it ends, the containers of its node run on; the next life takes them up again.
package struct NodeAgent: Service {
    let settings: AgentSettings
    let logger: Logger
    let policy: AgentPolicy
    private let notifier = ServiceNotifier()

    /// Creates an agent; nothing happens before `run`.
    package init(settings: AgentSettings, logger: Logger) {
        self.init(settings: settings, logger: logger, policy: AgentPolicy())
    }

    init(settings: AgentSettings, logger: Logger, policy: AgentPolicy) {
        self.settings = settings
        self.logger = logger
        self.policy = policy
    }

    /// Runs until a graceful shutdown, cancellation, or the failure of a part.
    package func run() async throws {
        let folder = try StateFolder(settings.stateDir)
        let lock = try folder.takeLock()
        try await withGracefulShutdownHandler {
            try await cancelWhenGracefulShutdown {
                try await DockerEngine.with(socketPath: settings.dockerSocket, logger: logger) {
                    engine in
                    try await withClients { workers, calls, stores in
                        try await live(folder, engine, workers, calls, stores)
                    }
                }
            }
        } onGracefulShutdown: {
            notifier.stopping()
        }
        _ = consume lock
    }

    private var identity: Identity {
        Identity(ca: settings.ca, certificate: settings.certificate, key: settings.key)
    }

    /// Runs a body with the clients for workers, for their long calls, and for stores.
    private func withClients(
        _ body: (HTTPClient, HTTPClient, StoreClient) async throws -> Void
    ) async throws {
        let workers = HTTPClient(configuration: CogWorker.clientConfiguration)
        let calls = HTTPClient(configuration: OpenAIWorker.clientConfiguration())
        let stores = StoreClient(identity: identity)
        let result: Result<Void, any Error>
        do { result = .success(try await body(workers, calls, stores)) } catch {
            result = .failure(error)
        }
        try? await workers.shutdown()
        try? await calls.shutdown()
        await stores.shutdown()
        try result.get()
    }

    private func live(
        _ folder: StateFolder, _ engine: DockerEngine, _ workers: HTTPClient,
        _ calls: HTTPClient, _ stores: StoreClient
    ) async throws {
        let parts = try Parts(
            settings: settings, identity: identity, folder: folder, engine: engine,
            workers: workers, calls: calls, stores: stores, notifier: notifier, logger: logger)
        let agent = try begin(folder, parts)
        let sensors = MachineSensors { [logger] in Self.note($0, logger) }
        let telemetry = NodeTelemetry(
            folder: folder.path, sampler: sensors.sampler(), ledger: parts.ledger,
            idle: parts.memory, checks: parts.checks)
        // Not when it is connected: a controller that is away must not make the start fail.
        notifier.ready("\(settings.node): not connected yet")
        await withDiscardingTaskGroup { group in
            group.addTask { await parts.link.run() }
            group.addTask { await parts.enrolment.keepRenewed() }
            group.addTask { await parts.inventory.run() }
            group.addTask { await parts.webhooks.run() }
            group.addTask { await parts.outbox.run { parts.link.sendLog($0) } }
            group.addTask { await sensors.run() }
            group.addTask { await parts.checks.run() }
            group.addTask { await parts.images.run() }
            group.addTask { await Self.report(telemetry, parts.link, parts.meters) }
            if let place = settings.metrics {
                let server = MetricsServer(place: place, logger: logger) {
                    parts.meters.text(now: parts.loop.clock.now)
                }
                group.addTask { await server.run() }
            }
            group.addTask { await parts.watchdog.keepTurning { parts.loop.mailbox.signal.nudge() } }
            await parts.loop.run(agent)
            group.cancelAll()
        }
    }

    /// Takes up what the last life left.
    private func begin(_ folder: StateFolder, _ parts: Parts) throws -> Agent {
        let incarnation = try folder.beginIncarnation()
        let journal = try parts.loop.journal.load(logger: logger)
        let renewedAt = parts.loop.lease.load()
        let now = parts.loop.clock.now
        var policy = policy
        if let renewedAt {
            // A worker repeats its report more and more rarely: the longer we were away, the later it comes.
            let away = now.since(renewedAt).inSeconds
            let grace = CogRecovery.grace(downtimeSeconds: away)
            policy.resumedResultAfter = max(
                policy.lostResultAfter, .milliseconds(Int64(grace * 1_000)))
        }
        parts.predictions.restore(journal.attempts)
        logger.info(
            "agent starts",
            metadata: [
                "node": "\(settings.node)", "incarnation": "\(incarnation)",
                "version": "\(AgentVersion.text)", "workers": "\(journal.workers.count)",
                "attempts": "\(journal.attempts.count)",
            ])
        return Agent(
            node: NodeName(settings.node), incarnation: incarnation,
            facts: try NodeTelemetry.facts(
                version: AgentVersion.text, reserve: settings.memoryReserve), journal: journal,
            renewedAt: renewedAt, seed: UInt64.random(in: .min ... .max), at: now, policy: policy)
    }

    /// Sends a sample of the machine now and then.
    private static func report(
        _ telemetry: NodeTelemetry, _ link: AgentLink, _ meters: AgentMeters
    ) async {
        var telemetry = telemetry
        while !Task.isCancelled {
            let sample = telemetry.sample()
            meters.note(sample)
            _ = link.sendLive(.telemetry(sample), lane: .telemetry)
            try? await Task.sleep(for: NodeTelemetry.every, clock: .continuous)
        }
    }

    /// Logs what happens to the program that tells of the sensors.
    private static func note(_ event: FeedEvent, _ logger: Logger) {
        switch event {
        case .updated: break
        case .refused(let program, let reason):
            logger.debug(
                "a line of sensors is not understood",
                metadata: ["program": "\(program)", "error": "\(reason)"])
        case .ended(let program, let how, let again):
            logger.notice(
                "the program of the sensors has ended",
                metadata: ["program": "\(program)", "reason": "\(how)", "again": "\(again)"])
        }
    }
}
