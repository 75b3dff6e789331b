import FleetCore
import Foundation
import OrderedCollections
import Testing

@Suite struct JobTests {
    @Test func `a job runs on a ready pod and succeeds with its outputs`() {
        let w = World(.small)
        let id = w.submit(.image)
        w.expectEnd(id, .succeeded)
        #expect(w.history(of: id) == ["queued", "assigned", "running", "succeeded"])
        #expect(w.job(id)?.ending?.outputs.map(\.key) == ["out/\(id).1"])
        #expect(["agx-01", "agx-02"].contains(w.lastNode(of: id)))
        w.run(for: .seconds(5))
        #expect(
            w.host(w.lastNode(of: id)).agent?.journal.attempts == [], "the node has forgotten it")
        w.expectSound()
    }

    @Test func `a key gives the same job again, and no other`() {
        let w = World(.small)
        var request = JobRequest(kind: .image, idempotencyKey: "k", idempotencyDigest: "d")
        let first = w.newJobID()
        #expect(w.answer { .submit($0, first, request) } == .accepted(first, replayed: false))
        #expect(w.answer { .submit($0, w.newJobID(), request) } == .accepted(first, replayed: true))
        request.idempotencyDigest = "other"
        #expect(w.answer { .submit($0, w.newJobID(), request) }.refusal == .idempotencyMismatch)
        w.crashController(downFor: 1)
        w.run(for: .seconds(3))
        request.idempotencyDigest = "d"
        #expect(w.answer { .submit($0, w.newJobID(), request) } == .accepted(first, replayed: true))
        w.expectEnd(first, .succeeded)
        #expect(w.controller.jobs.count == 1)
        w.expectSound()
    }

    @Test func `what cannot be run is refused with a reason`() {
        let w = World(.small)
        func refusal(_ request: JobRequest) -> Refusal.Code? {
            w.answer { .submit($0, w.newJobID(), request) }.refusal
        }
        #expect(refusal(JobRequest(kind: .video)) == .invalid)
        #expect(refusal(JobRequest(kind: .image, cluster: "moon")) == .notFound)
        #expect(refusal(JobRequest(kind: .custom)) == .invalid)
        #expect(refusal(JobRequest(kind: .image, template: "moon-worker")) == .notFound)
        #expect(w.controller.jobs.isEmpty)
    }

    @Test func `the queue has a limit`() {
        var settings = World.Settings()
        settings.policy.queueLimit = 2
        let w = World(.small.scaling { $0.overflow = .never }, settings)
        for _ in 0..<4 { w.submit(.image, "30") }
        w.run(for: .seconds(1))
        #expect(w.answer { .submit($0, "x", JobRequest(kind: .image)) }.refusal == .queueFull)
    }

    @Test func `what is open has a limit by what it takes in the record`() {
        var settings = World.Settings()
        settings.policy.openWeightLimit = 100_000
        let w = World(.small.scaling { $0.overflow = .never }, settings)
        let word = String(repeating: "\u{1}", count: 10_000)
        func submit(_ id: JobID) -> Refusal.Code? {
            w.answer { .submit($0, id, JobRequest(kind: .image, command: [word], input: "30")) }
                .refusal
        }
        #expect(submit("a") == nil)
        #expect(submit("b") == .queueFull)
        #expect(w.answer { .retry($0, "a") }.refusal == .conflict)
        #expect(w.answer { .cancel($0, "a") } == .done)
        w.expectEnd("a", .cancelled)
        #expect(submit("b") == nil)
        #expect(w.answer { .retry($0, "a") }.refusal == .queueFull)
        w.expectSound()
    }

    @Test func `a job weighs at least what it takes in the record`() throws {
        var request = JobRequest(
            kind: .custom, cluster: "c\u{1}", template: "t\"", image: "i",
            command: ["\u{1}\n\\\"/é🙂"],
            input: #"{"a":"\u0001"}"#,
            labels: (0..<32).map { .init(key: "\($0)\u{1f}", value: "\"\"") },
            idempotencyKey: "k", idempotencyDigest: "d")
        request.submitter = "somebody"
        request.why = String(repeating: "\u{1}", count: 400)
        request.place = PlanPlace(plan: "p", step: "s", index: 1, atOnce: 2)
        request.after = (0..<100).map {
            Prerequisite(name: "frames[\($0)]", job: "01jzzzzzzzzzzzzzzzzzzzzzzz")
        }
        let job = Job(
            id: "01jzzzzzzzzzzzzzzzzzzzzzzz", request: request, queue: "q", submittedAt: .zero)
        #expect(try JSONEncoder().encode(job).count < request.weight)
    }

    @Test func `a node gets no more orders than one message takes`() {
        var fleet = FleetSpec.small
        fleet.clusters[1].scaling.overflow = .never
        fleet.services[1].worker = WorkerSpec(image: "tool:1", contract: .exec, slots: 100)
        let w = World(fleet)
        w.run(for: .seconds(10))
        let word = String(repeating: "x", count: ContainerOrder.commandLimit)
        for _ in 0..<60 {
            w.submit(JobRequest(kind: .vision, command: [word], input: "600"))
        }
        w.run(for: .seconds(5))
        let running = w.controller.nodes["agx-03"]?.attempts.count ?? 0
        #expect((17...46).contains(running), "\(running)")
        w.expectRunning(w.submit(.vision, "600"))
        w.expectSound()
    }

    @Test func `priority goes first, and age beats it in time`() {
        let w = World(.small.scaling { $0.overflow = .never })
        let first = [w.submit(.image, "1"), w.submit(.image, "90")]
        w.run(for: .milliseconds(500))
        let low = w.submit(JobRequest(kind: .image, input: "30", priority: -1))
        let high = w.submit(JobRequest(kind: .image, input: "2", priority: 1))
        w.expectEnd(first[0], .succeeded)
        w.expectEnd(high, .succeeded)
        w.expectRunning(low)
        let old = w.submit(JobRequest(kind: .image, input: "1", priority: 0))
        w.run(for: .seconds(1))
        let older = w.job(old)?.submittedAt ?? w.now
        #expect(
            w.controller.waiting(
                w.job(old)
                    ?? Job(id: "", request: .init(kind: .image), queue: "", submittedAt: older),
                at: w.now)?.position == 0)
        w.expectSound()
    }

    @Test func `age beats a step of priority after a minute`() {
        let w = World(.small.scaling { $0.overflow = .never })
        let busy = [w.submit(.image, "70"), w.submit(.image, "200")]
        w.run(for: .seconds(1))
        let old = w.submit(JobRequest(kind: .image, input: "5", priority: 0))
        w.run(for: .seconds(62))
        let young = w.submit(JobRequest(kind: .image, input: "5", priority: 1))
        w.expectEnd(busy[0], .succeeded)
        w.expectRunning(old)
        #expect(w.state(young) == .queued)
        w.expectSound()
    }

    @Test(arguments: [0, 10, 150, 1500, 5000]) func `a cancelled job ends cancelled in any state`(
        milliseconds: Int64
    ) {
        for (kind, input) in [(JobKind.image, "30"), (.custom, "30"), (.image, "0.5 fail")] {
            let w = World(.small)
            let id = w.submit(kind, input)
            w.run(for: .milliseconds(milliseconds))
            if w.state(id)?.isFinal == true { continue }
            #expect(w.answer { .cancel($0, id) } == .done)
            w.expectEnd(id, .cancelled, within: 15)
            w.run(for: .seconds(20))
            #expect(w.copies(of: id) == 0)
            #expect(w.count(of: .idle) == 2, "\(w.tail())")
            #expect(w.answer { .cancel($0, id) } == .done)
            w.expectSound()
        }
    }

    @Test func `a job in the queue is cancelled at once, and what has ended stays`() {
        let w = World(.small.scaling { $0.overflow = .never })
        let done = w.submit(.image, "1")
        w.expectEnd(done, .succeeded)
        w.submit(.image, "30")
        w.submit(.image, "30")
        let id = w.submit(.image)
        w.run(for: .seconds(1))
        #expect(w.answer { .cancel($0, id) } == .done)
        #expect(w.state(id) == .cancelled)
        #expect(w.controller.depth("vision") == 0)
        #expect(w.answer { .cancel($0, done) }.refusal == .conflict)
        #expect(w.answer { .cancel($0, "none") }.refusal == .notFound)
        w.expectSound()
    }

    @Test(arguments: [JobKind.image, .custom]) func `a job ends at its deadline whatever it does`(
        kind: JobKind
    ) {
        for milliseconds: Int64 in [1, 200, 900, 4000] {
            for input in ["30", "0.5 fail"] {
                let w = World(.small)
                let id = w.submit(
                    JobRequest(
                        kind: kind, image: "tool", input: input,
                        deadline: .milliseconds(milliseconds),
                        retries: 50))
                w.expectEnd(id, .failed, within: 20)
                #expect(w.job(id)?.ending?.error?.code == .deadlineExceeded)
                w.run(for: .seconds(15))
                #expect(w.copies(of: id) == 0)
                w.expectSound()
            }
        }
    }

    @Test func `a job that waits in the queue ends at its deadline`() {
        let w = World(.small.scaling { $0.overflow = .never })
        w.submit(.image, "60")
        w.submit(.image, "60")
        let id = w.submit(JobRequest(kind: .image, deadline: .seconds(5)))
        w.expectEnd(id, .failed, within: 6)
        #expect(w.history(of: id) == ["queued", "failed"])
        w.expectSound()
    }

    @Test func `failures are tried again with a growing wait, then given up`() {
        let w = World(.small)
        let id = w.submit(JobRequest(kind: .image, input: "1 fail", retries: 3))
        w.expectEnd(id, .failed)
        let job = w.job(id)
        #expect(job?.attempts.count == 4)
        #expect(job?.attempts.map(\.number) == [1, 2, 3, 4])
        #expect(job?.ending?.error?.code == .workFailed)
        for (one, next) in zip(job?.attempts ?? [], job?.attempts.dropFirst() ?? []) {
            #expect(one.finishedAt.map { next.assignedAt.since($0) >= .milliseconds(100) } == true)
            #expect(one.node != next.node, "another node is tried")
        }
        w.expectSound()
    }

    @Test(arguments: [("1 refuse", FailureCode.invalidInput), ("1 oom", .outOfMemory)])
    func `what would fail again is not tried again`(input: String, code: FailureCode) {
        let w = World(.small)
        let id = w.submit(.image, input)
        w.expectEnd(id, .failed)
        #expect(w.job(id)?.attempts.count == 1)
        #expect(w.job(id)?.ending?.error?.code == code)
        w.run(for: .seconds(20))
        w.expectEnd(w.submit(.image), .succeeded)
        w.expectSound()
    }

    @Test func `a failed job can be asked for again, a running or done one not`() {
        let w = World(.small)
        let id = w.submit(.image, "1 refuse")
        let done = w.submit(.image, "1")
        let runs = w.submit(.image, "20")
        w.expectEnd(id, .failed)
        w.expectEnd(done, .succeeded)
        w.expectRunning(runs)
        #expect(w.answer { .retry($0, id) } == .done)
        w.expect(within: 20) { w.job(id)?.attempts.count == 2 && w.state(id) == .failed }
        #expect(w.answer { .retry($0, done) }.refusal == .conflict)
        #expect(w.answer { .retry($0, runs) }.refusal == .conflict)
        #expect(w.answer { .retry($0, "none") }.refusal == .notFound)
        w.expectSound()
    }

    @Test func `every attempt that a job may have is counted`() {
        var settings = World.Settings()
        settings.policy.attemptLimit = 2
        let w = World(.small, settings)
        let id = w.submit(JobRequest(kind: .image, input: "60", retries: 9))
        for _ in 0..<2 {
            w.expectRunning(id)
            let node = w.lastNode(of: id)
            w.ask { .drain($0, node, deadline: .zero) }
            w.run(for: .seconds(5))
            w.ask { .undrain($0, node) }
        }
        w.expectEnd(id, .failed)
        #expect(w.answer { .retry($0, id) }.refusal == .conflict)
        w.expectSound()
    }

    @Test func `a worker that dies under a job costs one attempt`() {
        let w = World(.small)
        let id = w.submit(.image, "5")
        w.expectRunning(id)
        let node = w.lastNode(of: id)
        w.killWorkers(on: node)
        w.expectEnd(id, .succeeded)
        #expect(w.job(id)?.attempts.map(\.state) == [.failed, .succeeded])
        #expect(w.job(id)?.attempts.first?.error?.code == .workerDied)
        w.expect(within: 30) { w.controller.nodes[node]?.workers["vision-api"]?.phase == .ready }
        w.expectSound()
    }

    @Test func `a worker that does not stop its work is started anew`() {
        let w = World(.small)
        let id = w.submit(.image, "500 deaf")
        w.expectRunning(id)
        let host = w.host(w.lastNode(of: id))
        let before = host.containers.map(\.id)
        #expect(w.answer { .cancel($0, id) } == .done)
        w.run(for: .seconds(5))
        #expect(w.state(id) == .running, "it is not called stopped before it has stopped")
        w.expectEnd(id, .cancelled, within: 30)
        #expect(w.copies(of: id) == 0)
        w.expect(within: 30) { host.containers.count == 1 && host.containers.map(\.id) != before }
        w.expectSound()
    }

    @Test func `every waiting job says why, where and how long`() {
        let w = World(.small)
        var ids = (0..<9).map { _ in w.submit(.image, "20") }
        ids += (0..<3).map { _ in w.submit(.custom, "20") }
        ids += (0..<3).map { _ in w.submit(.vision, "20") }
        ids.append(w.submit(.image, "0.1 fail"))
        for _ in 0..<100 {
            w.run(for: .seconds(1))
            for job in ids.compactMap({ w.job($0) }) where job.state == .queued {
                let waiting = w.controller.waiting(job, at: w.now)
                #expect(waiting?.reason.isEmpty == false)
                #expect(waiting?.eta != nil, "\(waiting?.reason ?? "")")
                #expect((waiting?.position == nil) == (job.notBefore != nil))
            }
        }
        for queue: ClusterName in ["vision", "eyes", Controller.roamerQueue] {
            let positions = w.controller.queued(queue, limit: 99).compactMap { w.job($0) }
                .map { w.controller.waiting($0, at: w.now)?.position }
            #expect(positions == Array(0..<positions.count).map { .some($0) })
        }
        w.expectSound()
    }
}
