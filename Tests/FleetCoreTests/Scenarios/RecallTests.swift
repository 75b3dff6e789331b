import FleetCore
import Testing

/// Ended jobs and plans that only the record has.
@Suite struct RecallTests {
    private func forgetful() -> World {
        var settings = World.Settings()
        settings.policy.historyLimit = 2
        settings.policy.planHistoryLimit = 1
        let w = World(.full, settings)
        w.run(for: .seconds(10))
        return w
    }

    /// Waits until the record has the end of a job and the machine nothing of it.
    private func expectHistory(
        _ w: World, _ id: JobID, _ state: JobState,
        _ location: SourceLocation = #_sourceLocation
    ) {
        for _ in 0..<3 { w.submit(.image, "1") }
        w.expect(within: 60, location) {
            w.brain.store.jobs[id]?.state == state && w.controller.jobs[id] == nil
        }
    }

    private func recalled(_ w: World, _ ids: [JobID], plan: PlanID? = nil) -> Recalled {
        Recalled(
            plan: plan.flatMap { w.brain.store.plans[$0] },
            jobs: ids.compactMap { w.brain.store.jobs[$0] })
    }

    private func expectBounded(_ w: World) {
        w.run(for: .seconds(60))
        #expect(w.controller.jobs.count <= 2)
        #expect(w.controller.indexMistake() == nil)
        w.expectSound()
    }

    @Test func `a job that only the record has is tried again`() {
        let w = forgetful()
        let id = w.submit(.image, "1 refuse")
        expectHistory(w, id, .failed)
        #expect(w.answer { .retry($0, id) }.refusal == .notFound)
        let known = recalled(w, [id])
        #expect(w.answer { .retry($0, id, recalled: known) } == .done)
        w.expect(within: 30) {
            w.brain.store.jobs[id]?.attempts.count == 2 && w.brain.store.jobs[id]?.state == .failed
        }
        #expect(w.brain.store.jobs[id]?.attempts.map(\.number) == [1, 2])
        expectBounded(w)
    }

