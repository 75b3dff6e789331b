import FleetCore

/// The people who ask for work: they hear what was accepted, and ask again when nobody answers.
struct Clients {
    var random: SeededGenerator
    /// What is asked for and not answered yet, by request.
    var waiting: [RequestID: Request] = [:]
    var lastRequest: UInt64 = 0
    var lastJob = 0
    var lastPlan = 0
    /// Clients that ask until they are answered, by their number.
    var open: [Int: PlannedJob] = [:]
    var lastClient = 0
    /// What each idempotency key was answered with.
    var byKey: [String: JobID] = [:]

    enum Request {
        case submit(JobID, PlannedJob, client: Int?)
        case plan(PlanID, PlannedPlan)
        case other
    }

    /// How long a client waits before it asks again.
    static let patience = Duration.seconds(12)

    init(random: SeededGenerator) { self.random = random }

    mutating func newJobID() -> JobID {
        lastJob += 1
        let digits = String(lastJob)
        return JobID("j" + String(repeating: "0", count: max(8 - digits.count, 0)) + digits)
    }
}

extension World {
    /// Whether no job is let go of before the end, and its idempotency key with it.
    var keepsKeys: Bool { policy.historyLimit >= ControllerPolicy().historyLimit }

    /// Asks the controller for something; nothing is heard when it is not there.
    @discardableResult
    func request(
        _ kind: Clients.Request = .other, _ make: (RequestID) -> ControllerEvent
    ) -> RequestID {
        clients.lastRequest += 1
        let id = RequestID(clients.lastRequest)
        clients.waiting[id] = kind
        if let process = leader { deliver(process, make(id)) }
        return id
    }

    /// Somebody asks for a job; who has a key for it asks until there is an answer.
    func ask(_ job: PlannedJob) {
        if job.request.idempotencyKey != nil {
            clients.lastClient += 1
            clients.open[clients.lastClient] = job
            repeatRequest(clients.lastClient)
        } else {
            submit(job, client: nil)
        }
    }

    func repeatRequest(_ client: Int) {
        guard let job = clients.open[client] else { return }
        submit(job, client: client)
        plan(.repeatRequest(client), after: Clients.patience)
    }

    private func submit(_ job: PlannedJob, client: Int?) {
        let id = clients.newJobID()
        request(.submit(id, job, client: client)) { .submit($0, id, job.request) }
    }

    /// An answer reaches the one who asked.
    func answered(_ request: RequestID, _ reply: Reply) {
        guard let asked = clients.waiting.removeValue(forKey: request) else { return }
        if case .plan(let id, let plan) = asked { return answered(id, plan, reply) }
        guard case .submit(let asked, let job, let client) = asked else { return }
        if let client {
            if clients.open.removeValue(forKey: client) == nil { tally.count(.repeatedRequest) }
        }
        guard case .accepted(let id, let replayed) = reply else { return }
        if !replayed { tally.jobs += 1 }
        note("client") { "\(asked) is accepted as \(id)" }
        checker.accepted(id)
        if !replayed, store.jobs[id] == nil {
            checker.violate(self, .toldIsStored, "\(id) is accepted and not stored")
        }
        if let key = job.request.idempotencyKey {
            if let first = clients.byKey[key], first != id, keepsKeys {
                checker.violate(
                    self, .resultOnce, "key \(key) gave two jobs: \(first) and \(id)")
            }
            clients.byKey[key] = id
        }
        guard let later = job.cancelAfter else { return }
        plan(.call { world in world.request { .cancel($0, id) } }, after: later)
        if let again = job.retryAfter {
            plan(.call { $0.retry(id) }, after: later + again)
        }
    }
}

extension World {
    /// Somebody wants a job tried again: as the API does, with what the record has of it and of its plan.
    private func retry(_ id: JobID) {
        guard let job = store.jobs[id] else { return }
        let after = job.request.after.compactMap { store.jobs[$0.job] }
        let recalled =
            recalled(job.request.place?.plan) ?? Recalled(jobs: [job] + after)
        request { .retry($0, id, recalled: recalled) }
    }

    /// What the record has of a plan.
    private func recalled(_ plan: PlanID?) -> Recalled? {
        guard let plan = plan.flatMap({ store.plans[$0] }) else { return nil }
        return Recalled(plan: plan, jobs: plan.jobs.compactMap { store.jobs[$0] })
    }
}

// MARK: Plans

extension World {
    /// Somebody asks for a plan, once.
    func ask(_ plan: PlannedPlan) {
        clients.lastPlan += 1
        let id = PlanID("p\(clients.lastPlan)")
        var members: [PlanRequest.Member] = []
        for (place, step) in plan.steps.enumerated() {
            var request = step.request
            request.place = PlanPlace(plan: id, step: "s\(place)")
            request.after = step.after.map { Prerequisite(name: "s\($0)", job: members[$0].id) }
            members.append(.init(id: clients.newJobID(), request: request))
        }
        let what = PlanRequest(
            onFailure: plan.onFailure, maxRunning: plan.maxRunning,
            submitter: plan.steps.first?.request.submitter, jobs: members)
        request(.plan(id, plan)) { .submitPlan($0, id, what) }
    }

    private func answered(_ id: PlanID, _ plan: PlannedPlan, _ reply: Reply) {
        guard case .planAccepted(let accepted, _) = reply else { return }
        note("client") { "plan \(id) is accepted" }
        guard accepted == id, let stored = store.plans[id],
            stored.jobs.allSatisfy({ store.jobs[$0] != nil })
        else {
            return checker.violate(self, .toldIsStored, "plan \(id) is accepted and not stored")
        }
        tally.jobs += UInt64(stored.jobs.count)
        for job in stored.jobs { checker.accepted(job) }
        checker.acceptedPlans.insert(id)
        if let later = plan.cancelAfter {
            self.plan(.call { world in world.request { .cancelPlan($0, id) } }, after: later)
        }
        if let later = plan.retryAfter {
            let retry = Action.call { world in
                let recalled = world.recalled(id) ?? Recalled()
                world.request { .retryPlan($0, id, recalled: recalled) }
            }
            self.plan(retry, after: later)
        }
    }
}
