import FleetCore
import OrderedCollections
import Testing

/// What fits, and where.
@Suite struct MemoryTests {
    private static let gigabyte: Int64 = 1 << 30

    /// The small fleet with memory, on boxes of 32 GB but for a small and a large roamer.
    private func world(
        _ fleet: FleetSpec = .small, small: NodeName = "agx-04", large: NodeName = "agx-05"
    ) -> World {
        var settings = World.Settings()
        settings.memory = [small: 16 << 30, large: 64 << 30]
        let world = World(fleet, settings)
        world.run(for: .seconds(10))
        return world
    }

    /// The small fleet, whose second cluster runs each job in a container of its own, and gets no help.
    private static func tools(slots: Int, memory: Int64? = nil) -> FleetSpec {
        var fleet = FleetSpec.small
        fleet.clusters[1].scaling.overflow = .never
        fleet.services[1].worker = WorkerSpec(
            image: "tool:1", contract: .exec, slots: slots, memory: memory)
        return fleet
    }

    private func custom(_ gigabytes: Int64, _ input: String = "20") -> JobRequest {
        JobRequest(
            kind: .custom, image: "tool:1", memory: gigabytes * Self.gigabyte, input: input)
    }

    @Test func `a job that fits no roamer is refused at once, with the sum`() {
        let w = world()
        let reply = w.answer { .submit($0, w.newJobID(), custom(70)) }
        #expect(reply.refusal == .doesNotFit)
        #expect(
            reply.refusalText
                == "it needs 75.1 GB of memory; the largest roamer, agx-05, has 68.1 GB for it (its agent offers 68.7 GB, less 0.5 GB for the system)"
        )
        #expect(w.controller.jobs.isEmpty)
    }

    @Test func `as long as a roamer has not said what it has, a job may fit it`() {
        let w = World(.small, boot: false)
        w.run(for: .milliseconds(50))
        let reply = w.answer { .submit($0, w.newJobID(), custom(70)) }
        #expect(reply.refusal == nil)
    }

    @Test func `the large roamer is kept for those that need it, and nobody waits behind them`() {
        let w = world()
        let small = w.submit(custom(4))
        w.expectRunning(small)
        #expect(w.lastNode(of: small) == "agx-04")
        let large = w.submit(custom(40))
        w.expectRunning(large)
        #expect(w.lastNode(of: large) == "agx-05")
        let waits = w.submit(custom(40, "1"))
        let passes = w.submit(custom(4, "1"))
        w.run(for: .seconds(1))
        #expect(
            w.controller.waiting(w.job(waits) ?? fallback, at: w.now)?.reason
                == "all 1 roamers with 42.9 GB are in use")
        w.expectEnd(passes, .succeeded)
        w.expectEnd(waits, .succeeded)
        #expect(w.lastNode(of: waits) == "agx-05")
        w.expectSound()
    }

    @Test func `a template is lent only to a roamer that can hold it`() {
        var fleet = FleetSpec.small
        fleet.templates[0].worker.memory = 28 * Self.gigabyte
        let w = world(fleet)
        let refused = w.answer {
            .assign(
                $0, "agx-04",
                AssignmentRequest(target: .template("vision-worker"), mode: .manual))
        }
        #expect(refused.refusal == .doesNotFit)
        for _ in 0..<6 { w.submit(.image, "20") }
        w.expect(within: 30) { w.roamer("agx-05") == .running }
        #expect(w.roamer("agx-04") == .idle)
        w.expectSound()
    }

    @Test func `a pod that does not fit its node is not started, and its jobs go where one does`() {
        var fleet = FleetSpec.small
        fleet.services[0].worker.memory = 24 * Self.gigabyte
        let w = world(fleet, small: "agx-01")
        #expect(w.controller.pod(of: "agx-01") == nil)
        #expect(w.controller.pod(of: "agx-02") != nil)
        let job = w.submit(.image)
        w.expectEnd(job, .succeeded)
        #expect(w.lastNode(of: job) == "agx-02")
        fleet.services[0].worker.memory = 80 * Self.gigabyte
        #expect(w.answer { .apply($0, fleet) }.refusal == nil)
        w.run(for: .seconds(5))
        let reply = w.answer {
            .submit($0, w.newJobID(), JobRequest(kind: .image, input: "1"))
        }
        #expect(reply.refusal == nil, "a roamer that helps runs the template, which is small")
        fleet.templates[0].worker.memory = 80 * Self.gigabyte
        #expect(w.answer { .apply($0, fleet) }.refusal == nil)
        w.run(for: .seconds(5))
        let refused = w.answer {
            .submit($0, w.newJobID(), JobRequest(kind: .image, input: "1"))
        }
        #expect(refused.refusal == .doesNotFit)
    }

    @Test func `containers of one node share its memory`() {
        let fleet = Self.tools(slots: 4, memory: 14 * Self.gigabyte)
        let w = world(fleet)
        let jobs = (0..<4).map { _ in w.submit(.vision, "5") }
        w.run(for: .seconds(4))
        #expect(jobs.map { w.state($0) } == [.running, .running, .queued, .queued])
        for job in jobs { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `a pod waits for what was begun on its node for the service before`() {
        var fleet = Self.tools(slots: 2, memory: 14 * Self.gigabyte)
        var pod = FleetSpec.small.services[1]
        let w = world(fleet)
        let jobs = (0..<2).map { _ in w.submit(.vision, "8") }
        for job in jobs { w.expectRunning(job) }
        pod.name = "pod-api"
        pod.worker.memory = 20 * Self.gigabyte
        pod.worker.slots = 2
        fleet.services.append(pod)
        fleet.clusters[1].service = pod.name
        #expect(w.answer { .apply($0, fleet) }.refusal == nil)
        w.run(for: .seconds(3))
        #expect(jobs.map { w.state($0) } == [.running, .running])
        #expect(w.controller.nodes["agx-03"]?.workers.isEmpty == true)
        for job in jobs { w.expectEnd(job, .succeeded) }
        w.expect(within: 30) {
            w.controller.nodes["agx-03"]?.workers["pod-api"]?.phase == .ready
        }
        w.expectSound()
    }

    // MARK: What was seen

    private func tell(_ w: World, _ name: NodeName, _ use: String, _ gigabytes: UInt64) {
        let use = Telemetry.ContainerUse(name: use, memory: gigabytes << 30)
        w.sendUp(w.host(name), .telemetry(Telemetry(containers: [use])))
        w.run(for: .milliseconds(200))
    }

    @Test func `what a job was seen to take is kept free for the next ones`() {
        let fleet = Self.tools(slots: 4)
        let w = world(fleet)
        let first = w.submit(.vision, "5")
        w.expectRunning(first)
        tell(w, "agx-03", "\(first).1", 14)
        let jobs = (0..<3).map { _ in w.submit(.vision, "5") }
        w.run(for: .seconds(3))
        #expect(jobs.map { w.state($0) } == [.running, .queued, .queued])
        for job in [first] + jobs { w.expectEnd(job, .succeeded) }

        // It survives the controller.
        w.crashController(downFor: 1)
        w.run(for: .seconds(10))
        let later = (0..<3).map { _ in w.submit(.vision, "5") }
        w.run(for: .seconds(3))
        #expect(later.map { w.state($0) } == [.running, .running, .queued])
        for job in later { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `an image goes to a roamer that has what it took before`() {
        let w = world()
        func run() -> JobID {
            let job = w.submit(JobRequest(kind: .custom, image: "tool:1", input: "5"))
            w.expectRunning(job)
            return job
        }
        let first = run()
        #expect(w.lastNode(of: first) == "agx-04", "nothing is known yet")
        tell(w, "agx-04", "\(first).1", 15)
        w.expectEnd(first, .succeeded)
        w.expect(within: 30) { w.roamer("agx-04") == .idle }
        let second = run()
        #expect(w.lastNode(of: second) == "agx-04", "it has run there")

        // More than any has, by what it says: it is no reason to run it nowhere.
        w.expectEnd(second, .succeeded)
        w.expect(within: 30) { w.roamer("agx-04") == .idle }
        let large = w.submit(custom(40, "5"))
        w.expectRunning(large)
        tell(w, "agx-05", "\(large).1", 1 << 33)
        w.expectEnd(large, .succeeded)
        w.expect(within: 30) { w.roamer("agx-05") == .idle }
        let third = run()
        #expect(w.lastNode(of: third) == "agx-05")
        w.expectEnd(third, .succeeded)
        w.expectSound()
    }

    @Test func `what an image took is known of the next one of its name`() {
        let w = world()
        func run(_ digest: String) -> JobID {
            var request = JobRequest(kind: .custom, image: "tool:1", input: "5")
            request.imageDigest = digest
            let job = w.submit(request)
            w.expectRunning(job)
            return job
        }
        let first = run("sha256:a")
        #expect(w.lastNode(of: first) == "agx-04")
        // More than that node has for it.
        tell(w, "agx-04", "\(first).1", 16)
        #expect(w.controller.nodes["agx-04"]?.record.peaks?.map(\.image) == ["tool:1"])
        w.expectEnd(first, .succeeded)
        w.expect(within: 30) { w.roamer("agx-04") == .idle }
        let second = run("sha256:b")
        #expect(w.lastNode(of: second) == "agx-05")
        w.expectEnd(second, .succeeded)
        w.expectSound()
    }

    @Test func `a job that was seen to take more than its node has runs alone on it`() {
        let fleet = Self.tools(slots: 4)
        let w = world(fleet)
        let first = w.submit(.vision, "2")
        w.expectRunning(first)
        tell(w, "agx-03", "\(first).1", 99)
        let jobs = (0..<2).map { _ in w.submit(.vision, "2") }
        w.run(for: .seconds(1))
        #expect(jobs.map { w.state($0) } == [.queued, .queued])
        w.expectEnd(first, .succeeded)
        w.run(for: .seconds(1))
        #expect(jobs.map { w.state($0) } == [.running, .queued])
        for job in jobs { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `a node that lies about what runs there teaches nothing`() {
        let w = world()
        for name in ["", "nobody", "j1.1", ".", "vision.1.1", String(repeating: "x", count: 200)] {
            tell(w, "agx-04", name, 15)
        }
        #expect(w.controller.nodes["agx-04"]?.record.peaks == nil)
    }

    private var fallback: Job {
        Job(id: "none", request: JobRequest(kind: .image), queue: "vision", submittedAt: .zero)
    }
}
