import FleetCore
import OrderedCollections
import Testing

@Suite struct RoamerTests {
    private let life = ["ASSIGNED", "PROVISIONING", "RUNNING", "CLEANUP", "IDLE"]

    @Test func `a full cluster is helped by a roamer, which goes home when idle`() {
        let w = World(.small)
        let ids = (0..<3).map { _ in w.submit(.image, "12") }
        for id in ids { w.expectEnd(id, .succeeded) }
        #expect(w.job(ids[2])?.attempts.first?.roamer == true)
        #expect(w.lastNode(of: ids[2]) == "agx-04")
        #expect(w.roamer("agx-04") == .running)
        w.run(for: .seconds(280))
        #expect(w.roamer("agx-04") == .running, "not before its time")
        w.run(for: .seconds(40))
        #expect(w.roamerHistory(of: "agx-04") == ["IDLE"] + life, "\(w.tail())")
        #expect(w.roamerHistory(of: "agx-05") == ["IDLE"])
        #expect(w.host("agx-04").containers.isEmpty)
        w.expectSound()
    }

    @Test func `with backlog, help comes when the queue is deep enough`() {
        let fleet = FleetSpec.small.scaling { $0.overflow = .backlog }
        let w = World(fleet)
        for _ in 0..<6 { w.submit(.image, "100") }
        w.run(for: .seconds(10))
        #expect(w.count(of: .idle) == 2, "2 run and 4 wait: 4 is not more than 2 × 2")
        w.submit(.image, "100")
        w.run(for: .seconds(10))
        #expect(w.count(of: .idle) == 1)
        w.expectSound()
    }

    @Test func `never is never, and the most is the most`() {
        let never = World(.small.scaling { $0.overflow = .never })
        let one = World(.small.scaling { $0.maxRoamers = 1 })
        for w in [never, one] {
            for _ in 0..<10 { w.submit(.image, "20") }
            w.run(for: .seconds(60))
            w.expectSound()
        }
        #expect(never.count(of: .idle) == 2)
        #expect(one.count(of: .idle) == 1)
    }

    @Test func `a roamer with nothing to do is called back for a queue that waits`() {
        let w = World(.small)
        let ids = (0..<4).map { _ in w.submit(.image, "8") }
        for id in ids { w.expectEnd(id, .succeeded) }
        #expect(w.count(of: .running) == 2)
        let eyes = (0..<2).map { _ in w.submit(.vision, "8") }
        for id in eyes { w.expectEnd(id, .succeeded, within: 30) }
        #expect(w.job(eyes[1])?.attempts.last?.roamer == true)
        w.expectSound()
    }

