import DequeModule
package import OrderedCollections

/// The plans in memory, and how far they are.
struct PlanBook: Sendable {
    /// Alive, and the latest ended ones.
    fileprivate(set) var plans: OrderedDictionary<PlanID, Plan> = [:]
    /// Jobs of each plan that have not ended.
    fileprivate(set) var open: [PlanID: Int] = [:]
    /// Plans by idempotency key.
    fileprivate(set) var byKey: [String: PlanID] = [:]
    /// Ends of plans in memory, oldest first.
    fileprivate var history: Deque<(at: Instant, plan: PlanID)> = []
    /// Steps of plans alive that bound how many of their jobs run at once.
    fileprivate(set) var boundedSteps = 0

    /// The plan of that id.
    subscript(id: PlanID) -> Plan? { plans[id] }
    /// Whether a plan has jobs that have not ended.
    func isAlive(_ id: PlanID) -> Bool { open[id] != nil }

    fileprivate mutating func add(_ plan: Plan, open count: Int) {
        plans[plan.id] = plan
        if let key = RequestKey(plan)?.text {
            byKey[key] = plan.id
        }
        guard count > 0 else {
            history.append((plan.ending?.at ?? plan.submittedAt, plan.id))
            return
        }
        open[plan.id] = count
        boundedSteps += plan.boundedSteps
    }

    /// Takes an ended plan back; another may have its key by now.
    fileprivate mutating func recall(_ plan: Plan) {
        plans[plan.id] = plan
        history.prepend((plan.ending?.at ?? plan.submittedAt, plan.id))
    }

    fileprivate mutating func update(_ id: PlanID, _ change: (inout Plan) -> Void) {
        guard var plan = plans[id] else { return }
        change(&plan)
        plans[id] = plan
    }

    /// A job of a plan has ended; true when it was the last.
    fileprivate mutating func jobEnded(_ id: PlanID) -> Bool {
        guard let left = open[id] else { return false }
        open[id] = left > 1 ? left - 1 : nil
        return left <= 1
    }

    fileprivate mutating func end(_ id: PlanID, _ ending: Plan.Ending) {
        update(id) { $0.ending = ending }
        boundedSteps -= plans[id]?.boundedSteps ?? 0
        history.append((ending.at, id))
    }

    /// Lets the oldest ended plans go; which.
    fileprivate mutating func trim(keeping limit: Int) -> [Plan] {
        var gone: [Plan] = []
        while history.count > limit, let (at, oldest) = history.popFirst() {
            // One that was tried again has another end by now, or none.
            guard let plan = plans[oldest], plan.ending?.at == at, open[oldest] == nil else {
                continue
            }
            if let key = RequestKey(plan)?.text,
                byKey[key] == oldest
            {
                byKey[key] = nil
            }
            plans.removeValue(forKey: oldest)
            gone.append(plan)
        }
        return gone
    }

    fileprivate mutating func reopen(_ id: PlanID, jobs count: Int) {
        if open[id] == nil { boundedSteps += plans[id]?.boundedSteps ?? 0 }
        open[id, default: 0] += count
        update(id) {
            $0.ending = nil
            $0.failedJob = nil
        }
    }
}

extension Controller {
    /// The plan of that id, if it is in memory.
    package func plan(_ id: PlanID) -> Plan? { plans[id] }

    /// The plans in memory.
    package var plansInMemory: OrderedDictionary<PlanID, Plan> { plans.plans }

    /// How many jobs of a plan have not ended.
    package func openJobs(of id: PlanID) -> Int { plans.open[id] ?? 0 }

    /// The states of the jobs of a plan that is alive; none of one that has ended.
    package func openStates(of plan: Plan) -> [JobState] {
        plan.ending == nil ? plan.jobs.compactMap { jobs[$0]?.state } : []
    }

    mutating func restorePlans(_ stored: [Plan]) {
        for plan in stored.sorted(by: { $0.id < $1.id }) {
            plans.add(
                plan,
                open: plan.ending != nil
                    ? 0 : plan.jobs.count { jobs[$0]?.ending == nil && jobs[$0] != nil })
        }
    }

    /// Takes a plan back that was let go of, if all of its jobs are here.
    mutating func recall(_ plan: Plan) {
        guard plans[plan.id] == nil, plan.ending != nil,
            plan.jobs.allSatisfy({ jobs[$0]?.ending != nil })
        else { return }
        plans.recall(plan)
    }

    // MARK: Requests

