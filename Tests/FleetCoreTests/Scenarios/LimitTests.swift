import FleetCore
import OrderedCollections
import Testing

/// Who may have how much.
@Suite struct LimitTests {
    private func world(_ limits: [LimitSpec]) -> World {
        var fleet = FleetSpec.small
        for index in fleet.clusters.indices { fleet.clusters[index].scaling.overflow = .never }
        fleet.limits = limits
        let w = World(fleet)
        w.run(for: .seconds(10))
        return w
    }

    private func request(
        _ submitter: SubmitterName, _ input: String = "2", label: String? = nil,
        _ kind: JobKind = .image
    ) -> JobRequest {
        var request = JobRequest(kind: kind, input: input)
        request.submitter = submitter
        if let label { request.labels = [.init(key: "project", value: label)] }
        return request
    }

    private func running(_ w: World, _ jobs: [JobID]) -> Int {
        jobs.count { w.job($0)?.isActive == true }
    }

    private func most(_ w: World, _ jobs: [JobID], for seconds: Int) -> Int {
        var most = 0
        for _ in 0..<seconds * 4 {
            w.run(for: .milliseconds(250))
            most = max(most, running(w, jobs))
            #expect(w.controller.indexMistake() == nil)
        }
        return most
    }

    private func apply(_ limits: [LimitSpec], _ w: World) {
        var fleet = w.controller.fleet
        fleet.limits = limits
        let limited = fleet
        #expect(w.answer { .apply($0, limited) } == .done)
    }

    /// A step of alice's that runs for 15 s, and one behind it whose roamer is made ready meanwhile.
    private func planWithEarlyRoamer(
        _ w: World, secondOf submitter: SubmitterName
    ) -> (first: JobID, second: JobID) {
        let plan = PlanID("p")
        var first = request("alice", "15")
        first.place = PlanPlace(plan: plan, step: "first")
        var second = request(submitter, "1")
        second.template = "vision-worker"
        second.place = PlanPlace(plan: plan, step: "second")
        let (one, two) = (w.newJobID(), w.newJobID())
        second.after = [Prerequisite(name: "first", job: one)]
        let what = PlanRequest(
            submitter: "alice",
            jobs: [.init(id: one, request: first), .init(id: two, request: second)])
        #expect(w.answer { .submitPlan($0, plan, what) }.refusal == nil)
        return (one, two)
    }

