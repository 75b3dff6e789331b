import Crypto
package import FleetCore
import Foundation
package import Logging
package import RedisStore
import Settings
import Synchronization

/// Delivers events to all webhooks, each in its own time.
///
/// Every webhook has one delivery on its way at most, and there are at most as many webhooks as the
/// machine allows: so a slow one harms nobody.
package final class WebhookCourier: Sendable {
    /// What webhooks need of the installation.
    package struct Setting: Sendable {
        /// Where they may go.
        let rules: WebhookRules
        /// A file of certificates to trust beside those of the system.
        let trust: String?
        /// What their secrets are sealed with.
        let key: SymmetricKey

        init(rules: WebhookRules, trust: String?, key: SymmetricKey) {
            self.rules = rules
            self.trust = trust
            self.key = key
        }
    }

    let setting: Setting
    private let loop: ControlLoop
    private let feed: EventFeed
    private let store: FleetStore
    private let logger: Logger
    private let endpoints: Mutex<[WebhookName: WebhookEndpoint]>
    /// A webhook was made or removed.
    private let changed = Signal()
    private let dirty: Signal
    private let policy: ControllerPolicy

    /// How often progress is stored at most.
    private static let reportEvery = Duration.seconds(1)

    /// Begins with what is stored; nothing happens before `run`.
    package init(
        _ stored: [WebhookRecord], setting: Setting, loop: ControlLoop, feed: EventFeed,
        store: FleetStore, policy: ControllerPolicy = ControllerPolicy(), logger: Logger
    ) {
        self.setting = setting
        self.loop = loop
        self.feed = feed
        self.store = store
        self.policy = policy
        self.logger = logger
        let dirty = Signal()
        self.dirty = dirty
        endpoints = Mutex(
            Dictionary(
                stored.map { ($0.name, WebhookEndpoint($0, dirty: dirty)) },
                uniquingKeysWith: { $1 }))
    }

    /// Takes what a batch has stored.
    package func update(new: [WebhookRecord], gone: [WebhookName]) {
        guard !new.isEmpty || !gone.isEmpty else { return }
        let removed = endpoints.withLock { endpoints in
            var removed = gone.compactMap { endpoints.removeValue(forKey: $0) }
            for record in new {
                if let known = endpoints[record.name], known.id == record.id {
                    known.update(record)
                } else {
                    // Removed and made again within one batch.
                    if let old = endpoints[record.name] { removed.append(old) }
                    endpoints[record.name] = WebhookEndpoint(record, dirty: dirty)
                }
            }
            return removed
        }
        for endpoint in removed { endpoint.gone.nudge() }
        changed.nudge()
    }

    /// Something has happened.
    package func ring() {
        for endpoint in all { endpoint.news.nudge() }
    }

    private var all: [WebhookEndpoint] { endpoints.withLock { Array($0.values) } }

    /// What is known of all webhooks, by name.
    var statuses: [WebhookEndpoint.Status] {
        all.map(\.status).sorted { $0.record.name < $1.record.name }
    }

    func status(of name: WebhookName) -> WebhookEndpoint.Status? {
        endpoints.withLock { $0[name] }?.status
    }

    /// How many events a webhook is behind.
    func lag(_ status: WebhookEndpoint.Status) -> UInt64 {
        let latest = feed.latest
        return latest > status.place ? latest - status.place : 0
    }

    /// Runs until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.report() }
            var running: Set<String> = []
            while !Task.isCancelled {
                let present = all
                running.formIntersection(present.map(\.id))
                for endpoint in present where running.insert(endpoint.id).inserted {
                    group.addTask { await self.serve(endpoint) }
                }
                await changed.wait()
            }
        }
    }

    private func report() async {
        while !Task.isCancelled {
            await dirty.wait()
            let reports = all.compactMap { $0.report() }.sorted { $0.name < $1.name }
            if !reports.isEmpty { loop.post(.webhooksProgressed(reports)) }
            try? await Task.sleep(for: Self.reportEvery)
        }
    }

    private func serve(_ endpoint: WebhookEndpoint) async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                do {
                    let record = endpoint.status.record
                    var worker = WebhookWorker(
                        endpoint: endpoint,
                        topics: try Topics(record.topics.joined(separator: ",")),
                        feed: feed, store: store, clock: loop.clock, policy: policy,
                        sender: try sender(record), logger: logger)
                    await worker.run()
                } catch {
                    logger.warning(
                        "webhook cannot work",
                        metadata: ["webhook": "\(endpoint.name)", "error": "\(error)"])
                    endpoint.note(.failed("\(error)"), next: nil)
                }
            }
            await endpoint.gone.wait()
            group.cancelAll()
        }
    }

    private func sender(_ record: WebhookRecord) throws -> WebhookSender {
        guard
            let secret = WebhookSecret(
                sealed: record.sealedSecret, with: setting.key, for: record.id)
        else {
            throw WebhookRefusal(
                "its secret was sealed by another authority; remove it and create it again")
        }
        return WebhookSender(
            target: try WebhookTarget(record.url), secret: secret, rules: setting.rules,
            trust: setting.trust)
    }

    private struct Greeting: Encodable {
        var webhook: String
    }

    /// Tries a delivery that is no event, at once; nil when one is under way already.
    ///
    /// When it is taken, so is what waits: that is tried again at once.
    func test(_ name: WebhookName) async throws -> (outcome: WebhookOutcome, took: Duration)? {
        guard let endpoint = endpoints.withLock({ $0[name] }) else {
            throw APIError.notFound("webhook \(name)")
        }
        guard endpoint.beginTest() else { return nil }
        defer { endpoint.endTest() }
        let begin = ContinuousClock.now
        var sender: WebhookSender
        do {
            sender = try self.sender(endpoint.status.record)
        } catch {
            return (.failed("\(error)"), .zero)
        }
        let id = String(UInt64.random(in: .min ... .max), radix: 36)
        let delivery = try WebhookDelivery(
            id: "msg_\(endpoint.id)_test_\(id)", type: "webhook.test",
            timestamp: loop.clock.now.rfc3339, data: Greeting(webhook: name.rawValue))
        let outcome = await sender.send(delivery)
        await sender.close()
        if outcome.isDelivered { endpoint.urge.nudge() }
        return (outcome, ContinuousClock.now - begin)
    }
}
