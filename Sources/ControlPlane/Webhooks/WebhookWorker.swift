import FleetCore
import Foundation
import Logging
import RedisStore
import Settings

/// Delivers events to one webhook, one after the other, until it is removed.
struct WebhookWorker: Sendable {
    let endpoint: WebhookEndpoint
    let topics: Topics
    let feed: EventFeed
    let store: FleetStore
    let clock: AnchoredClock
    let policy: ControllerPolicy
    let logger: Logger
    var sender: WebhookSender
    private var failures = 0
    private var random = SeededGenerator(seed: UInt64.random(in: .min ... .max))

    /// Waits between tries: any time up to a ceiling that doubles.
    static let backOff = BackOff(base: .seconds(1), cap: .seconds(3_600))
    /// How long a connection is kept when nothing is to be delivered.
    private static let idle = Duration.seconds(60)
    /// How long to wait when the store cannot be read.
    private static let pause = Duration.seconds(1)
    /// Stored events read at once.
    private static let readLimit = 500

    init(
        endpoint: WebhookEndpoint, topics: Topics, feed: EventFeed, store: FleetStore,
        clock: AnchoredClock, policy: ControllerPolicy, sender: WebhookSender, logger: Logger
    ) {
        self.endpoint = endpoint
        self.topics = topics
        self.feed = feed
        self.store = store
        self.clock = clock
        self.policy = policy
        self.sender = sender
        self.logger = logger
    }

    /// What comes next.
    private enum Next {
        case events([FleetEvent])
        /// Events up to this one are no longer kept.
        case lost(through: UInt64)
        case nothing
        case unknown
    }

    /// Runs until cancelled.
    mutating func run() async {
        while !Task.isCancelled {
            switch await next(after: endpoint.status.place) {
            case .events(let events):
                for event in events where !Task.isCancelled { await deliver(event) }
            case .lost(let last): await resync(through: last)
            case .nothing:
                await endpoint.news.wait(atMost: Self.idle)
                if feed.latest <= endpoint.status.place { await sender.close() }
            case .unknown: try? await Task.sleep(for: Self.pause)
            }
        }
        await sender.close()
    }

    private func next(after place: UInt64) async -> Next {
        if case .events(let kept) = feed.page(after: place) {
            return kept.isEmpty ? .nothing : .events(kept.map(\.event))
        }
        do {
            let events = try await store.events(after: place, limit: Self.readLimit)
            guard let first = events.first else { return .nothing }
            return first.sequence > place + 1
                ? .lost(through: first.sequence - 1) : .events(events)
        } catch {
            return .unknown
        }
    }

    private mutating func deliver(_ event: FleetEvent) async {
        guard topics.wants(event) else { return endpoint.skip(through: event.sequence) }
        guard
            let delivery = try? WebhookDelivery(
                id: "msg_\(endpoint.id)_\(event.sequence)", type: event.kind.rawValue,
                timestamp: event.at.rfc3339, data: EventView(event))
        else { return endpoint.skip(through: event.sequence) }
        while !Task.isCancelled {
            let since = endpoint.status.record.failingSince
            if policy.givesUp(event, failingSince: since, at: clock.now) {
                logger.warning(
                    "webhook's event is given up",
                    metadata: ["webhook": "\(endpoint.name)", "event": "\(event.sequence)"])
                return endpoint.pass(event.sequence, dropped: true)
            }
            if await attempt(delivery) { return endpoint.pass(event.sequence) }
        }
    }

    private struct Missed: Encodable {
        var from: UInt64
        var through: UInt64
        var reason = "events were missed"
    }

    /// Says that events were lost for it; that itself is never given up.
    private mutating func resync(through last: UInt64) async {
        let missed = Missed(from: endpoint.status.place + 1, through: last)
        guard
            let delivery = try? WebhookDelivery(
                id: "msg_\(endpoint.id)_resync_\(last)", type: "resync",
                timestamp: clock.now.rfc3339, data: missed)
        else { return }
        while !Task.isCancelled {
            if await attempt(delivery) { return endpoint.pass(last) }
        }
    }

    /// Tries once, and after a failure waits for the next try.
    private mutating func attempt(_ delivery: WebhookDelivery) async -> Bool {
        let outcome = await sender.send(delivery)
        // What was cut short by the controller's own end says nothing of the webhook.
        if Task.isCancelled, !outcome.isDelivered { return false }
        guard case .failed(let why) = outcome else {
            if failures > 0 {
                logger.notice("webhook works again", metadata: ["webhook": "\(endpoint.name)"])
            }
            failures = 0
            endpoint.note(outcome, next: nil)
            return true
        }
        failures += 1
        if failures == 1 {
            logger.notice(
                "webhook does not take its event",
                metadata: ["webhook": "\(endpoint.name)", "error": "\(why)"])
        }
        let wait = Self.backOff.delay(failures: failures, using: &random)
        endpoint.note(outcome, next: clock.now + wait)
        await endpoint.urge.wait(atMost: wait)
        return false
    }
}