    @Test func `what cannot be tried again is let go of as before`() {
        let w = forgetful()
        let id = w.submit(.image, "1")
        expectHistory(w, id, .succeeded)
        let known = recalled(w, [id])
        #expect(w.answer { .retry($0, id, recalled: known) }.refusal == .conflict)
        expectBounded(w)
        #expect(w.controller.jobs[id] == nil)
        // Nor does what the record says win over what the machine has.
        let runs = w.submit(.image, "20")
        w.expectRunning(runs)
        var old = known.jobs[0]
        old.ending?.outcome = .failed
        let another = Job(
            id: runs, request: old.request, queue: old.queue, submittedAt: old.submittedAt)
        #expect(
            w.answer { .retry($0, runs, recalled: Recalled(jobs: [another])) }.refusal == .conflict)
        w.expectRunning(runs)
    }

    @Test func `a job that only the record has can be waited for`() {
        let w = forgetful()
        let first = w.submit(.image, "1")
        expectHistory(w, first, .succeeded)
        var request = JobRequest(kind: .image, input: "1")
        request.after = [Prerequisite(name: "\(first)", job: first)]
        let (what, next) = (request, w.newJobID())
        #expect(w.answer { .submit($0, next, what) }.refusal == .notFound)
        let known = recalled(w, [first])
        #expect(
            w.answer { .submit($0, next, what, recalled: known) }
                == .accepted(next, replayed: false))
        // It was needed in that step only.
        #expect(w.controller.jobs[first] == nil)
        w.expectEnd(next, .succeeded)

        request.place = PlanPlace(plan: "plan", step: "one")
        let plan = PlanRequest(jobs: [.init(id: w.newJobID(), request: request)])
        #expect(w.answer { .submitPlan($0, "plan", plan) }.refusal == .notFound)
        #expect(
            w.answer { .submitPlan($0, "plan", plan, recalled: known) }
                == .planAccepted("plan", replayed: false))
        w.expect(within: 30) { w.brain.store.plans["plan"]?.state == "succeeded" }
        expectBounded(w)
    }

    @Test func `a failed job that only the record has is not waited for`() {
        let w = forgetful()
        let first = w.submit(.image, "1 refuse")
        expectHistory(w, first, .failed)
        var request = JobRequest(kind: .image, input: "1")
        request.after = [Prerequisite(name: "\(first)", job: first)]
        let (what, known) = (request, recalled(w, [first]))
        let refused = w.answer { .submit($0, w.newJobID(), what, recalled: known) }
        #expect(refused.refusal == .conflict)
        expectBounded(w)
        #expect(w.controller.jobs[first] == nil)
    }

    @Test func `a job that only the record has is not cancelled any more`() {
        let w = forgetful()
        let (done, stopped) = (w.submit(.image, "1"), w.submit(.image, "5"))
        w.ask { .cancel($0, stopped) }
        expectHistory(w, stopped, .cancelled)
        expectHistory(w, done, .succeeded)
        #expect(w.answer { .cancel($0, done) }.refusal == .notFound)
        let known = recalled(w, [done, stopped])
        #expect(w.answer { .cancel($0, done, recalled: known) }.refusal == .conflict)
        #expect(w.answer { .cancel($0, stopped, recalled: known) } == .done)
        expectBounded(w)
    }

    @Test func `a plan that only the record has is tried again, and keeps what has succeeded`() {
        let w = forgetful()
        let plan: PlanID = "plan"
        var members: [PlanRequest.Member] = []
        for (step, input) in [("one", "1"), ("two", "1 refuse"), ("three", "1")] {
            var request = JobRequest(kind: .image, input: input, retries: 0)
            request.place = PlanPlace(plan: plan, step: step)
            request.after =
                members.last.map {
                    [Prerequisite(name: $0.request.place?.step ?? "", job: $0.id)]
                } ?? []
            members.append(.init(id: w.newJobID(), request: request))
        }
        let (ids, what) = (members.map(\.id), PlanRequest(jobs: members))
        w.ask { .submitPlan($0, plan, what) }
        w.expect(within: 30) { w.controller.plan(plan)?.state == "failed" }
        let other = w.newJobID()
        var request = JobRequest(kind: .voice, input: "1")
        request.place = PlanPlace(plan: "other", step: "one")
        let next = PlanRequest(jobs: [.init(id: other, request: request)])
        w.ask { .submitPlan($0, "other", next) }
        expectHistory(w, ids[2], .cancelled)
        w.expect(within: 30) { w.controller.plan(plan) == nil }

        let known = recalled(w, ids, plan: plan)
        #expect(known.jobs.count == 3)
        #expect(w.answer { .retryPlan($0, plan, recalled: known) } == .done)
        #expect(w.controller.plan(plan)?.state == "running")
        w.expect(within: 30) { w.brain.store.plans[plan]?.state == "failed" }
        #expect(ids.map { w.brain.store.jobs[$0]?.attempts.count } == [1, 2, 0])
        expectBounded(w)
    }

    @Test func `a job of a plan is tried again with all of it, or not at all`() {
        let w = forgetful()
        let plan: PlanID = "plan"
        let ids = [w.newJobID(), w.newJobID()]
        let members = zip(ids, ["1", "1 refuse"]).map { id, input in
            var request = JobRequest(kind: .image, input: input, retries: 0)
            request.place = PlanPlace(plan: plan, step: "s\(id)")
            return PlanRequest.Member(id: id, request: request)
        }
        w.ask { .submitPlan($0, plan, PlanRequest(jobs: members)) }
        expectHistory(w, ids[1], .failed)
        expectHistory(w, ids[0], .succeeded)
        let alone = Recalled(plan: w.brain.store.plans[plan], jobs: recalled(w, [ids[1]]).jobs)
        #expect(w.answer { .retry($0, ids[1], recalled: alone) }.refusal == .conflict)
        let all = recalled(w, ids, plan: plan)
        #expect(w.answer { .retry($0, ids[1], recalled: all) } == .done)
        #expect(w.controller.plan(plan)?.state == "running")
        w.expect(within: 30) { w.brain.store.plans[plan]?.ending?.failed == 1 }
        #expect(w.brain.store.plans[plan]?.ending?.succeeded == 1)
        expectBounded(w)
    }

    @Test func `ends of plans that leave memory at once are stored`() {
        let w = forgetful()
        let plans: [PlanID] = ["p1", "p2", "p3", "p4"]
        for plan in plans {
            var request = JobRequest(kind: .voice, input: "1")
            request.place = PlanPlace(plan: plan, step: "one")
            let what = PlanRequest(jobs: [.init(id: w.newJobID(), request: request)])
            w.ask { .submitPlan($0, plan, what) }
        }
        w.expect(within: 60) {
            plans.allSatisfy { w.brain.store.plans[$0]?.state == "succeeded" }
        }
        w.run(for: .seconds(5))
        #expect(plans.count { w.controller.plan($0) != nil } == 1)
        // Who follows a plan hears of its jobs.
        let told = w.brain.events.filter { $0.plan == "p1" && $0.kind == .job }
        #expect(told.map(\.to).last == "succeeded")
    }

    @Test func `asking what a key has made makes nothing, also when it is only history`() throws {
        let w = forgetful()
        let request = JobRequest(
            kind: .image, input: "1", idempotencyKey: "k", idempotencyDigest: "d")
        let key = try #require(RequestKey(request))
        #expect(w.answer { .replay($0, key, digest: "d") } == .unknownKey)
        #expect(w.controller.jobs.isEmpty)
        let first = w.submit(request)
        #expect(w.answer { .replay($0, key, digest: "d") } == .accepted(first, replayed: true))
        #expect(w.answer { .replay($0, key, digest: "e") }.refusal == .idempotencyMismatch)
        expectHistory(w, first, .succeeded)
        #expect(w.answer { .replay($0, key, digest: "d") } == .unknownKey)
        expectBounded(w)
    }

    @Test func `a key that was given away stays with the newer job`() {
        let w = forgetful()
        func request(_ digest: String) -> JobRequest {
            JobRequest(
                kind: .image, input: "1", idempotencyKey: "k", idempotencyDigest: digest)
        }
        let old = w.submit(request("a"))
        expectHistory(w, old, .succeeded)
        let new = w.submit(request("b"))
        let known = recalled(w, [old])
        #expect(w.answer { .retry($0, old, recalled: known) }.refusal == .conflict)
        #expect(w.controller.jobs[old] == nil)
        let again = (w.newJobID(), request("b"))
        #expect(
            w.answer { .submit($0, again.0, again.1) } == .accepted(new, replayed: true))
    }
}