    mutating func submitPlan(
        _ request: RequestID, _ id: PlanID, _ what: PlanRequest, _ now: Instant,
        _ effects: inout Effects
    ) {
        if let key = RequestKey(what), let reply = answer(toRepeatOf: key, what.idempotencyDigest) {
            effects.replies.append((request, reply))
            return
        }
        let plan = Plan(what, id: id, submittedAt: now)
        let queues: [ClusterName]
        switch places(of: what, bounded: plan.boundedSteps) {
        case .failure(let refusal):
            effects.replies.append((request, .refused(refusal)))
            return
        case .success(let found): queues = found
        }
        if let refusal = admit(what.submittedBy, jobs: what.jobs.count, now) {
            effects.replies.append((request, .refused(refusal)))
            return
        }
        plans.add(plan, open: what.jobs.count)
        effects.plans.append(id)
        emit(.plan, now, &effects, plan: id, to: "running", reason: "accepted")
        for (member, queue) in zip(what.jobs, queues) {
            accept(
                Job(id: member.id, request: member.request, queue: queue, submittedAt: now), now,
                &effects)
        }
        effects.replies.append((request, .planAccepted(id, replayed: false)))
    }

    /// The queue of each job of a plan, or why it cannot be accepted.
    private func places(
        of what: PlanRequest, bounded: Int
    ) -> Result<[ClusterName], Refusal> {
        let count = what.jobs.count
        guard count > 0, count <= policy.planLimit else {
            return .failure(Refusal(.invalid, "a plan has 1…\(policy.planLimit) jobs"))
        }
        let weight = what.jobs.reduce(0) { $0 + $1.request.weight }
        if let refusal = refusal(toQueue: count, weighing: weight) { return .failure(refusal) }
        if plans.boundedSteps + bounded > policy.boundedStepLimit {
            let text = "\(plans.boundedSteps) steps with a bound of their own are open already"
            return .failure(Refusal(.queueFull, text, retryAfter: .seconds(5)))
        }
        var queues: [ClusterName] = []
        var earlier: Set<JobID> = []
        for member in what.jobs {
            let step = member.request.place?.text ?? member.id.rawValue
            for other in member.request.after where !earlier.contains(other.job) {
                if let refusal = refusal(toAwait: other.job) {
                    return .failure(refusal.in(step))
                }
            }
            switch place(member.request) {
            case .failure(let refusal): return .failure(refusal.in(step))
            case .success(let queue): queues.append(queue)
            }
            guard jobs[member.id] == nil, earlier.insert(member.id).inserted else {
                return .failure(Refusal(.invalid, "job \(member.id) is there already"))
            }
        }
        return .success(queues)
    }

    mutating func cancelPlan(
        _ request: RequestID, _ id: PlanID, _ now: Instant, _ effects: inout Effects
    ) {
        guard let plan = plans[id] else { return refusePlan(request, id, &effects) }
        if let ending = plan.ending, ending.outcome != .cancelled {
            let text = "plan \(id) has \(ending.outcome.rawValue) already"
            effects.replies.append((request, .refused(Refusal(.conflict, text))))
            return
        }
        // The last first, so that what waits is cancelled for itself.
        for job in plan.jobs.reversed() where jobs[job]?.ending == nil {
            stopJob(job, .cancelled, now, &effects)
        }
        effects.replies.append((request, .done))
    }

    mutating func retryPlan(
        _ request: RequestID, _ id: PlanID, _ now: Instant, _ effects: inout Effects
    ) {
        guard let plan = plans[id] else { return refusePlan(request, id, &effects) }
        func refuse(_ text: String) {
            effects.replies.append((request, .refused(Refusal(.conflict, text))))
        }
        var again: OrderedSet<JobID> = []
        for job in plan.jobs {
            guard let job = jobs[job] else {
                return refuse("plan \(id) ended too long ago: job \(job) is only history")
            }
            guard let ending = job.ending, ending.outcome != .succeeded else { continue }
            if let why = refusal(toRetry: job) ?? refusal(toForget: job) {
                effects.replies.append((request, .refused(why)))
                return
            }
            // Those of the plan come earlier in it; others must have succeeded, or be on their way.
            if let open = job.request.after.first(where: { !isMet($0) && !again.contains($0.job) }),
                jobs[open.job]?.ending != nil
            {
                return refuse(
                    "job \(open.job), which step \(job.request.place?.text ?? "") waits for, has not succeeded; retry that first"
                )
            }
            again.append(job.id)
        }
        guard !again.isEmpty else {
            return refuse("no job of plan \(id) has failed or was cancelled")
        }
        let weight = again.reduce(0) { $0 + (jobs[$1]?.request.weight ?? 0) }
        if let refusal = refusal(toOpen: again.count, for: plan.submittedBy)
            ?? refusal(toQueue: again.count, weighing: weight)
        {
            effects.replies.append((request, .refused(refusal)))
            return
        }
        var queues: [ClusterName] = []
        for job in again {
            guard let what = jobs[job]?.request else { continue }
            switch place(what) {
            case .failure(let refusal):
                effects.replies.append(
                    (request, .refused(refusal.in(what.place?.text ?? job.rawValue))))
                return
            case .success(let queue): queues.append(queue)
            }
        }
        for (job, queue) in zip(again, queues) { reopen(job, in: queue, now, &effects) }
        effects.replies.append((request, .done))
    }

