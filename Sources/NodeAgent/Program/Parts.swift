import AsyncHTTPClient
import DockerEngine
import FleetCore
import Logging
import Settings
import WorkerContracts

/// The parts of an agent, put together.
struct Parts: Sendable {
    let loop: AgentLoop
    let link: AgentLink
    let enrolment: Enrolment
    let inventory: Inventory
    let webhooks: WebhookService
    let outbox: LogOutbox
    let images: ImageCollector
    let predictions: Predictions
    let watchdog: LoopWatchdog
    let meters = AgentMeters()
    let memory: IdleMemory
    let ledger = ContainerLedger()
    let checks: SelfChecks

    init(
        settings: AgentSettings, identity: Identity, folder: StateFolder, engine: DockerEngine,
        workers: HTTPClient, calls: HTTPClient, stores: StoreClient, notifier: ServiceNotifier,
        logger: Logger
    ) throws {
        let mailbox = Mailbox<AgentLoop.Item>()
        let post: @Sendable (AgentEvent) -> Void = { mailbox.post(.event($0)) }
        let clock = BootClock()
        let labels = NodeLabels(fleet: settings.fleet, node: NodeName(settings.node))
        let outbox = LogOutbox(logger: logger, post: post)
        let enrolment = Enrolment(
            Enrolment.Terms(
                node: settings.node, controllers: settings.controllers, apiPort: settings.apiPort,
                serverName: settings.serverName, fingerprint: settings.fingerprint),
            identity: identity, logger: logger)
        let link = AgentLink(
            target: AgentLink.Target(
                places: settings.controllers, serverName: settings.serverName,
                enrolment: enrolment),
            meters: meters, logger: logger,
            onChange: { [meters] change in
                mailbox.post(.link(change))
                meters.note(change)
                Self.tell(notifier, of: change, settings)
                if case .message(.welcome(let welcome)) = change {
                    Self.compare(welcome, with: settings, logger)
                }
            }, onCredit: { outbox.nudge() }, onLogKept: { outbox.kept($0) })
        let images = ImageLedger(path: folder.images, logger: logger)
        self.images = ImageCollector(
            engine: engine, ledger: images,
            rules: .init(
                keepSeconds: settings.keepImages?.components.seconds,
                minFree: settings.minFreeForImages), logger: logger)
        let network = NodeNetwork(engine: engine, labels: labels)
        let joins = NetworkJoins(engine: engine, logger: logger)
        let folders = AttemptFolders(root: folder.attempts)
        let boot = try StateFolder.bootID()
        memory = IdleMemory(
            margin: settings.memoryMargin, file: MemoryFile(path: folder.memory, boot: boot))
        let collector = Collector(engine: engine, folders: folders)
        let inputDesk = InputDesk(link: link)
        let secret = try folder.secret()
        let (tokens, address) = (WebhookTokens(), Latest<String?>(nil))
        let inputs = InputResolver(
            http: { try stores.client() }, find: { try await inputDesk.files($0, $1, for: $2) },
            logger: logger,
            relay: InputRelay(
                folders: folders, secret: secret, tokens: tokens, address: address))
        let models = settings.models.map {
            ModelsFolder(path: $0, apartFrom: [settings.dockerSocket, settings.stateDir])
        }
        checks = SelfChecks(engine: engine, models: models, joins: joins)
        let predictions = Predictions(
            http: workers, secret: secret, folders: folders, collector: collector,
            outbox: outbox, inputs: inputs, tokens: tokens, address: address, logger: logger,
            post: post)
        let containers = Containers(
            engine: engine, labels: labels, network: network, joins: joins,
            host: HostFacts(
                engine: engine, models: models,
                memoryMax: ContainerPolicy.memoryMax(
                    offered: try NodeTelemetry.memory(reserve: settings.memoryReserve)),
                devices: DeviceRules(more: settings.devices), logger: logger),
            memory: memory, ledger: ledger, inputs: inputs,
            uploadURL: { await predictions.uploadURL(of: $0, gateway: $1) }, logger: logger)
        let completions = Completions(
            http: calls, folders: folders, outbox: outbox, inputs: inputs, logger: logger,
            post: post)
        let doer = Doer(
            link: link,
            pulls: ImagePulls(
                engine: engine, sources: ImageSources(registries: settings.registries),
                ledger: images, stallTimeout: settings.pullStall, logger: logger),
            containers: containers,
            prober: Prober(
                http: workers, calls: calls, completions: completions, containers: containers),
            predictions: predictions, completions: completions,
            follower: LogFollower(
                engine: engine, outbox: outbox, folders: folders, logger: logger), outbox: outbox,
            collector: collector,
            uploader: Uploader(
                http: { try stores.client() }, desk: UploadDesk(link: link), folders: folders,
                logger: logger),
            folders: folders,
            cleaner: Cleaner(
                engine: engine, labels: labels, network: network, folder: folders, memory: memory,
                ledger: ledger, logger: logger),
            abandon: AbandonTable(), logger: logger, post: post)
        let watchdog = LoopWatchdog(notifier)
        self.loop = AgentLoop(
            mailbox: mailbox, clock: clock, journal: JournalFile(path: folder.journal),
            lease: LeaseFile(path: folder.lease, boot: boot), doer: doer,
            logger: logger,
            onTurn: { [meters] agent in
                watchdog.turned()
                meters.note(agent)
            })
        self.link = link
        self.enrolment = enrolment
        self.inventory = Inventory(
            engine: engine, labels: labels, network: network, joins: joins, clock: clock,
            memory: memory, ledger: ledger, logger: logger, post: post)
        self.webhooks = WebhookService(
            network: network, predictions: predictions, portFile: folder.webhookPort,
            logger: logger)
        self.outbox = outbox
        self.predictions = predictions
        self.watchdog = watchdog
    }

    /// Lets `systemctl status` show how the link is.
    private static func tell(
        _ notifier: ServiceNotifier, of change: LinkChange, _ settings: AgentSettings
    ) {
        let controller = settings.controllers.map(\.description).joined(separator: " or ")
        switch change {
        case .up: notifier.status("\(settings.node): connected to \(controller)")
        case .down: notifier.status("\(settings.node): not connected to \(controller)")
        case .message: break
        }
    }

    /// Warns of a fleet that has two names: what is looked for by one of them is not found by the other.
    static func compare(_ welcome: Welcome, with settings: AgentSettings, _ logger: Logger) {
        guard welcome.fleet != settings.fleet else { return }
        logger.warning(
            "the controller's fleet has another name than our settings say, which our containers carry",
            metadata: ["fleet": "\(welcome.fleet)", "fleet.own": "\(settings.fleet)"])
    }
}
