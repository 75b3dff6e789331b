import FleetCore
import OrderedCollections
import Testing

@Suite struct BanTests {
    private let node: NodeName = "agx-03"

    private func controller(_ bans: [NodeBan] = []) -> Controller {
        Controller(restoring: .init(fleet: .small, bans: bans), term: 1, seed: 1, at: .zero)
    }

    private func hello(_ name: NodeName) -> Hello {
        Hello(node: name, incarnation: Incarnation(boot: "b", starts: 1), version: "1")
    }

    private func give(
        _ controller: inout Controller, _ event: ControllerEvent, at seconds: Int64
    ) -> Effects {
        var effects = Effects()
        controller.step(event, at: .zero + .seconds(seconds), &effects)
        return effects
    }

    @Test func `a ban ends the session, and is stored before anybody hears of it`() {
        var controller = controller()
        _ = give(&controller, .connected(hello(node), SessionID(1), issuedAt: .zero), at: 1)
        let effects = give(&controller, .banNode(RequestID(7), node), at: 5)
        #expect(effects.closes.map(\.session) == [SessionID(1)])
        #expect(effects.closes.map(\.certificateIsVoid) == [true])
        #expect(effects.bans == [node] && effects.needsCommit)
        #expect(effects.replies.map(\.1) == [.done])
        let event = effects.events.first
        #expect(event?.kind == .node && event?.node == node && event?.reason == "banned")
        #expect(controller.nodes[node]?.state == .suspect)
        // What the agent has still sent is nobody's: its leases are not renewed.
        let late = give(
            &controller, .message(node, SessionID(1), .heartbeat(sequence: 1)), at: 5)
        #expect(late.urgent.isEmpty && late.sends.isEmpty)
    }

    @Test func `a certificate from until the ban is refused for ever, a later one is not`() {
        var first = controller()
        _ = give(&first, .banNode(RequestID(1), node), at: 5)
        // Whoever takes up the record knows it too.
        var controller = controller(first.snapshot.bans)
        for issued: Int64 in [0, 4, 5] {
            let issuedAt = Instant.zero + .seconds(issued)
            let effects = give(
                &controller, .connected(hello(node), SessionID(1), issuedAt: issuedAt), at: 90)
            #expect(effects.closes.first?.certificateIsVoid == true)
            #expect(effects.sends.isEmpty && controller.nodes[node]?.session == nil)
        }
        let issuedAt = Instant.zero + .seconds(6)
        let effects = give(
            &controller, .connected(hello(node), SessionID(2), issuedAt: issuedAt), at: 91)
        #expect(effects.closes.isEmpty && controller.nodes[node]?.session == SessionID(2))
        // Who shows the old one meanwhile does not disturb the new one.
        let stolen = give(
            &controller, .connected(hello(node), SessionID(3), issuedAt: .zero), at: 92)
        #expect(stolen.closes.map(\.session) == [SessionID(3)])
        #expect(controller.nodes[node]?.session == SessionID(2))
    }

    @Test func `what was issued since the last ban is void after the next`() {
        var controller = controller()
        let now = Instant.zero + .seconds(5)
        #expect(controller.issueTime(for: node, at: now) == now)
        _ = give(&controller, .banNode(RequestID(1), node), at: 5)
        // It is dated ahead, so that it is not void by the ban just made.
        let issued = controller.issueTime(for: node, at: now)
        #expect(issued == now + .seconds(1))
        #expect(!controller.isVoid(certificateOf: node, issuedAt: issued))
        _ = give(&controller, .banNode(RequestID(2), node), at: 5)
        #expect(controller.isVoid(certificateOf: node, issuedAt: issued))
        #expect(controller.issueTime(for: node, at: now + .seconds(60)) == now + .seconds(60))
    }

    @Test func `what was issued by a wall clock that is ahead is void too`() {
        var controller = controller()
        let wall = Instant.zero + .seconds(3_600)
        _ = give(&controller, .banNode(RequestID(1), node, wall: wall), at: 5)
        #expect(controller.isVoid(certificateOf: node, issuedAt: wall))
        let issued = controller.issueTime(for: node, at: wall)
        #expect(!controller.isVoid(certificateOf: node, issuedAt: issued))
        // One that is behind changes nothing.
        _ = give(&controller, .banNode(RequestID(2), "agx-02", wall: .zero), at: 6)
        #expect(controller.bans["agx-02"] == Instant.zero + .seconds(6))
    }

    @Test func `a name that is not in the fleet is banned too, and no other is`() {
        var controller = controller()
        let effects = give(&controller, .banNode(RequestID(1), "agx-99"), at: 5)
        #expect(effects.replies.map(\.1) == [.done] && effects.closes.isEmpty)
        #expect(controller.isVoid(certificateOf: "agx-99", issuedAt: .zero))
        #expect(!controller.isVoid(certificateOf: node, issuedAt: .zero))
    }

    @Test func `the work of a banned node is tried elsewhere once its leases have run out`() {
        let w = World(.small)
        w.run(for: .seconds(30))
        for host in w.hosts.values { host.certifiedAt = .zero }
        let id = w.submit(.vision, "70")
        w.expectRunning(id)
        #expect(w.lastNode(of: id) == node)
        #expect(w.answer { .banNode($0, node) } == .done)
        w.expect(within: 1) { w.node(node) == .suspect }
        w.expect(within: 60) { w.node(node) == .lost }
        #expect(w.job(id)?.attempts.first?.state == .lost)
        w.expectEnd(id, .succeeded, within: 200)
        #expect(w.lastNode(of: id) != node)
        w.crashController(downFor: 1)
        w.run(for: .seconds(20))
        #expect(w.node(node) != .ready, "the ban outlives the controller")
        w.host(node).certifiedAt = w.now
        w.expect(within: 10) { w.node(node) == .ready }
        w.expectSound()
    }
}
