import FleetCore
import OrderedCollections
import Testing

/// Jobs that wait for others.
@Suite struct PlanTests {
    /// Makes a plan of steps `(name, kind, input, what it waits for)`.
    private func plan(
        _ w: World, _ steps: [(String, JobKind, String, [String])],
        onFailure: Plan.FailurePolicy = .stop, maxRunning: Int? = nil, retries: Int = 0
    ) -> (id: PlanID, request: PlanRequest, jobs: OrderedDictionary<String, JobID>) {
        let id = PlanID("plan\(w.newJobID())")
        var jobs: OrderedDictionary<String, JobID> = [:]
        var members: [PlanRequest.Member] = []
        for (name, kind, input, after) in steps {
            let job = w.newJobID()
            var request = JobRequest(kind: kind, input: input, retries: retries)
            request.place = PlanPlace(plan: id, step: name)
            request.after = after.map { Prerequisite(name: $0, job: jobs[$0] ?? JobID($0)) }
            members.append(.init(id: job, request: request))
            jobs[name] = job
        }
        return (id, PlanRequest(onFailure: onFailure, maxRunning: maxRunning, jobs: members), jobs)
    }

    private func started(_ fleet: FleetSpec = .full) -> World {
        let w = World(fleet)
        w.run(for: .seconds(10))
        return w
    }

    private func expectPlan(
        _ w: World, _ id: PlanID, _ state: String, within seconds: Int = 60,
        _ location: SourceLocation = #_sourceLocation
    ) {
        w.expect(within: seconds, location) { w.controller.plan(id)?.state == state }
        #expect(w.controller.indexMistake() == nil, sourceLocation: location)
        w.expectSound(location)
    }

    @Test func `a step begins when all it waits for have succeeded, and not before`() {
        let w = started()
        let (id, what, jobs) = plan(
            w,
            [
                ("poem", .text, "3", []), ("voice", .voice, "1", ["poem"]),
                ("picture", .image, "5", ["poem"]), ("film", .video, "1", ["voice", "picture"]),
            ])
        #expect(w.answer { .submitPlan($0, id, what) } == .planAccepted(id, replayed: false))
        w.expectRunning(jobs["poem"]!)
        let waiting = w.controller.waiting(w.job(jobs["film"]!)!, at: w.now)
        #expect(waiting?.reason == "waits for step voice, which is queued and 1 more")
        #expect(waiting?.position == nil)
        w.expectEnd(jobs["film"]!, .succeeded)
        expectPlan(w, id, "succeeded")
        let film = w.job(jobs["film"]!)!.attempts[0].assignedAt
        for step in ["voice", "picture"] { #expect(w.job(jobs[step]!)!.ending!.at <= film) }
        #expect(w.controller.plan(id)?.ending?.succeeded == 4)
    }

    @Test func `a plan stops at its first failure, and what runs is let run`() {
        let w = started()
        let (id, what, jobs) = plan(
            w,
            [
                ("bad", .voice, "1 refuse", []), ("long", .image, "8", []),
                ("next", .audio, "1", ["long"]), ("behind", .text, "1", ["bad"]),
            ])
        w.ask { .submitPlan($0, id, what) }
        w.expectEnd(jobs["bad"]!, .failed)
        w.expectEnd(jobs["next"]!, .cancelled)
        #expect(w.job(jobs["next"]!)?.ending?.error?.code == .planStopped)
        #expect(w.job(jobs["long"]!)?.isActive == true)
        w.expectEnd(jobs["long"]!, .succeeded)
        #expect(w.job(jobs["behind"]!)?.ending?.error?.code == .prerequisiteFailed)
        expectPlan(w, id, "failed")
    }

    @Test func `a plan that goes on gives up only what waits for the failed`() {
        let w = started()
        let (id, what, jobs) = plan(
            w,
            [
                ("bad", .voice, "1 refuse", []), ("good", .image, "3", []),
                ("after", .audio, "1", ["good"]), ("behind", .text, "1", ["bad"]),
                ("further", .text, "1", ["behind", "good"]),
            ], onFailure: .continue)
        w.ask { .submitPlan($0, id, what) }
        w.expectEnd(jobs["after"]!, .succeeded)
        expectPlan(w, id, "failed")
        #expect(w.state(jobs["further"]!) == .cancelled)
        #expect(
            w.job(jobs["further"]!)?.ending?.error?.message == "step behind was cancelled")
    }

