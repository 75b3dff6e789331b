import FleetCore
import OrderedCollections
import Testing

@Suite struct FaultTests {
    /// A world past the grace that follows a start of the controller.
    private func world(_ fleet: FleetSpec = .small) -> World {
        let w = World(fleet)
        w.run(for: .seconds(30))
        return w
    }

    @Test func `the stand-in of a node without a pod goes home when the node is back`() {
        var fleet = FleetSpec.small
        fleet.services[1].worker = WorkerSpec(image: "tool:1", contract: .exec)
        let w = World(fleet)
        w.cutOff("agx-03", for: 20)
        w.expect(within: 30) { w.count(of: .running) == 1 }
        w.expect(within: 60) { w.count(of: .idle) == 2 }
        w.expectSound()
    }

    @Test func `a roamer stands in for a silent node until its pod is ready again`() {
        let w = world()
        w.crashAgent("agx-03", downFor: 30)
        w.run(for: .seconds(4))
        #expect(w.node("agx-03") == .suspect)
        #expect(w.count(of: .idle) == 2, "not before the grace is over")
        w.expect(within: 15) { w.count(of: .running) == 1 }
        w.expectEnd(w.submit(.vision, "2"), .succeeded)
        w.expect(within: 40) { w.node("agx-03") == .ready && w.count(of: .idle) == 2 }
        w.expectSound()
    }

    @Test
    func `a stand-in goes home when its node serves another cluster, and another comes there`() {
        let w = world()
        w.crashAgent("agx-03", downFor: 120)
        w.expect(within: 20) { w.count(of: .running) == 1 }
        var moved = FleetSpec.small
        moved.clusters[0].nodes = ["agx-01", "agx-03"]
        moved.clusters[1].nodes = ["agx-02"]
        #expect(w.answer { .apply($0, moved) } == .done)
        func standIns() -> [ClusterName?] {
            w.controller.nodes.values.compactMap { node in
                guard let assignment = node.record.roamer?.assignment, assignment.releasing == nil,
                    assignment.purpose == .backup("agx-03")
                else { return nil }
                return assignment.cluster
            }
        }
        w.expect(within: 30) { standIns() == ["vision"] && w.count(of: .running) == 1 }
        w.expect(within: 200) { w.node("agx-03") == .ready && w.count(of: .idle) == 2 }
        w.expectSound()
    }

    @Test func `a stand-in goes home when the fleet asks no pod of its node any more`() {
        let w = world()
        w.cutOff("agx-03", for: 20)
        w.expect(within: 30) { w.count(of: .running) == 1 }
        // Back, its pod does not get ready; then its jobs have containers of their own.
        w.killWorkers(on: "agx-03")
        w.expect(within: 60) { w.node("agx-03") == .ready }
        var fleet = FleetSpec.small
        fleet.services[1].worker = WorkerSpec(image: "tool:1", contract: .exec)
        #expect(w.answer { .apply($0, fleet) } == .done)
        w.expect(within: 60) { w.count(of: .idle) == 2 }
        w.expectSound()
    }

    @Test func `a node heard again on the same link gives its stand-in back`() {
        let w = world()
        w.partition("agx-03", for: 19)
        w.run(for: .seconds(60))
        w.partition("agx-03", for: 19)
        w.expect(within: 25) { w.node("agx-03") == .suspect }
        w.expect(within: 90) { w.node("agx-03") == .ready && w.count(of: .idle) == 2 }
        w.expectSound()
    }

    @Test func `a silent node's job is run again beside it, and the first result wins`() {
        let w = world()
        let id = w.submit(.image, "10")
        w.expectRunning(id)
        let first = w.lastNode(of: id)
        w.cutOff(first, for: 25)
        w.expectEnd(id, .succeeded, within: 15)
        #expect(w.job(id)?.attempts.count == 2)
        #expect(w.job(id)?.attempts.last?.hedge == true)
        #expect(w.lastNode(of: id) != first)
        let ending = w.job(id)?.ending
        w.run(for: .seconds(60))
        #expect(w.job(id)?.ending == ending)
        #expect(w.job(id)?.attempts.map(\.state) == [.stopped, .succeeded])
        w.expectSound()
    }

    @Test func `the original wins when it is first, and the copy is stopped`() {
        let w = world()
        let id = w.submit(.image, "12")
        w.expectRunning(id)
        w.run(for: .seconds(6))
        w.cutOff(w.lastNode(of: id), for: 3)
        w.expect(within: 3) { w.job(id)?.attempts.count == 2 }
        w.expectEnd(id, .succeeded, within: 9)
        #expect(w.job(id)?.attempts.first?.state == .succeeded)
        w.expect(within: 5) { w.job(id)?.attempts.last?.state == .stopped }
        #expect(w.copies(of: id) == 0)
        w.expectSound()
    }