    @Test func `a submitter has no more running than allowed, and the others go on`() {
        let w = world([LimitSpec(subject: .submitter("alice"), maxRunning: 1)])
        let alice = (0..<5).map { _ in w.submit(request("alice", "3")) }
        let bob = w.submit(request("bob", "2"))
        w.expect(within: 5) { w.state(bob) == .running }
        let last = w.job(alice[4])!
        #expect(
            w.controller.waiting(last, at: w.now)?.reason == "alice has its most of 1 jobs running")
        #expect(most(w, alice, for: 30) == 1)
        for job in alice { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `each submitter without a limit of its own has the same one`() {
        let w = world([LimitSpec(subject: .everySubmitter, maxRunning: 1)])
        let (alice, bob) = (
            (0..<3).map { _ in w.submit(request("alice")) },
            (0..<3).map { _ in w.submit(request("bob")) }
        )
        w.expect(within: 5) { running(w, alice) == 1 && running(w, bob) == 1 }
        #expect(most(w, alice, for: 10) == 1)
    }

    @Test func `a label bounds whoever submits`() {
        let label = JobRequest.Label(key: "project", value: "film")
        let w = world([LimitSpec(subject: .label(label), maxRunning: 1)])
        let film = (0..<4).map { w.submit(request($0 % 2 == 0 ? "alice" : "bob", label: "film")) }
        let other = w.submit(request("alice", label: "book"))
        w.expect(within: 5) { w.state(other) == .running }
        #expect(most(w, film, for: 15) == 1)
        for job in film { w.expectEnd(job, .succeeded) }
    }

    @Test
    func `a bound of a label is kept across clusters, and by jobs with a roamer of their own`() {
        let label = JobRequest.Label(key: "project", value: "film")
        let w = world([LimitSpec(subject: .label(label), maxRunning: 1)])
        var custom = request("alice", "4", label: "film", .custom)
        custom.image = "tool"
        let jobs = [
            w.submit(custom), w.submit(custom), w.submit(request("bob", label: "film")),
            w.submit(request("bob", label: "film", .vision)),
        ]
        #expect(most(w, jobs, for: 60) == 1)
        #expect(w.count(of: .idle) == 2)
        for job in jobs { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `one with a long line does not keep another's first job waiting`() {
        let w = world([])
        for _ in 0..<300 { w.submit(request("alice", "4")) }
        w.run(for: .seconds(20))
        let bob = w.submit(request("bob", "1"))
        w.run(for: .milliseconds(100))
        #expect((w.controller.waiting(w.job(bob)!, at: w.now)?.position ?? 99) <= 1)
        // Each of the two workers takes 4 s for a job of hers.
        w.expect(within: 6) { w.state(bob)?.isFinal == true || w.state(bob) == .running }
        w.expectSound()
    }

    @Test func `too many open jobs are refused, and one more is taken when one has ended`() {
        let w = world([LimitSpec(subject: .submitter("alice"), maxOpen: 2)])
        let first = w.submit(request("alice", "3"))
        w.submit(request("alice", "30"))
        let refused = w.answer { .submit($0, w.newJobID(), request("alice")) }
        #expect(refused.refusal == .tooManyOpen)
        w.expectEnd(first, .succeeded)
        #expect(w.answer { .submit($0, w.newJobID(), request("alice")) }.refusal == nil)
        #expect(w.answer { .submit($0, w.newJobID(), request("bob")) }.refusal == nil)
    }

    @Test func `who submits too often is told when to come back, and may then`() throws {
        let w = world([
            LimitSpec(subject: .everySubmitter, rate: .init(count: 3, per: .seconds(60)))
        ])
        for _ in 0..<3 {
            #expect(w.answer { .submit($0, w.newJobID(), request("alice", "1")) }.refusal == nil)
        }
        let reply = w.answer { .submit($0, w.newJobID(), request("alice", "1")) }
        guard case .refused(let refusal)? = reply else {
            Issue.record("it is accepted: \(String(describing: reply))")
            return
        }
        #expect(refusal.code == .rateLimited)
        let after = try #require(refusal.retryAfter)
        #expect(after > .seconds(15) && after <= .seconds(20))
        #expect(w.answer { .submit($0, w.newJobID(), request("bob", "1")) }.refusal == nil)
        w.run(for: after)
        #expect(w.answer { .submit($0, w.newJobID(), request("alice", "1")) }.refusal == nil)
    }

    @Test func `limits that are applied later hold for what waits and what runs`() {
        let w = world([])
        let jobs = (0..<6).map { _ in w.submit(request("alice", "5")) }
        w.expect(within: 5) { running(w, jobs) == 2 }
        apply([LimitSpec(subject: .submitter("alice"), maxRunning: 1)], w)
        #expect(w.controller.indexMistake() == nil)
        w.expect(within: 10) { running(w, jobs) <= 1 }
        #expect(most(w, jobs, for: 10) == 1)
        apply([], w)
        w.expect(within: 10) { running(w, jobs) == 2 }
        for job in jobs { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `a second copy needs no place of its own`() {
        let w = world([LimitSpec(subject: .submitter("alice"), maxRunning: 1)])
        w.run(for: .seconds(20))
        let job = w.submit(request("alice", "20"))
        w.expectRunning(job)
        w.cutOff(w.lastNode(of: job), for: 40)
        w.expect(within: 30) { w.job(job)?.active.count == 2 }
        #expect(w.controller.indexMistake() == nil)
        w.expectEnd(job, .succeeded)
        w.expectSound()
    }

    @Test func `a job whose reserved roamer leaves the pool has its place no more`() {
        var fleet = FleetSpec.small
        fleet.limits = [LimitSpec(subject: .submitter("alice"), maxRunning: 1)]
        let w = World(fleet)
        w.run(for: .seconds(10))
        var own = request("alice", "5")
        own.template = "vision-worker"
        let job = w.submit(own)
        w.expect(within: 5) { w.count(of: .assigned) + w.count(of: .provisioning) == 1 }
        let other = w.submit(request("alice", "1"))
        var changed = fleet
        changed.clusters[1].nodes += changed.roamers
        changed.roamers = []
        let spec = changed
        #expect(w.answer { .apply($0, spec) } == .done)
        #expect(w.controller.indexMistake() == nil)
        w.expectEnd(other, .succeeded)
        #expect(w.state(job) == .queued)
        w.expectSound()
    }

    @Test func `a limit that is applied while a roamer is made ready holds for its job too`() {
        let w = world([])
        var own = request("alice", "2")
        own.template = "vision-worker"
        let first = w.submit(request("alice", "30"))
        let second = w.submit(own)
        w.expect(within: 5) { w.count(of: .assigned) + w.count(of: .provisioning) == 1 }
        apply([LimitSpec(subject: .submitter("alice"), maxRunning: 1)], w)
        #expect(most(w, [first, second], for: 20) == 1)
        w.expectEnd(second, .succeeded)
        #expect(w.job(second)!.attempts[0].assignedAt >= w.job(first)!.ending!.at)
        w.expectSound()
    }

    @Test func `what a limit has room for is made ready early, and takes no place before its turn`()
    {
        let w = world([LimitSpec(subject: .everySubmitter, maxRunning: 2)])
        let (one, two) = planWithEarlyRoamer(w, secondOf: "alice")
        w.expect(within: 10) { w.count(of: .running) == 1 }
        #expect(w.state(one) == .running && w.state(two) == .queued)
        let other = w.submit(request("alice", "2"))
        w.expect(within: 2) { w.state(other) == .running }
        #expect(w.controller.indexMistake() == nil)
        w.expectEnd(two, .succeeded)
        let waited = w.job(two)!.attempts[0].assignedAt.since(w.job(one)!.ending!.at)
        #expect(waited < .seconds(1), "it began \(waited) later")
        w.expectSound()
    }

    @Test func `nothing is made ready behind a full limit before it has room`() {
        let w = world([LimitSpec(subject: .submitter("bob"), maxRunning: 1)])
        let other = w.submit(request("bob", "8", .vision))
        w.expectRunning(other)
        let (one, two) = planWithEarlyRoamer(w, secondOf: "bob")
        w.run(for: .seconds(6))
        #expect(w.state(one) == .running && w.state(other) == .running)
        #expect(w.count(of: .idle) == 2)
        w.expectEnd(other, .succeeded)
        w.expect(within: 1) { w.count(of: .idle) == 1 }
        #expect(w.state(one) == .running)
        w.expectEnd(two, .succeeded)
        w.expectSound()
    }

    @Test func `for one place that is given back one job is made ready`() {
        let w = world([LimitSpec(subject: .submitter("alice"), maxRunning: 1)])
        let first = w.submit(request("alice", "15"))
        let behind = (0..<2).map { _ in
            var next = request("alice", "1")
            next.template = "vision-worker"
            next.after = [Prerequisite(name: "\(first)", job: first)]
            return w.submit(next)
        }
        w.expect(within: 12) { w.count(of: .running) == 1 }
        #expect(w.state(first) == .running)
        #expect(w.count(of: .idle) == 1)
        #expect(most(w, [first] + behind, for: 40) == 1)
        for job in behind { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `what is made ready early takes no place that the step before needs once more`() {
        let w = world([LimitSpec(subject: .everySubmitter, maxRunning: 1)])
        let (one, two) = planWithEarlyRoamer(w, secondOf: "alice")
        w.expect(within: 10) { w.count(of: .running) == 1 }
        w.crashController(downFor: 1)
        w.run(for: .seconds(4))
        #expect(w.controller.indexMistake() == nil)
        w.killWorkers(on: w.lastNode(of: one))
        w.expectEnd(one, .succeeded)
        #expect(w.job(one)?.attempts.count == 2)
        w.expectEnd(two, .succeeded)
        w.expectSound()
    }

    @Test func `a roamer that is made ready early stays when other limits come`() {
        let w = world([])
        let (_, two) = planWithEarlyRoamer(w, secondOf: "bob")
        w.expect(within: 20) { w.count(of: .running) == 1 }
        apply([LimitSpec(subject: .submitter("bob"), maxRunning: 3)], w)
        #expect(w.controller.indexMistake() == nil)
        #expect(w.count(of: .running) == 1)
        w.expectEnd(two, .succeeded)
        w.expectSound()
    }

    @Test func `a roamer that was made ready early does not lead past a limit that came later`() {
        let w = world([])
        let (one, two) = planWithEarlyRoamer(w, secondOf: "alice")
        let other = w.submit(request("alice", "40", .vision))
        w.expect(within: 20) { w.count(of: .running) == 1 }
        apply([LimitSpec(subject: .submitter("alice"), maxRunning: 1)], w)
        w.expectEnd(one, .succeeded)
        #expect(most(w, [two, other], for: 10) == 1)
        #expect(w.state(two) == .queued)
        w.expectEnd(other, .succeeded)
        w.expectEnd(two, .succeeded)
        w.expectSound()
    }

    @Test
    func `more reserved roamers than a new limit allows are given back, and their jobs go on`() {
        let w = world([])
        var own = request("alice", "2")
        own.template = "vision-worker"
        let jobs = [w.submit(own), w.submit(own)]
        w.expect(within: 5) { w.count(of: .idle) == 0 }
        apply([LimitSpec(subject: .submitter("alice"), maxRunning: 1)], w)
        #expect(most(w, jobs, for: 5) <= 1)
        for job in jobs { w.expectEnd(job, .succeeded) }
        w.expectSound()
    }

    @Test func `ends that leave memory at once are stored and told to those who waited`() {
        var settings = World.Settings()
        settings.policy.historyLimit = 3
        let w = World(.small, settings)
        w.run(for: .seconds(10))
        var failing = request("alice", "3 fail")
        failing.retries = 0
        let first = w.submit(failing)
        w.run(for: .seconds(1))
        let behind = (0..<12).map { _ in
            var waiting = request("alice", "1")
            waiting.after = [Prerequisite(name: "\(first)", job: first)]
            return w.submit(waiting)
        }
        w.expect(within: 30) { w.brain.store.jobs[first]?.state == .failed }
        w.run(for: .seconds(2))
        for job in behind { #expect(w.brain.store.jobs[job]?.state == .cancelled) }
        #expect(w.controller.jobs.count <= 3)
        #expect(w.controller.indexMistake() == nil)
    }
}