    @Test func `a failed plan that is tried again keeps what has succeeded`() {
        let w = started()
        let (id, what, jobs) = plan(
            w,
            [
                ("one", .voice, "1", []), ("two", .image, "1 fail", ["one"]),
                ("three", .text, "1", ["two"]),
            ])
        w.ask { .submitPlan($0, id, what) }
        expectPlan(w, id, "failed")
        let alone = w.answer { .retry($0, jobs["three"]!) }
        #expect(alone.refusal == .conflict)
        #expect(w.answer { .retryPlan($0, id) } == .done)
        #expect(w.controller.plan(id)?.state == "running")
        expectPlan(w, id, "failed")
        #expect(w.job(jobs["one"]!)?.attempts.count == 1)
        #expect(w.job(jobs["two"]!)?.attempts.count == 2)
        #expect(w.answer { .cancelPlan($0, id) }.refusal == .conflict)
    }

    @Test func `a cancelled plan stops all of it`() {
        let w = started()
        let (id, what, jobs) = plan(w, [("one", .voice, "20", []), ("two", .image, "1", ["one"])])
        w.ask { .submitPlan($0, id, what) }
        w.expectRunning(jobs["one"]!)
        #expect(w.answer { .cancelPlan($0, id) } == .done)
        expectPlan(w, id, "cancelled")
        #expect(w.state(jobs["two"]!) == .cancelled)
        #expect(w.answer { .retryPlan($0, id) } == .done)
        expectPlan(w, id, "succeeded")
    }

    @Test func `a plan is accepted whole or not at all`() {
        let w = started()
        let (id, bad, _) = plan(w, [("one", .voice, "1", []), ("two", .custom, "1", ["one"])])
        let reply = w.answer { .submitPlan($0, id, bad) }
        #expect(reply.refusal == .invalid)
        #expect(reply.refusalText == "step two: a custom job needs an image or a template")
        #expect(w.controller.jobs.isEmpty)
        let (other, unknown, _) = plan(w, [("one", .voice, "1", ["nobody"])])
        #expect(w.answer { .submitPlan($0, other, unknown) }.refusal == .notFound)
        #expect(w.controller.plan(other) == nil)
        #expect(w.controller.indexMistake() == nil)
    }

    @Test func `a key gives the same plan again`() {
        let w = started()
        var (id, what, _) = plan(w, [("one", .voice, "1", [])])
        what.idempotencyKey = "k"
        what.idempotencyDigest = "d"
        w.ask { .submitPlan($0, id, what) }
        var (other, again, _) = plan(w, [("one", .voice, "1", [])])
        again.idempotencyKey = "k"
        again.idempotencyDigest = "d"
        #expect(w.answer { .submitPlan($0, other, again) } == .planAccepted(id, replayed: true))
        again.idempotencyDigest = "e"
        #expect(w.answer { .submitPlan($0, other, again) }.refusal == .idempotencyMismatch)
    }