    @Test func `of two attempts being stopped, the one that is left is shown`() {
        let w = world()
        let id = w.submit(.image, "60")
        w.expectRunning(id)
        let first = w.lastNode(of: id)
        w.freeze(first == "agx-01" ? "agx-02" : "agx-01", for: 12)
        w.cutOff(first, for: 2)
        w.expect(within: 3) { w.job(id)?.attempts.count == 2 }
        w.ask { .cancel($0, id) }
        w.expectEnd(id, .cancelled, within: 30)
        #expect(w.history(of: id).suffix(3) == ["running", "assigned", "cancelled"])
        w.expectSound()
    }

    @Test func `work that is not retry-safe waits for the lease of its node to end`() {
        let w = world()
        let id = w.submit(.vision, "70")
        w.expectRunning(id)
        w.run(for: .seconds(3))
        w.cutOff("agx-03", for: 200)
        w.run(for: .seconds(24))
        #expect(w.job(id)?.attempts.count == 1)
        #expect(w.copies(of: id) == 1, "silence alone stops nothing")
        w.run(for: .seconds(12))
        #expect(w.copies(of: id) == 0, "its lease has ended")
        #expect(w.job(id)?.attempts.count == 1)
        w.expect(within: 20) { w.job(id)?.attempts.count == 2 }
        #expect(w.job(id)?.attempts.first?.state == .lost)
        w.expectEnd(id, .succeeded, within: 100)
        w.run(for: .seconds(200))
        w.expectSound()
    }

    @Test func `work that is deaf has ended too before its node is lost`() {
        let w = world()
        let id = w.submit(.vision, "300 deaf")
        w.expectRunning(id)
        w.cutOff("agx-03", for: 200)
        w.expect(within: 60) { w.node("agx-03") == .lost }
        #expect(w.copies(of: id) <= 1)
        #expect(w.host("agx-03").containers.allSatisfy { $0.work.isEmpty })
        w.run(for: .seconds(300))
        w.expectSound()
    }