    @Test func `a custom job gets a roamer of its own and leaves nothing behind`() {
        let w = World(.small)
        let id = w.submit(.custom, "4")
        w.expectEnd(id, .succeeded)
        #expect(
            w.history(of: id) == ["queued", "assigned", "provisioning", "running", "succeeded"])
        w.expect(within: 10) { w.count(of: .idle) == 2 }
        #expect(w.roamerHistory(of: "agx-04") == ["IDLE"] + life)
        #expect(w.job(id)?.attempts.first?.exitCode == 0)
        w.expectSound()
    }

    @Test func `a job may ask for a template`() {
        let w = World(.small)
        let id = w.submit(JobRequest(kind: .image, template: "vision-worker", input: "3"))
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.map(\.roamer) == [true])
        w.expect(within: 10) { w.count(of: .idle) == 2 }
        w.expectSound()
    }

    @Test func `a pull that goes on may take long`() {
        var settings = World.Settings()
        settings.pullTime = .seconds(400)
        let w = World(.small, settings)
        let id = w.submit(.custom, "4")
        w.expectEnd(id, .succeeded, within: 500)
        #expect(w.job(id)?.attempts.count == 1)
        w.expectSound()
    }

    @Test func `an assignment by hand lasts until it is released`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .cluster("vision"), .manual) == .done)
        w.expect(within: 20) { w.roamer("agx-04") == .running }
        #expect(w.assign("agx-04", .cluster("vision"), .manual).refusal == .conflict)
        #expect(w.assign("agx-01", .cluster("vision"), .manual).refusal == .conflict)
        #expect(w.assign("agx-99", .cluster("vision"), .manual).refusal == .notFound)
        #expect(w.assign("agx-05", .cluster("moon"), .manual).refusal == .notFound)
        w.run(for: .seconds(1000))
        #expect(w.roamer("agx-04") == .running)
        #expect(w.answer { .release($0, "agx-04") } == .done)
        w.expect(within: 10) { w.roamer("agx-04") == .idle }
        w.expectSound()
    }

    @Test func `an assignment for a time ends with what runs then`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .template("vision-worker"), .fixed(.seconds(20))) == .done)
        w.run(for: .seconds(10))
        let ids = (0..<3).map { _ in w.submit(.image, "20") }
        w.run(for: .seconds(15))
        #expect(w.job(ids[2])?.attempts.last?.node == "agx-04")
        #expect(w.roamer("agx-04") == .running, "its job runs on")
        w.expectEnd(ids[2], .succeeded)
        w.expect(within: 10) { w.roamer("agx-04") == .idle }
        w.expectSound()
    }

    @Test func `an assignment for a time ends also where work never pauses`() {
        var fleet = FleetSpec.full
        fleet.clusters[4].scaling.overflow = .never
        let w = World(fleet)
        #expect(w.assign("agx-11", .template("brain-worker"), .fixed(.seconds(20))) == .done)
        for number in 0..<60 { w.submit(.text, number % 2 == 0 ? "4" : "5.5") }
        w.run(for: .seconds(15))
        #expect(w.controller.nodes["agx-11"]?.attempts.count == 2)
        w.expect(within: 15) { w.roamer("agx-11") == .idle }
        #expect(w.controller.depth("brain") > 0, "it would have had more to do")
        w.expectSound()
    }

    @Test func `an assignment until idle ends when nothing came for a while`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .image("desktop"), .untilIdle) == .done)
        w.run(for: .seconds(290))
        #expect(w.roamer("agx-04") == .running)
        w.run(for: .seconds(30))
        #expect(w.roamer("agx-04") == .idle)
        w.expectSound()
    }

    @Test func `a job whose roamer is taken away while it starts gets another`() {
        let w = World(.small)
        let id = w.submit(JobRequest(kind: .image, template: "vision-worker", input: "3"))
        w.expect(within: 10) { w.count(of: .provisioning) == 1 }
        #expect(w.answer { .release($0, "agx-04") } == .done)
        w.expectEnd(id, .succeeded)
        w.expectSound()
    }

    @Test func `an image that is missing fails the job with that word`() {
        var settings = World.Settings()
        settings.missingImages = ["tool", "jessica/vision:1"]
        let w = World(.small, settings)
        let custom = w.submit(.custom, "4")
        let template = w.submit(JobRequest(kind: .image, template: "vision-worker"))
        w.expectEnd(custom, .failed)
        w.expectEnd(template, .failed)
        #expect(w.job(custom)?.ending?.error?.code == .imageNotFound)
        #expect(w.job(template)?.ending?.error?.code == .imageNotFound)
        w.expect(within: 10) { w.count(of: .idle) == 2 }
        w.expectSound()
    }

    @Test func `a template that fails is not tried again at once`() {
        var settings = World.Settings()
        var fleet = FleetSpec.small
        fleet.templates[0].worker.image = "broken"
        settings.brokenImages = ["broken"]
        let w = World(fleet, settings)
        let ids = (0..<10).map { _ in w.submit(.image, "10") }
        for id in ids { w.expectEnd(id, .succeeded, within: 90) }
        let tries = w.roamerHistory(of: "agx-04").count { $0 == "ASSIGNED" }
        #expect((1...4).contains(tries), "\(tries) tries")
        w.expect(within: 60) { w.count(of: .idle) == 2 }
        let job = w.submit(JobRequest(kind: .image, template: "vision-worker", retries: 0))
        w.expectEnd(job, .failed)
        #expect(w.job(job)?.ending?.error?.code == .setupFailed)
        w.expectSound()
    }

    @Test func `a roamer that cannot be cleaned is quarantined, and tried again`() {
        let w = World(.small)
        w.host("agx-04").dirty = 4
        let id = w.submit(.custom, "1")
        w.expectEnd(id, .succeeded)
        w.expect(within: 30) { w.roamer("agx-04") == .quarantined }
        #expect(w.controller.nodes["agx-04"]?.record.roamer?.reason.contains("gpu memory") == true)
        #expect(w.assign("agx-04", .image("x"), .manual).refusal == .conflict)
        w.expect(within: 400) { w.roamerHistory(of: "agx-04").count { $0 == "QUARANTINED" } == 2 }
        w.expect(within: 400) { w.roamer("agx-04") == .idle }
        w.expectSound()
    }

    @Test func `uncordon and release try to clean a quarantined roamer at once`() {
        for release in [true, false] {
            let w = World(.small)
            w.host("agx-04").dirty = 3
            w.expectEnd(w.submit(.custom, "1"), .succeeded)
            w.expect(within: 30) { w.roamer("agx-04") == .quarantined }
            w.ask { release ? .release($0, "agx-04") : .cordon($0, "agx-04", false) }
            w.expect(within: 5) { w.roamer("agx-04") == .idle }
            w.expectSound()
        }
    }

    @Test func `a job that is too heavy for a worker does not condemn the template`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .cluster("eyes"), .manual) == .done)
        w.expect(within: 20) { w.roamer("agx-04") == .running }
        let ids = (0..<2).map { _ in w.submit(.vision, "4 oom") }
        for id in ids { w.expectEnd(id, .failed) }
        w.expect(within: 30) { w.roamer("agx-04") == .running }
        #expect(!w.roamerHistory(of: "agx-04").dropFirst(2).contains("CLEANUP"))
        w.expectSound()
    }

    @Test func `a draining node finishes, takes nothing new and comes back`() {
        let w = World(.small.scaling { $0.overflow = .never })
        let id = w.submit(.image, "10")
        w.expectRunning(id)
        let node = w.lastNode(of: id)
        #expect(w.answer { .drain($0, node, deadline: nil) } == .done)
        let more = (0..<3).map { _ in w.submit(.image, "1") }
        for id in more { w.expectEnd(id, .succeeded) }
        #expect(more.allSatisfy { w.lastNode(of: $0) != node })
        w.expectEnd(id, .succeeded)
        #expect(w.lastNode(of: id) == node)
        w.expect(within: 15) { w.host(node).containers.isEmpty }
        #expect(w.answer { .undrain($0, node) } == .done)
        w.expect(within: 15) { w.controller.nodes[node]?.workers["vision-api"]?.phase == .ready }
        w.expectSound()
    }

    @Test func `a drain's deadline moves what runs, without blame`() {
        let w = World(.small)
        let id = w.submit(JobRequest(kind: .image, input: "10", retries: 0))
        w.expectRunning(id)
        let node = w.lastNode(of: id)
        #expect(w.answer { .drain($0, node, deadline: .seconds(3)) } == .done)
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.map(\.state) == [.stopped, .succeeded])
        #expect(w.lastNode(of: id) != node)
        w.expectSound()
    }

    @Test func `a draining roamer goes home`() {
        let w = World(.small)
        #expect(w.assign("agx-04", .cluster("vision"), .manual) == .done)
        w.run(for: .seconds(8))
        #expect(w.answer { .drain($0, "agx-04", deadline: nil) } == .done)
        w.expect(within: 10) { w.roamer("agx-04") == .idle }
        #expect(w.assign("agx-04", .cluster("vision"), .manual).refusal == .conflict)
        w.expectSound()
    }

    @Test(arguments: [1, 40])
    func `a job starts on the roamer that is its own, whoever waits before it`(urgent: Int) {
        let w = World(.small)
        let own = (0..<2).map { _ in
            w.submit(JobRequest(kind: .image, template: "vision-worker", input: "3"))
        }
        w.run(for: .seconds(1))
        #expect(w.count(of: .idle) == 0)
        // They find no roamer, and no roamer comes back before those that wait have their turn.
        let others = (0..<urgent).map { _ in
            w.submit(JobRequest(kind: .custom, image: "tool", input: "1", priority: 5))
        }
        for id in own { w.expectEnd(id, .succeeded, within: 30) }
        for id in others { w.expectEnd(id, .succeeded, within: 300) }
        w.expectSound()
    }

    @Test func `a node that joined the pool while it still works is cleaned when that has ended`() {
        let w = World(.small)
        let id = w.submit(.vision, "400 deaf")
        w.expectRunning(id)
        // It does not stop, and its container cannot be removed either.
        w.host("agx-03").stuckUntil = w.now + .seconds(200)
        var fleet = FleetSpec.small
        fleet.clusters[1].nodes = []
        fleet.services[1].replicas = 0
        fleet.roamers.append("agx-03")
        w.ask { .apply($0, fleet) }
        w.run(for: .seconds(2))
        // A new controller arms the deadline of every roamer.
        w.crashController(downFor: 1)
        w.run(for: .seconds(200))
        w.expect(within: 300) { w.roamer("agx-03") == .idle }
        w.expectSound()
    }
}
