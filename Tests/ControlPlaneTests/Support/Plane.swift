import Crypto
import FleetCore
import Foundation
import Hummingbird
import JobCatalogue
import Logging
import ObjectStore
import OrderedCollections
import RedisStore
import Synchronization
import Testing

@testable import ControlPlane

/// A control plane on a real Redis, without the link: orders are collected, events published.
struct Plane: Sendable {
    let loop: ControlLoop
    let feed: EventFeed
    let api: APIServer
    let store: FleetStore
    let sent: Sent
    let tokens: TokenBook
    let webhooks: WebhookCourier
    let directory: String

    final class Sent: Sendable {
        private let messages = Mutex<[Effects.Outgoing]>([])
        func add(_ message: Effects.Outgoing) { messages.withLock { $0.append(message) } }
        var all: [Effects.Outgoing] { messages.withLock { $0 } }
        /// The heartbeats that were answered.
        var renewals: [UInt64] {
            all.compactMap { if case .renewed(let sequence) = $0.message { sequence } else { nil } }
        }
    }

    static let fleet = FleetSpec(
        fleet: "test",
        clusters: [
            ClusterSpec(
                name: "vision", nodes: ["agx-01", "agx-02"], kinds: [.image], service: "sdxl-api",
                template: "sdxl-worker")
        ], roamers: ["agx-11"],
        services: [
            ServiceSpec(
                name: "sdxl-api", replicas: 2, worker: WorkerSpec(image: "jessica/sdxl:latest"))
        ],
        templates: [
            TemplateSpec(
                name: "sdxl-worker", startupTime: .seconds(45),
                worker: WorkerSpec(image: "jessica/sdxl:latest"))
        ])

