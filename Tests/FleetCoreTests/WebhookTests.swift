import FleetCore
import OrderedCollections
import Testing

/// What the machine keeps of webhooks.
@Suite struct WebhookTests {
    private static let name: WebhookName = "hooks"

    private struct Machine {
        var controller: Controller
        var now = Instant(nanoseconds: 1_000_000_000)
        var stored: [WebhookName: WebhookRecord] = [:]
        var events: [FleetEvent] = []
        var refusals: [Refusal] = []
        private var last: UInt64 = 0

        init(_ webhooks: [WebhookRecord] = [], at now: Instant? = nil, events: UInt64 = 0) {
            self.now = now ?? self.now
            var policy = ControllerPolicy()
            policy.webhookLimit = 2
            var counters = Controller.Counters()
            counters.event = events
            controller = Controller(
                restoring: .init(counters: counters, webhooks: webhooks), term: 1, seed: 1,
                at: self.now, policy: policy)
        }

        @discardableResult
        mutating func step(_ event: ControllerEvent) -> Bool {
            var effects = Effects()
            controller.step(event, at: now, &effects)
            events += effects.events
            for name in effects.webhooks { stored[name] = controller.webhooks[name] }
            for case (_, .refused(let refusal)) in effects.replies { refusals.append(refusal) }
            return effects.needsCommit
        }

        mutating func ask(_ event: (RequestID) -> ControllerEvent) {
            last += 1
            step(event(RequestID(last)))
        }

        mutating func wait(_ time: Duration) {
            now = now + time
            while let due = controller.nextWake(), due <= now { step(.tick) }
        }
    }

    private static func record(_ name: WebhookName = Self.name, id: String = "a") -> WebhookRecord {
        WebhookRecord(name: name, id: id, url: "https://x/", topics: ["all"], sealedSecret: "s")
    }

    @Test func `a webhook begins with what happens after it was made`() {
        var m = Machine(events: 41)
        m.ask { .addWebhook($0, Self.record()) }
        #expect(m.stored[Self.name]?.through == 42)
        #expect(m.stored[Self.name]?.createdAt == m.now)
        #expect(m.events.map(\.to) == ["created"])
    }

    @Test func `names are taken once, and there are not too many`() {
        var m = Machine()
        m.ask { .addWebhook($0, Self.record()) }
        m.ask { .addWebhook($0, Self.record(id: "b")) }
        m.ask { .addWebhook($0, Self.record("other")) }
        m.ask { .addWebhook($0, Self.record("third")) }
        #expect(m.refusals.map(\.code) == [.conflict, .conflict])
        #expect(m.controller.webhooks.count == 2)
        m.ask { .removeWebhook($0, "nobody") }
        #expect(m.refusals.last?.code == .notFound)
        m.ask { .removeWebhook($0, Self.name) }
        #expect(m.controller.webhooks[Self.name] == nil)
        #expect(m.events.last?.to == "removed")
    }

    @Test func `progress only goes forward, never past what has happened, and makes no events`() {
        var m = Machine(events: 100)
        m.ask { .addWebhook($0, Self.record()) }
        let before = m.events.count
        func report(_ through: UInt64, id: String = "a") -> ControllerEvent {
            .webhooksProgressed([.init(name: Self.name, id: id, through: through)])
        }
        m.ask { .addWebhook($0, Self.record("other")) }
        m.ask { .removeWebhook($0, "other") }
        let latest = m.controller.counters.event
        #expect(latest > 101)
        m.step(report(.max))
        #expect(m.stored[Self.name]?.through == latest)
        let same = m.step(report(latest - 1))
        #expect(!same, "what changes nothing is not stored")
        #expect(m.stored[Self.name]?.through == latest)
        let other = m.step(report(.max, id: "b"))
        #expect(!other, "what is said of another of that name is void")
        #expect(m.events.count - before == Int(latest - 101))
    }

    @Test func `a webhook that takes nothing for a day is failing until it takes something`() {
        var m = Machine()
        m.ask { .addWebhook($0, Self.record()) }
        func report(_ succeeded: Bool) -> ControllerEvent {
            .webhooksProgressed([.init(name: Self.name, id: "a", through: 1, succeeded: succeeded)])
        }
        m.step(report(false))
        let began = m.now
        m.wait(.seconds(86_399))
        m.step(report(false))
        #expect(m.stored[Self.name]?.failingSince == began)
        #expect(m.stored[Self.name]?.isFailing == false)
        m.wait(.seconds(1))
        #expect(m.stored[Self.name]?.isFailing == true)
        #expect(m.events.last?.to == "failing")
        m.step(report(true))
        #expect(m.stored[Self.name]?.isFailing == false)
        #expect(m.stored[Self.name]?.failingSince == nil)
        #expect(m.events.last?.to == "working")
        m.step(report(false))
        m.step(report(true))
        m.wait(.seconds(100_000))
        #expect(m.events.last?.to == "working", "one that works again is not failing later")
    }

    @Test func `the next controller goes on counting`() throws {
        var m = Machine()
        m.ask { .addWebhook($0, Self.record()) }
        m.step(
            .webhooksProgressed([
                .init(name: Self.name, id: "a", through: 1, dropped: 3, succeeded: false)
            ]))
        let kept = try #require(m.stored[Self.name])
        var next = Machine([kept], at: m.now + .seconds(80_000), events: 9)
        #expect(next.controller.webhooks[Self.name]?.dropped == 3)
        next.wait(.seconds(6_400))
        #expect(next.stored[Self.name]?.isFailing == true)
    }

    @Test func `an event is given up a day after it happened or its webhook ceased to work`() {
        let policy = ControllerPolicy()
        let day = policy.webhookPatience
        let at = Instant(nanoseconds: 0) + .seconds(1_000)
        let event = FleetEvent(sequence: 1, at: at, kind: .job)
        #expect(!policy.givesUp(event, failingSince: nil, at: at + day * 9))
        #expect(!policy.givesUp(event, failingSince: at - .seconds(9), at: at + day - .seconds(1)))
        #expect(policy.givesUp(event, failingSince: at - .seconds(9), at: at + day))
        let later = at + .seconds(500)
        #expect(!policy.givesUp(event, failingSince: later, at: at + day))
        #expect(policy.givesUp(event, failingSince: later, at: later + day))
    }
}