    private func refusePlan(_ request: RequestID, _ id: PlanID, _ effects: inout Effects) {
        // The shell has looked: the record has it, or nobody does.
        let text = "plan \(id) ended too long ago to be acted on"
        effects.replies.append((request, .refused(Refusal(.conflict, text))))
    }

    /// Lets the oldest ended plans go; what has changed of them is still to be stored.
    mutating func trimPlans(_ effects: inout Effects) {
        for plan in plans.trim(keeping: policy.planHistoryLimit) {
            effects.trimmedPlans[plan.id] = plan
        }
    }

    // MARK: What becomes of a plan

    /// A job of a plan has ended; what follows from that for the others.
    mutating func jobEnded(
        _ id: JobID, of name: PlanID, _ now: Instant, _ effects: inout Effects
    ) {
        guard let job = jobs[id], let outcome = job.ending?.outcome, let plan = plans[name] else {
            return
        }
        if outcome != .succeeded, plan.failedJob == nil {
            plans.update(name) { $0.failedJob = id }
            effects.plans.append(name)
            if plan.onFailure == .stop { stop(plan, job, now, &effects) }
        }
        guard plans.jobEnded(name) else { return }
        let ending = Plan.Ending(of: plan.jobs.compactMap { jobs[$0]?.ending?.outcome }, at: now)
        plans.end(name, ending)
        effects.plans.append(name)
        emit(
            .plan, now, &effects, plan: name, from: "running", to: ending.outcome.rawValue,
            lasted: now.since(plan.submittedAt))
        for job in plan.jobs { letAge(job) }
    }

    /// Cancels what has not begun of a plan that stops at its first failure.
    private mutating func stop(
        _ plan: Plan, _ failed: Job, _ now: Instant, _ effects: inout Effects
    ) {
        let step = failed.request.place?.text ?? failed.id.rawValue
        let word = failed.ending?.outcome == .cancelled ? "was cancelled" : "has failed"
        let why = Failure(.planStopped, "step \(step) \(word), and its plan stops at that")
        for job in plan.jobs.reversed() { giveUp(job, why, now, &effects) }
    }

    /// A job of a plan is tried again.
    mutating func jobReopened(_ job: Job, _ now: Instant, _ effects: inout Effects) {
        guard let place = job.request.place, let plan = plans[place.plan] else { return }
        if let ending = plan.ending {
            emit(
                .plan, now, &effects, plan: plan.id, from: ending.outcome.rawValue, to: "running",
                reason: "asked for again", lasted: now.since(ending.at))
        }
        plans.reopen(plan.id, jobs: 1)
        effects.plans.append(plan.id)
    }

    /// What is wrong with what is counted of plans; nil when nothing is.
    func planMistake() -> String? {
        for (id, plan) in plans.plans {
            let open = plan.jobs.count { jobs[$0] != nil && jobs[$0]?.ending == nil }
            if open != openJobs(of: id) {
                return "plan \(id) has \(open) open jobs, not \(openJobs(of: id))"
            }
            if (plan.ending == nil) != (open > 0) {
                return "plan \(id) is \(plan.state) with \(open) open jobs"
            }
        }
        for job in jobs.values {
            let unmet = job.ending == nil ? job.request.after.count { !isMet($0) } : 0
            if unmet != prerequisites.unmet[job.id, default: 0] {
                return
                    "\(job.id) waits for \(unmet) jobs, not \(prerequisites.unmet[job.id, default: 0])"
            }
        }
        return nil
    }
}

extension Refusal {
    /// The refusal of a plan for one of its steps.
    fileprivate func `in`(_ step: String) -> Refusal {
        Refusal(code, "step \(step): \(message)", retryAfter: retryAfter)
    }
}