    /// Runs a control plane in `directory` around `body`; the record is what Redis there holds.
    static func with<Value: Sendable>(
        directory: String? = nil, fleet: FleetSpec? = Plane.fleet, leadWithin: Duration? = nil,
        fullWeight: Int = 64 << 20, policy: ControllerPolicy = ControllerPolicy(),
        registry: ToldRegistry = ToldRegistry(.unknown("there is no registry")),
        readers: Int = EventFeed.readerLimit,
        _ body: @escaping @Sendable (Plane, PrivateRedis) async throws -> Value
    ) async throws -> Value {
        let directory =
            directory
            ?? NSTemporaryDirectory() + "jessica-plane-\(UInt32.random(in: .min ... .max))"
        let redis = PrivateRedis(
            configuration: PrivateRedisConfiguration(directory: directory + "/redis"))
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await redis.run()
                return nil
            }
            try await redis.ready(timeout: .seconds(120))
            let client = RedisClient(endpoint: redis.endpoint)
            defer { client.close() }
            let store = FleetStore(store: FencedStore(client: client))
            let term = try await store.store.bumpTerm(owner: "test", version: "0")
            let loaded = try await store.load(history: 1_000)
            let clock = AnchoredClock(floor: loaded.clock)
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let loop = ControlLoop(
                store: store, clock: clock, term: term, leadWithin: leadWithin,
                fullWeight: fullWeight, logger: logger)
            let feed = EventFeed(limit: readers)
            let sent = Sent()
            let catalogue = try JobCatalogue(path: directory + "/catalogue.sqlite", term: term)
            catalogue.record(loaded.snapshot.jobs)
            let signer = try URLSigner(secret: [UInt8](repeating: 7, count: 32))
            let folder = FolderStore(
                root: directory + "/objects", baseURL: "https://localhost/objects", signer: signer)
            try await folder.prepare()
            let (counters, meters) = (LinkCounters(), FleetMeters())
            let webhooks = WebhookCourier(
                loaded.snapshot.webhooks,
                setting: .init(
                    rules: try WebhookRules(allow: ["127.0.0.0/8"]), trust: nil,
                    key: SymmetricKey(data: [UInt8](repeating: 3, count: 32))),
                loop: loop, feed: feed, store: store, policy: policy, logger: logger)
            let inputs = InputStore(
                objects: folder, keepUploads: .seconds(30 * 86_400), logger: logger)
            let backups = BackupDesk(
                loop: loop, store: store, inputs: inputs, scratch: directory + "/backup.part",
                logger: logger)
            let api = APIServer(
                loop: loop, feed: feed, live: LiveFeed(loop: loop),
                logs: try LogStore(root: directory + "/logs", logger: logger),
                store: store, catalogue: catalogue, objects: folder,
                inputs: inputs,
                folder: EmbeddedObjects(store: folder, signer: signer),
                applied: AppliedSource(loaded.fleet),
                sessions: SessionTable(counters: counters, logger: logger),
                counters: counters, meters: meters, webhooks: webhooks,
                images: registry.resolver,
                installation: Installation(
                    folder: directory, authorityEnds: .distantFuture,
                    certificateEnds: .distantFuture),
                backups: backups,
                enrolment: EnrolmentDesk(
                    authority: try Authority(directory: directory + "/authority"), loop: loop,
                    logger: logger),
                audit: AuditTrail(store: store, clock: clock, logger: logger),
                logger: logger)
            let controller = Controller(
                restoring: loaded.snapshot, term: term, seed: 1, at: clock.now, policy: policy)
            let tokens = TokenBook(
                administrator: try TokenFile(path: directory + "/token"),
                stored: loaded.snapshot.tokens)
            let plane = Plane(
                loop: loop, feed: feed, api: api, store: store, sent: sent, tokens: tokens,
                webhooks: webhooks, directory: directory)
            group.addTask {
                try await loop.run(
                    controller,
                    outlets: .init(
                        send: { sent.add($0) }, close: { _ in },
                        publish: {
                            feed.publish($0)
                            webhooks.ring()
                        },
                        stored: {
                            tokens.update(new: $0.tokens, gone: $0.goneTokens)
                            webhooks.update(new: $0.webhooks, gone: $0.goneWebhooks)
                            catalogue.record($0.jobs)
                            meters.observe($0)
                        }))
                return nil
            }
            group.addTask {
                await feed.run()
                return nil
            }
            group.addTask {
                await api.live.run()
                return nil
            }
            group.addTask {
                await webhooks.run()
                return nil
            }
            group.addTask {
                await backups.run()
                return nil
            }
            if let fleet, loaded.snapshot.fleetRevision == 0 {
                _ = await loop.apply(fleet, source: "fleet: test\n")
            }
            group.addTask { try await body(plane, redis) }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }

    /// Submits a job and returns the answer.
    func submit(_ id: JobID, _ request: JobRequest = JobRequest(kind: .image)) async -> Reply? {
        await loop.ask { .submit($0, id, request) }
    }

    /// Puts an ended job into the record, behind the machine's back.
    @discardableResult
    func past(
        _ id: JobID, _ outcome: Job.Outcome = .succeeded, of submitter: SubmitterName? = nil,
        attempts: [Attempt] = []
    ) async throws -> Job {
        var request = JobRequest(kind: .image)
        request.submitter = submitter
        var job = Job(id: id, request: request, queue: "vision", submittedAt: loop.clock.now)
        job.attempts = attempts
        job.ending = Job.Ending(outcome: outcome, at: loop.clock.now)
        var change = FleetChange(
            counters: await loop.read { controller, _ in controller.counters },
            clock: loop.clock.now)
        change.jobs = [job]
        try await store.commit(try store.seal(change, term: loop.term))
        return job
    }

    /// Connects an agent, in session 1.
    func connect(_ node: NodeName) async throws {
        let hello = Hello(
            node: node, incarnation: Incarnation(boot: "b", starts: 1), version: "1")
        loop.post(.connected(hello, SessionID(1)))
        _ = await loop.read { controller, _ in controller.nodes[node]?.state }
    }
}

extension PrivateRedis {
    /// The process of the server.
    func pid() throws -> Int32 {
        let text = try String(contentsOfFile: configuration.pidPath, encoding: .utf8)
        return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
}