    @Test func `ten seconds of silence change nothing`() {
        let w = world()
        let id = w.submit(.vision, "20")
        w.expectRunning(id)
        w.partition("agx-03", for: 10)
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.count == 1)
        w.expectSound()
    }

    @Test(arguments: [JobKind.image, .vision, .custom], [0.5, 3, 7])
    func `an agent that restarts takes up what runs`(kind: JobKind, down: Double) {
        let w = World(.small)
        let id = w.submit(JobRequest(kind: kind, image: "tool", input: "12", retries: 0))
        w.expectRunning(id)
        let host = w.host(w.lastNode(of: id))
        let containers = host.containers.map(\.id)
        w.crashAgent(host.name, downFor: down)
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.count == 1)
        if kind != .custom { #expect(host.containers.map(\.id) == containers) }
        w.run(for: .seconds(60))
        w.expectSound()
    }

    @Test func `a result that came while the agent was away is a failure, and tried again`() {
        let w = World(.small)
        let id = w.submit(.image, "5")
        w.expectRunning(id)
        w.crashAgent(w.lastNode(of: id), downFor: 8)
        w.expectEnd(id, .succeeded, within: 200)
        #expect(w.job(id)?.attempts.first?.error?.code == .resultLost)
        w.expectSound()
    }

    @Test func `a container that ended while the agent was away keeps its result`() {
        let w = World(.small)
        let id = w.submit(.custom, "5")
        w.expectRunning(id)
        w.crashAgent(w.lastNode(of: id), downFor: 8)
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.count == 1)
        w.expectSound()
    }

    @Test(arguments: [JobKind.image, .vision, .custom])
    func `a machine that restarts under a job costs an attempt`(kind: JobKind) {
        let w = World(.small)
        let id = w.submit(JobRequest(kind: kind, image: "tool", input: "8", retries: 3))
        w.expectRunning(id)
        w.reboot(w.lastNode(of: id), downFor: 20)
        w.expectEnd(id, .succeeded, within: 120)
        w.expect(within: 60) { w.count(of: .idle) >= 1 && w.job(id)?.isActive == false }
        w.expectSound()
    }

    @Test func `what a lost node says later changes nothing`() {
        let w = world()
        let id = w.submit(.vision, "20")
        w.expectRunning(id)
        let node = w.lastNode(of: id)
        w.cutOff(node, for: 100)
        w.expect(within: 60) { w.node(node) == .lost }
        w.expectEnd(id, .succeeded)
        let job = w.job(id)
        w.run(for: .seconds(120))
        #expect(w.node(node) == .ready)
        #expect(w.job(id) == job)
        #expect(w.host(node).agent?.journal.attempts == [])
        w.expectSound()
    }

    @Test func `a job under which nodes are lost again and again is given up`() {
        let w = world(.full)
        let id = w.submit(.image, "600")
        for _ in 0..<3 {
            w.expect(within: 60) { w.state(id) == .running && w.job(id)?.active.count == 1 }
            w.cutOff(w.lastNode(of: id), for: 90)
            w.run(for: .seconds(60))
        }
        w.expectEnd(id, .failed, within: 10)
        #expect(w.job(id)?.attempts.count == 3)
        #expect(w.job(id)?.ending?.error?.code == .nodeLost)
        w.expectSound()
    }

    @Test(arguments: 0..<12) func `a controller that dies takes nothing with it`(seed: UInt64) {
        let w = World(.full, seed: seed)
        let pods = w.hosts.mapValues { $0.containers.map(\.id) }
        let ids = [JobKind.image, .image, .image, .vision, .custom, .text, .text].map {
            w.submit($0, "6")
        }
        w.run(for: .milliseconds(Int64(seed) * 700))
        w.crashController(downFor: 2)
        w.run(for: .seconds(3))
        let told = ids.filter { w.checker.accepted.contains($0) }
        for id in told { w.expectEnd(id, .succeeded) }
        for id in told { #expect(w.job(id)?.attempts.count == 1, "\(w.tail())") }
        for name in FleetSpec.full.clusters.flatMap(\.nodes) {
            #expect(w.hosts[name]?.containers.map(\.id) == pods[name])
        }
        #expect(w.controller.term == 2)
        w.run(for: .seconds(400))
        w.checker.atRest(w)
        w.expectSound()
    }

    @Test func `nobody is blamed for a controller that was stopped for a while`() {
        let w = world(.full)
        let ids = [w.submit(.image, "40"), w.submit(.vision, "40")]
        for id in ids { w.expectRunning(id) }
        let events = w.brain.events.count { $0.kind == .node }
        w.freezeController(for: 20)
        w.run(for: .seconds(30))
        #expect(w.brain.events.count { $0.kind == .node } == events, "\(w.tail())")
        for id in ids { w.expectEnd(id, .succeeded) }
        for id in ids { #expect(w.job(id)?.attempts.count == 1) }
        w.expectSound()
    }

    @Test func `when many fall silent together, nobody is called lost for a while`() {
        let w = world(.full)
        func lost() -> Int { w.brain.events.count { $0.kind == .node && $0.to == "lost" } }
        for _ in 0..<2 {
            let before = lost()
            for name in FleetSpec.full.nodes.prefix(8) { w.partition(name, for: 250) }
            w.run(for: .seconds(200))
            #expect(lost() == before, "\(w.tail())")
            w.run(for: .seconds(600))
        }
        let before = lost()
        for name in FleetSpec.full.nodes.prefix(8) { w.partition(name, for: 1_000) }
        w.run(for: .seconds(450))
        #expect(lost() == before + 8, "it is no outage of an instant")
        w.expectSound()
    }

    @Test func `containers of nobody go, but not before the controller has said what is whose`() {
        let w = World(.small)
        let host = w.host("agx-01")
        w.crashController(downFor: 60)
        w.crashAgent("agx-01", downFor: 1)
        host.containers.append(
            Container(
                id: "stray", name: "w:old", purpose: .worker("old", fingerprint: "f"), slots: 1,
                image: "old", readyAt: .zero))
        w.run(for: .seconds(55))
        #expect(host.containers.contains { $0.id == "stray" })
        w.expect(within: 60) { !host.containers.contains { $0.id == "stray" } }
        w.run(for: .seconds(5))
        #expect(host.containers.count == 1)
        w.expectSound()
    }

    @Test func `a node starts its pod by itself when there is no controller`() {
        let w = World(.small)
        w.crashController(downFor: 500)
        w.reboot("agx-01", downFor: 5)
        w.expect(within: 30) { w.host("agx-01").containers.contains(where: \.isRunning) }
        w.run(for: .seconds(500))
        w.expectEnd(w.submit(.image), .succeeded)
        w.expectSound()
    }

    @Test func `a roamer that has rebooted is cleaned before it is lent again`() {
        let w = World(.small)
        w.reboot("agx-04", downFor: 3)
        w.run(for: .seconds(10))
        #expect(w.roamerHistory(of: "agx-04") == ["IDLE", "CLEANUP", "IDLE"])
        w.expectSound()
    }

    @Test func `an agent that does not take an order is connected anew`() {
        let w = World(.small)
        w.freeze("agx-03", for: 12)
        let id = w.submit(.vision, "2")
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.count == 1)
        w.expectSound()
    }

    @Test func `a node whose Docker is away costs a job none of its tries`() {
        let w = World(.small)
        for name in FleetSpec.small.roamers { w.host(name).awayUntil = w.now + .seconds(90) }
        let id = w.submit(JobRequest(kind: .custom, image: "tool", input: "1", retries: 0))
        w.expectEnd(id, .succeeded, within: 300)
        #expect(w.job(id)?.failures == 0)
        let codes = w.job(id)?.attempts.dropLast().map(\.error?.code) ?? []
        #expect(!codes.isEmpty && codes.allSatisfy { $0 == .dockerUnavailable })
        w.expectSound()
    }

    @Test func `an outage of Docker takes none of the attempts that a job may have`() {
        var settings = World.Settings()
        settings.policy.attemptLimit = 12
        let w = World(.small, settings)
        for name in FleetSpec.small.roamers { w.host(name).awayUntil = w.now + .seconds(3_000) }
        let id = w.submit(JobRequest(kind: .custom, image: "tool", input: "1", retries: 0))
        w.expectEnd(id, .succeeded, within: 4_000)
        let attempts = w.job(id)?.attempts ?? []
        #expect(attempts.count < 12 && attempts.last.map { $0.number > 12 } == true)
        w.expectSound()
    }

    @Test func `a ready worker whose model starts again is not ready for as long`() {
        let w = World(.small)
        let host = w.host("agx-03")
        func phase() -> WorkerPhase? {
            w.controller.nodes["agx-03"]?.workers.values.first?.phase
        }
        #expect(phase() == .ready)
        let container = host.containers[0].id
        host.containers[0].readyAt = w.now + .seconds(20)
        w.expect(within: 8) { phase() == .starting }
        w.expect(within: 30) { phase() == .ready }
        #expect(host.containers.map(\.id) == [container])
        // One that does not get ready in its time is started anew.
        host.containers[0].readyAt = w.now + .seconds(100_000)
        w.expect(within: 700) { phase() == .ready && host.containers.first?.id != container }
        w.expectSound()
    }

    @Test func `a pod that only needs longer to load is ready in the end`() {
        var settings = World.Settings()
        settings.startupTime = .seconds(700)
        let w = World(.small, settings)
        func report() -> WorkerReport? { w.controller.nodes["agx-03"]?.workers.values.first }
        w.expect(within: 620) { report()?.error?.code == .workerNotReady }
        w.expect(within: 720) { report()?.phase == .ready }
        #expect(report()?.restarts == 1)
        w.expectSound()
    }

    @Test func `another start-up time is heeded by a pod that loads, and starts nothing anew`() {
        var settings = World.Settings()
        settings.startupTime = .seconds(900)
        let w = World(.small, settings)
        let host = w.host("agx-03")
        let container = host.containers.map(\.id)
        func limit() -> Duration? { host.journal.workers.first?.readyWithin }
        #expect(limit() == .seconds(600) && container.count == 1)
        var fleet = FleetSpec.small
        for (usual, most) in [(5, 30), (300, 1_200)] {
            fleet.services[1].startupTime = .seconds(usual)
            #expect(w.answer { .apply($0, fleet) }.refusal == nil)
            w.expect(within: 5) { limit() == .seconds(most) }
        }
        w.expect(within: 950) {
            w.controller.nodes["agx-03"]?.workers.values.first?.phase == .ready
        }
        #expect(host.containers.map(\.id) == container)
        w.expectSound()
    }

    @Test func `Docker that does not remove keeps an attempt alive, and no other begins`() {
        let w = World(.small)
        let id = w.submit(.vision, "500 deaf")
        w.expectRunning(id)
        w.host("agx-03").stuckUntil = w.now + .seconds(90)
        w.ask { .cancel($0, id) }
        w.run(for: .seconds(80))
        #expect(w.state(id) == .running)
        w.expectEnd(id, .cancelled)
        #expect(w.copies(of: id) == 0)
        w.expectSound()
    }

    @Test func `what was due while no controller ran does not put off a lost node`() {
        let w = World(.small)
        // Its deadline passes while nobody is there to see.
        w.submit(JobRequest(kind: .custom, image: "tool", input: "900", deadline: .seconds(60)))
        w.run(for: .seconds(2))
        w.crashController(downFor: 600)
        w.crashAgent("agx-02", downFor: 3_000)
        w.run(for: .seconds(600))
        w.expect(within: 60) { w.node("agx-02") == .lost }
        w.expectSound()
    }
}