    @Test func `no more of a plan runs at once than it says`() {
        let w = started()
        let steps = (0..<6).map { ("s\($0)", JobKind.text, "2", [String]()) }
        let (id, what, jobs) = plan(w, steps, maxRunning: 2)
        w.ask { .submitPlan($0, id, what) }
        var most = 0
        for _ in 0..<40 {
            w.run(for: .milliseconds(500))
            most = max(most, jobs.values.count { w.job($0)?.isActive == true })
            if let last = w.job(jobs["s5"]!), last.state == .queued {
                #expect(
                    w.controller.waiting(last, at: w.now)?.reason
                        == "its plan has its most of 2 jobs running")
            }
        }
        #expect(most == 2)
        expectPlan(w, id, "succeeded")
    }

    @Test func `a plan goes on after the controller has died`() {
        let w = started()
        let steps = (0..<10).map { ("s\($0)", JobKind.image, "2", $0 == 0 ? [] : ["s\($0 - 1)"]) }
        let (id, what, jobs) = plan(w, steps, retries: 2)
        w.ask { .submitPlan($0, id, what) }
        w.expectEnd(jobs["s1"]!, .succeeded)
        for _ in 0..<3 {
            w.crashController(downFor: 2)
            w.run(for: .seconds(7))
            #expect(w.controller.indexMistake() == nil)
        }
        expectPlan(w, id, "succeeded", within: 200)
    }

    @Test func `a chain of ten thousand gives up in one step`() {
        let w = started()
        let steps = (0..<10_000).map {
            ("s\($0)", JobKind.voice, $0 == 0 ? "1 refuse" : "1", $0 == 0 ? [] : ["s\($0 - 1)"])
        }
        let (id, what, jobs) = plan(w, steps, onFailure: .continue)
        w.ask { .submitPlan($0, id, what) }
        w.expectEnd(jobs["s9999"]!, .cancelled)
        #expect(w.controller.plan(id)?.ending?.cancelled == 9_999)
    }

    @Test func `a job can wait for one that is no plan's, and not for one that failed`() {
        let w = started()
        let first = w.submit(.image, "4")
        var request = JobRequest(kind: .voice, input: "1")
        request.after = [Prerequisite(name: "\(first)", job: first)]
        w.run(for: .seconds(1))
        let second = w.submit(request)
        w.run(for: .seconds(1))
        #expect(w.state(second) == .queued)
        w.expectEnd(second, .succeeded)
        let failing = w.submit(JobRequest(kind: .voice, input: "1 refuse"))
        w.expectEnd(failing, .failed)
        request.after = [Prerequisite(name: "\(failing)", job: failing)]
        let late = request
        #expect(w.answer { .submit($0, w.newJobID(), late) }.refusal == .conflict)
        w.expectSound()
    }

    @Test(arguments: [nil, 1, 2] as [Int?])
    func `the next step's roamer is made ready while the one before runs`(maxRunning: Int?) {
        let w = started(.small)
        let (id, first, jobs) = plan(
            w, [("one", .image, "20", []), ("two", .image, "1", ["one"])], maxRunning: maxRunning)
        var what = first
        what.jobs[1].request.template = "vision-worker"
        let wanted = what
        w.ask { .submitPlan($0, id, wanted) }
        w.expectRunning(jobs["one"]!)
        w.expect(within: 10) { w.count(of: .running) == 1 }
        #expect(w.state(jobs["one"]!) == .running)
        #expect(w.state(jobs["two"]!) == .queued)
        w.expectEnd(jobs["two"]!, .succeeded)
        let attempt = w.job(jobs["two"]!)!.attempts[0]
        let waited = attempt.assignedAt.since(w.job(jobs["one"]!)!.ending!.at)
        #expect(waited < .seconds(1), "it began \(waited) later")
        expectPlan(w, id, "succeeded")
    }

    @Test func `who needs a roamer now goes before who needs one soon`() {
        let w = started(.small)
        var what: [(id: PlanID, request: PlanRequest, jobs: OrderedDictionary<String, JobID>)] = []
        for _ in 0..<2 {
            var next = plan(w, [("one", .image, "60", []), ("two", .image, "1", ["one"])])
            next.request.jobs[1].request.template = "vision-worker"
            what.append(next)
        }
        for next in what { w.ask { .submitPlan($0, next.id, next.request) } }
        w.expect(within: 20) { w.count(of: .running) == 2 }
        let now = w.submit(.custom, "1")
        w.expectEnd(now, .succeeded, within: 30)
        #expect(what.allSatisfy { w.state($0.jobs["one"]!) == .running })
        w.expectSound()
    }

    @Test func `a plan that waits for a failed job outside is not tried again before that`() {
        let w = started()
        let outside = w.submit(JobRequest(kind: .voice, input: "1 fail", retries: 0))
        w.run(for: .milliseconds(500))
        let (id, what, jobs) = plan(w, [("one", .image, "1", ["\(outside)"])])
        #expect(w.answer { .submitPlan($0, id, what) }.refusal == nil)
        expectPlan(w, id, "cancelled")
        #expect(w.answer { .retryPlan($0, id) }.refusal == .conflict)
        #expect(w.state(jobs["one"]!) == .cancelled)
        #expect(w.controller.plan(id)?.state == "cancelled")
        expectPlan(w, id, "cancelled")
    }
}
