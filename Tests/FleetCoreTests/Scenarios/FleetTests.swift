import FleetCore
import OrderedCollections
import Testing

@Suite struct FleetTests {
    private func apply(_ fleet: FleetSpec, to w: World) {
        #expect(w.answer { .apply($0, fleet) } == .done)
        for name in fleet.nodes where w.hosts[name] == nil { w.addHost(name) }
    }

    @Test func `the same fleet again changes nothing`() {
        let w = World(.small)
        apply(.small, to: w)
        #expect(w.controller.fleetRevision == 0)
        #expect(!w.brain.events.contains { $0.kind == .fleet })
    }

    @Test func `a node that joins works, and one that leaves finishes first`() {
        let w = World(.small.scaling { $0.overflow = .never })
        var fleet = FleetSpec.small.scaling { $0.overflow = .never }
        fleet.clusters[0].nodes = ["agx-02", "agx-09"]
        let ids = (0..<2).map { _ in w.submit(.image, "8") }
        for id in ids { w.expectRunning(id) }
        apply(fleet, to: w)
        w.expect(within: 20) {
            w.controller.nodes["agx-09"]?.workers["vision-api"]?.phase == .ready
        }
        for id in ids { w.expectEnd(id, .succeeded) }
        w.expect(within: 10) { w.controller.nodes["agx-01"] == nil }
        #expect(w.brain.store.nodes["agx-01"] == nil)
        w.expectEnd(w.submit(.image), .succeeded)
        w.expectSound()
    }

    @Test func `a silent node that has left is forgotten when its leases have ended`() {
        let w = World(.small)
        let id = w.submit(.vision, "30")
        w.expectRunning(id)
        w.cutOff("agx-03", for: 500)
        var fleet = FleetSpec.small
        fleet.clusters[1].nodes = ["agx-09"]
        apply(fleet, to: w)
        #expect(w.controller.nodes["agx-03"]?.retired == true)
        w.expect(within: 60) { w.controller.nodes["agx-03"] == nil }
        w.expectEnd(id, .succeeded)
        w.run(for: .seconds(500))
        w.expectSound()
    }

    @Test(arguments: [true, false]) func `a node moves to the roamers and is cleaned`(busy: Bool) {
        let w = World(.small)
        let id = busy ? w.submit(.image, "10") : nil
        if let id { w.expectRunning(id) }
        let node = id.map { w.lastNode(of: $0) } ?? "agx-01"
        var fleet = FleetSpec.small
        fleet.clusters[0].nodes.removeAll { $0 == node }
        fleet.roamers.append(node)
        apply(fleet, to: w)
        w.expect(within: 30) { w.roamer(node) == .idle }
        if let id { w.expectEnd(id, .succeeded) }
        w.expectSound()
    }

