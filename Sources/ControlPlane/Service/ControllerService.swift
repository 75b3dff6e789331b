import AsyncHTTPClient
import FleetCore
import Foundation
import JobCatalogue
package import Logging
import ObjectStore
import RedisStore
import ServiceLifecycle
import Settings

/// A whole controller: its store, its loop, the agents' link and the API.
///
/// When any part ends, all end, and the process with it: a half-dead controller would be worse than a
/// restarted one.
package struct ControllerService: Service {
    let settings: ControllerSettings
    let logger: Logger
    let ending = ServerLog.Ending()
    let notifier = ServiceNotifier()
    let watchdog: LoopWatchdog

    /// Creates a controller; nothing happens before `run`.
    package init(settings: ControllerSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
        self.watchdog = LoopWatchdog(notifier)
    }

    /// Runs until a graceful shutdown, cancellation, or the failure of a part.
    package func run() async throws {
        let state = try StateDirectory(settings.stateDir)
        do {
            try await withGracefulShutdownHandler {
                try await runParts(state)
            } onGracefulShutdown: {
                ending.begin()
                notifier.stopping()
            }
        } catch {
            // Asked to end, each part ends with an error of its own; none of them is one.
            guard Task.isShuttingDownGracefully else { throw error }
        }
    }

    private func runParts(_ state: StateDirectory) async throws {
        try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer {
                    ending.begin()
                    group.cancelAll()
                }
                // First of all: taking the term would depose a controller that works.
                try await ListenCheck.addresses(settings, socket: state.socket)
                let endpoint = try await startRedis(state, &group)
                let client = RedisClient(endpoint: endpoint, logger: logger)
                defer { client.close() }
                let store = FleetStore(store: FencedStore(client: client))
                let http = HTTPClient(
                    eventLoopGroupProvider: .singleton, configuration: S3Store.clientConfiguration)
                let leadership = try leadership(client)
                do {
                    try await leadership?.win()
                    if let leadership { group.addTask { try await leadership.keep() } }
                    try await runLeader(state, store, http, &group)
                } catch {
                    await leadership?.giveUp()
                    try? await http.shutdown()
                    throw error
                }
                await leadership?.giveUp()
                try? await http.shutdown()
            }
        }
    }

    /// The right to lead, where others may want it.
    private func leadership(_ client: RedisClient) throws -> Leadership? {
        guard settings.failover else { return nil }
        let life = UInt32.random(in: .min ... .max)
        let lease = try LeaderLease(
            client: client, owner: "\(owner)/\(String(life, radix: 16))",
            duration: Leadership.leaseTime)
        return Leadership(lease: lease, notifier: notifier, watchdog: watchdog, logger: logger)
    }

    /// This process, for those who look at the record.
    var owner: String {
        "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)"
    }

    /// Starts the controller's own Redis, unless another is named.
    func startRedis(
        _ state: StateDirectory, _ group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws -> RedisEndpoint {
        if let url = settings.redisURL { return try Self.endpoint(url) }
        let redis = PrivateRedis(
            configuration: PrivateRedisConfiguration(directory: state.redis), logger: logger)
        group.addTask { try await redis.run() }
        do {
            try await redis.ready()
        } catch {
            throw StartError(error.message)
        }
        return redis.endpoint
    }

    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]` or `unix:PATH`.
    static func endpoint(_ text: String) throws -> RedisEndpoint {
        if text.hasPrefix("unix:") {
            return RedisEndpoint(.unixSocket(path: String(text.dropFirst(5))))
        }
        guard let url = URLComponents(string: text), url.scheme == "redis", let host = url.host,
            !host.isEmpty
        else { throw StartError("redis.url must look like redis://host:6379, not \(text)") }
        let database = url.path.isEmpty ? 0 : Int(url.path.dropFirst()) ?? 0
        return RedisEndpoint(
            .tcp(host: host, port: url.port ?? 6379), user: url.user, password: url.password,
            database: database)
    }

    /// Takes up the record, and works until a part ends.
    private func runLeader(
        _ state: StateDirectory, _ store: FleetStore, _ http: HTTPClient,
        _ group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
        var policy = ControllerPolicy()
        policy.heartbeat = settings.liveness.heartbeat
        policy.silentAfter = settings.liveness.heartbeat * 3
        policy.stopAfter = settings.liveness.stopAfter
        policy.lostAfter = settings.liveness.lostAfter
        let ledSince = ContinuousClock.now
        let term = try await store.store.bumpTerm(owner: owner, version: Version.number)
        let loaded = try await store.load(history: policy.historyLimit)
        let clock = AnchoredClock(floor: loaded.clock)
        let controller = Controller(
            restoring: loaded.snapshot, term: term, seed: UInt64.random(in: .min ... .max),
            at: clock.now, policy: policy)
        logger.info(
            "record loaded",
            metadata: [
                "term": "\(term)", "jobs": "\(loaded.snapshot.jobs.count)",
                "fleet.revision": "\(loaded.snapshot.fleetRevision)",
            ])
        let files = OpenFiles.raise()
        let feed = EventFeed(
            earlier: try await store.latestEvents(limit: EventFeed.kept),
            limit: files.readers)
        let loop = ControlLoop(
            store: store, clock: clock, term: term,
            leadWithin: settings.failover ? ControllerSettings.leadWithin : nil,
            ledSince: ledSince, logger: logger, onTurn: { [watchdog] in watchdog.turned() })
        let parts = try await makeParts(state, store, loop, feed, files, loaded, http)
        try await start(controller, parts, feed, &group)
    }

    /// What a controller is made of, once its record is loaded.
    struct Parts {
        /// Who may have how many files and connections open.
        var files: OpenFiles
        var loop: ControlLoop
        var sessions: SessionTable
        var meters: FleetMeters
        var link: LinkService
        var certificate: ServerCertificate
        var api: APIServer
        var archive: LogArchive
        var sweeper: ObjectSweeper
        var catalogue: CatalogueKeeper
        var record: RecordKeeper
        var backups: BackupDesk
        var backupKeeper: BackupKeeper?
        var tokens: TokenBook
        var webhooks: WebhookCourier
        var applied: AppliedSource
        var socket: String
        var store: FleetStore
    }

    private func makeParts(
        _ state: StateDirectory, _ store: FleetStore, _ loop: ControlLoop, _ feed: EventFeed,
        _ files: OpenFiles, _ loaded: FleetStore.Loaded, _ http: HTTPClient
    ) async throws -> Parts {
        let authority = try Authority(directory: state.authority)
        let certificate = try ServerCertificate(
            authority: authority, hosts: serverNames(), logger: logger)
        let storage = storage(else: loaded.snapshot.fleet.storage)
        let (objects, folder) = try await openObjects(state, storage, http)
        let inputs = InputStore(
            objects: objects, keepUploads: settings.keepUploads, logger: logger)
        let counters = LinkCounters()
        let sessions = SessionTable(counters: counters, logger: logger)
        let meters = FleetMeters()
        let logs = try LogStore(root: state.logs, logger: logger)
        let applied = AppliedSource(loaded.fleet)
        let catalogue = try openCatalogue(state, loaded, term: loop.term)
        let link = LinkService(
            loop: loop, sessions: sessions, record: store, logs: logs,
            uploads: UploadDesk(loop: loop, objects: objects),
            inputs: InputDesk(loop: loop, store: store, inputs: inputs), counters: counters,
            logger: logger)
        let webhooks = WebhookCourier(
            loaded.snapshot.webhooks,
            setting: .init(
                rules: settings.webhookRules, trust: settings.webhookTrust,
                key: authority.key(for: "webhooks")),
            loop: loop, feed: feed, store: store, logger: logger)
        let registry = ImageRegistry(http: http)
        let backups = BackupDesk(
            loop: loop, store: store, inputs: inputs, scratch: state.backup, logger: logger)
        let api = APIServer(
            loop: loop, feed: feed, live: LiveFeed(loop: loop), logs: logs, store: store,
            catalogue: catalogue,
            objects: objects, inputs: inputs, folder: folder, applied: applied, sessions: sessions,
            counters: counters, meters: meters, webhooks: webhooks,
            images: ImageResolver(logger: logger) { await registry.look(for: $0) },
            installation: Installation(
                folder: state.path, authorityEnds: authority.ends,
                certificateEnds: certificate.ends,
                storage: folder == nil ? storage : nil),
            backups: backups,
            enrolment: EnrolmentDesk(authority: authority, loop: loop, logger: logger),
            audit: AuditTrail(store: store, clock: loop.clock, logger: logger),
            logger: logger)
        return Parts(
            files: files, loop: loop, sessions: sessions, meters: meters, link: link,
            certificate: certificate,
            api: api,
            archive: LogArchive(
                store: logs, objects: objects, loop: loop, record: store, keep: settings.keepLogs,
                logger: logger),
            sweeper: ObjectSweeper(
                loop: loop, store: store, objects: objects, keepUploads: settings.keepUploads,
                keepOutputs: settings.keepOutputs, logger: logger),
            catalogue: CatalogueKeeper(
                catalogue: catalogue, store: store, inputs: inputs, clock: loop.clock,
                logger: logger),
            record: RecordKeeper(
                store: store, inputs: inputs, clock: loop.clock, keepEvents: settings.keepEvents,
                keepAudit: settings.keepAudit, logger: logger),
            backups: backups,
            backupKeeper: settings.backupEvery.map { every in
                BackupKeeper(
                    desk: backups, clock: loop.clock, every: every, keep: settings.keepBackups,
                    logger: logger)
            },
            tokens: TokenBook(
                administrator: try TokenFile(path: state.token), stored: loaded.snapshot.tokens),
            webhooks: webhooks,
            applied: applied,
            socket: state.socket, store: store)
    }

    /// The list of jobs; what the machine has is in it before anybody can ask.
    private func openCatalogue(
        _ state: StateDirectory, _ loaded: FleetStore.Loaded, term: UInt64
    ) throws -> JobCatalogue {
        do {
            let catalogue = try JobCatalogue(path: state.catalogue, term: term)
            catalogue.record(loaded.snapshot.jobs)
            return catalogue
        } catch {
            throw StartError("cannot use \(state.catalogue): \(error)")
        }
    }

    /// The storage in force: that of the file given at the start, else of the fleet applied last.
    func storage(else last: StorageSpec?) -> StorageSpec? {
        guard let path = settings.fleetFile,
            let text = try? String(contentsOfFile: path, encoding: .utf8),
            let spec = FleetFile.parse(text: text, name: path).spec
        else { return last }
        return spec.storage
    }

    /// The names by which agents and people may reach this machine.
    private func serverNames() -> [String] {
        var names = ["localhost", "127.0.0.1", "::1", ProcessInfo.processInfo.hostName]
        for host in [settings.link.host, settings.api.host] + settings.serverNames
        where host != "0.0.0.0" && host != "::" && !names.contains(host) {
            names.append(host)
        }
        return names
    }

    func openObjects(
        _ state: StateDirectory, _ storage: StorageSpec?, _ http: HTTPClient
    ) async throws -> (any ObjectStore, EmbeddedObjects?) {
        if let storage, let keys = settings.storageKeys {
            let configuration = try S3Configuration(
                endpoint: storage.endpoint, bucket: storage.bucket, accessKey: keys.accessKey,
                secretKey: keys.secretKey)
            let bucket = S3Store(configuration, http: http)
            do {
                try await bucket.prepare()
            } catch {
                // The fleet can work on; uploads fail with this reason until it answers.
                logger.warning("object store is not ready", metadata: ["error": "\(error)"])
            }
            return (bucket, nil)
        }
        if storage != nil {
            logger.warning(
                "storage has an endpoint but no keys were given; outputs go to the state folder")
        }
        let signer = try URLSigner(secret: try state.secret())
        let address = settings.publicAddress(hostName: ProcessInfo.processInfo.hostName)
        let folder = FolderStore(
            root: state.objects, baseURL: "\(address)/objects", signer: signer)
        try await folder.prepare()
        return (folder, EmbeddedObjects(store: folder, signer: signer))
    }
}