    @Test func `a roamer moves to a cluster, whatever it did`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .cluster("eyes"), .manual) == .done)
        w.run(for: .seconds(8))
        let ids = (0..<2).map { _ in w.submit(.vision, "10") }
        for id in ids { w.expectRunning(id) }
        var fleet = FleetSpec.small
        fleet.roamers = ["agx-05"]
        fleet.clusters[0].nodes.append("agx-04")
        fleet.services[0].replicas = 3
        apply(fleet, to: w)
        for id in ids { w.expectEnd(id, .succeeded) }
        w.expect(within: 20) {
            w.controller.nodes["agx-04"]?.workers["vision-api"]?.phase == .ready
        }
        #expect(w.controller.nodes["agx-04"]?.record.roamer == nil)
        #expect(w.host("agx-04").containers.count == 1)
        w.expectSound()
    }

    @Test func `a new image replaces the pods when they are free`() {
        let w = World(.small)
        let id = w.submit(.image, "10")
        w.expectRunning(id)
        var fleet = FleetSpec.small
        fleet.services[0].worker.image = "jessica/vision:2"
        apply(fleet, to: w)
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.count == 1)
        w.expect(within: 20) {
            ["agx-01", "agx-02"].allSatisfy {
                w.host($0).containers.map(\.image) == ["jessica/vision:2"]
            }
        }
        w.expectSound()
    }

    /// The small fleet, whose second cluster has another service.
    private func otherEyes(memory: Int64? = nil) -> FleetSpec {
        var fleet = FleetSpec.small
        var service = fleet.services[1]
        service.name = "other-api"
        service.worker.image = "jessica/other:1"
        service.worker.memory = memory
        fleet.services.append(service)
        fleet.clusters[1].service = service.name
        return fleet
    }

    @Test(arguments: [false, true])
    func `work ends on the pod it began on, whatever its cluster serves by then`(restart: Bool) {
        var fleet = FleetSpec.small
        fleet.clusters[1].scaling.overflow = .never
        let w = World(fleet)
        let id = w.submit(.vision, "20")
        w.expectRunning(id)
        let service = FleetSpec.small.services[1].name
        let next = w.submit(.vision, "1")
        fleet = otherEyes()
        fleet.clusters[1].scaling.overflow = .never
        apply(fleet, to: w)
        if restart { w.crashController(downFor: 2) }
        w.run(for: .seconds(8))
        #expect(w.state(id) == .running)
        #expect(w.host("agx-03").containers.map(\.image) == ["jessica/eyes:1"])
        #expect(w.controller.nodes["agx-03"]?.record.leaving?.id.rawValue == service.rawValue)
        let why = w.job(next).flatMap { w.controller.waiting($0, at: w.now)?.reason }
        #expect(
            why?.contains("agx-03 finishes its work before its pod changes") == true,
            "\(why ?? "-")")
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.count == 1)
        w.expectEnd(next, .succeeded)
        #expect(w.host("agx-03").containers.map(\.image) == ["jessica/other:1"])
        #expect(w.controller.nodes["agx-03"]?.record.leaving == nil)
        #expect(w.brain.store.nodes["agx-03"]?.leaving == nil)
        w.expectSound()
    }

    @Test func `a new image comes however busy the cluster is`() {
        var fleet = FleetSpec.small
        fleet.services[1].worker.slots = 2
        fleet.clusters[1].scaling.overflow = .never
        let w = World(fleet)
        let first = [w.submit(.vision, "5"), w.submit(.vision, "12")]
        for id in first { w.expectRunning(id) }
        let later = (0..<6).map { _ in w.submit(.vision, "5") }
        fleet.services[1].worker.image = "jessica/eyes:2"
        apply(fleet, to: w)
        for id in first { w.expectEnd(id, .succeeded) }
        w.expect(within: 15) { w.host("agx-03").containers.map(\.image) == ["jessica/eyes:2"] }
        for id in later { w.expectEnd(id, .succeeded) }
        #expect((first + later).allSatisfy { w.job($0)?.attempts.count == 1 })
        w.expectSound()
    }

    @Test func `a service that comes back finds its pod, and fewer replicas let work end`() {
        let w = World(.small)
        let id = w.submit(.vision, "20")
        w.expectRunning(id)
        var fleet = FleetSpec.small
        fleet.services[1].replicas = 0
        apply(fleet, to: w)
        w.run(for: .seconds(3))
        #expect(w.controller.nodes["agx-03"]?.record.leaving != nil)
        let before = w.host("agx-03").containers.map(\.id)
        apply(.small, to: w)
        #expect(w.controller.nodes["agx-03"]?.record.leaving == nil)
        w.run(for: .seconds(3))
        #expect(w.host("agx-03").containers.map(\.id) == before)
        apply(fleet, to: w)
        w.expectEnd(id, .succeeded)
        w.expect(within: 20) { w.host("agx-03").containers.isEmpty }
        #expect(w.job(id)?.attempts.count == 1)
        w.expectSound()
    }

    @Test func `a node that moves to another cluster waits for nothing`() {
        let w = World(.small)
        let id = w.submit(.vision, "60")
        w.expectRunning(id)
        apply(otherEyes(), to: w)
        #expect(w.controller.nodes["agx-03"]?.record.leaving != nil)
        var fleet = otherEyes()
        fleet.clusters[1].nodes = []
        fleet.clusters[0].nodes.append("agx-03")
        fleet.services[0].replicas = 3
        apply(fleet, to: w)
        #expect(w.controller.nodes["agx-03"]?.record.leaving == nil)
        w.expect(within: 30) {
            w.controller.nodes["agx-03"]?.workers["vision-api"]?.phase == .ready
        }
        w.expectSound()
    }

    @Test func `jobs of a cluster that is gone go to the one that serves their kind, or wait`() {
        let w = World(.small)
        w.ask { .drain($0, "agx-03", deadline: nil) }
        var fleet = FleetSpec.small
        fleet.roamers = []
        apply(fleet, to: w)
        let id = w.submit(.vision, "3")
        w.run(for: .seconds(2))
        let eyes = fleet.clusters.remove(at: 1)
        apply(fleet, to: w)
        let waiting = w.job(id).flatMap { w.controller.waiting($0, at: w.now) }
        #expect(waiting?.reason.contains("not in the fleet") == true)
        #expect(w.answer { .submit($0, "x", JobRequest(kind: .vision)) }.refusal == .invalid)
        fleet.clusters.append(eyes)
        fleet.clusters[1].name = "sight"
        apply(fleet, to: w)
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.queue == "sight")
        w.expectSound()
    }

    @Test func `a job that runs when its cluster goes is moved with its retry`() {
        let w = World(.small)
        let id = w.submit(.vision, "10")
        w.expectRunning(id)
        var fleet = FleetSpec.small
        fleet.clusters[1].name = "sight"
        apply(fleet, to: w)
        w.expectEnd(id, .succeeded)
        w.expectSound()
    }

    @Test func `a roamer that helps a cluster which is gone comes home`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .cluster("eyes"), .manual) == .done)
        w.run(for: .seconds(8))
        var fleet = FleetSpec.small
        fleet.clusters.remove(at: 1)
        apply(fleet, to: w)
        w.expect(within: 15) { w.roamer("agx-04") == .idle }
        w.expectSound()
    }

    @Test func `a controller that restarts knows the fleet, the drains and the assignments`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .cluster("eyes"), .fixed(.seconds(60))) == .done)
        #expect(w.answer { .drain($0, "agx-01", deadline: nil) } == .done)
        #expect(w.answer { .cordon($0, "agx-02", true) } == .done)
        w.run(for: .seconds(8))
        w.crashController(downFor: 2)
        w.run(for: .seconds(10))
        #expect(w.roamer("agx-04") == .running)
        #expect(w.controller.nodes["agx-01"]?.record.drain != nil)
        #expect(w.controller.nodes["agx-02"]?.isSchedulable == false)
        w.expect(within: 60) { w.roamer("agx-04") == .idle }
        w.expectSound()
    }
}
