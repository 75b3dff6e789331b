import DequeModule
import OrderedCollections

extension Controller {
    // MARK: Restoring

    mutating func restoreJobs(_ stored: [Job], _ storedPlans: [Plan], _ now: Instant) {
        for job in stored { jobs[job.id] = job }
        restorePlans(storedPlans)
        for job in stored.sorted(by: { $0.id < $1.id }) {
            if let key = RequestKey(job.request)?.text { idempotency[key] = job.id }
            for attempt in job.active {
                nodes[attempt.node]?.attempts.append(
                    AttemptKey(job: job.id, number: attempt.number))
                reindex(attempt.node)
            }
            // First, as what waits for others takes no place.
            if job.ending == nil { awaitPrerequisites(of: job) }
            recount(job.id, now)
            guard job.ending == nil else { continue }
            countOpen(job, by: 1)
            if let due = job.deadlineAt { timers.arm(.deadline(job.id), at: due) }
            if let due = job.notBefore { timers.arm(.job(job.id), at: due) }
            refreshQueue(job.id, now)
        }
        let ended = stored.compactMap { job in job.ending.map { ($0.at, job.id) } }
        for (at, id) in ended.sorted(by: { $0 < $1 }) { history.append((at, id)) }
        endedCount = ended.count
        // A job whose node is no longer known at all has no lease to wait for.
        for job in stored.sorted(by: { $0.id < $1.id }) {
            for attempt in job.active where nodes[attempt.node] == nil {
                var ignored = Effects()
                attemptLost(
                    AttemptKey(job: job.id, number: attempt.number), "its node is unknown", now,
                    &ignored)
            }
        }
    }

    // MARK: Requests

    /// What a request is told whose key was used before; nil when nothing in memory has that key.
    func answer(toRepeatOf key: RequestKey, _ digest: String?) -> Reply? {
        switch key.kind {
        case .job:
            guard let id = idempotency[key.text], let job = jobs[id] else { return nil }
            return job.request.idempotencyDigest == digest
                ? .accepted(id, replayed: true) : .refused(.keyWasUsed(for: "job \(id)"))
        case .plan:
            guard let id = plans.byKey[key.text], let plan = plans[id] else { return nil }
            return plan.idempotencyDigest == digest
                ? .planAccepted(id, replayed: true) : .refused(.keyWasUsed(for: "plan \(id)"))
        // Only the record knows of them.
        case .upload: return nil
        }
    }

    mutating func submit(
        _ request: RequestID, _ id: JobID, _ what: JobRequest, _ now: Instant,
        _ effects: inout Effects
    ) {
        if let key = RequestKey(what), let reply = answer(toRepeatOf: key, what.idempotencyDigest) {
            effects.replies.append((request, reply))
            return
        }
        switch place(what) {
        case .failure(let refusal): effects.replies.append((request, .refused(refusal)))
        case .success(let queue):
            var refusal = refusal(toAwaitAll: what.after)
            if refusal == nil { refusal = admit(what.submittedBy, jobs: 1, now) }
            if let refusal {
                effects.replies.append((request, .refused(refusal)))
                return
            }
            let job = Job(id: id, request: what, queue: queue, submittedAt: now)
            if let key = RequestKey(what)?.text { idempotency[key] = id }
            accept(job, now, &effects)
            effects.replies.append((request, .accepted(id, replayed: false)))
        }
    }

    /// Takes up a job that nothing speaks against.
    mutating func accept(_ job: Job, _ now: Instant, _ effects: inout Effects) {
        jobs[job.id] = job
        countOpen(job, by: 1)
        awaitPrerequisites(of: job)
        // What waits for others is no demand yet.
        if !prerequisites.isWaiting(job.id) { demand[job.queue, default: Demand()].submitted(now) }
        effects.jobs.append(job.id)
        emit(.job, now, &effects, job: job.id, to: JobState.queued.rawValue, reason: "accepted")
        armDeadline(of: job)
        refreshQueue(job.id, now)
    }

    /// Why so many more jobs of that weight cannot wait; nil when they can.
    func refusal(toQueue count: Int, weighing weight: Int) -> Refusal? {
        let waiting = waitingCount + prerequisites.count
        if waiting + count > policy.queueLimit {
            let text = "\(waiting) jobs wait already; try again later"
            return Refusal(.queueFull, text, retryAfter: .seconds(5))
        }
        if usage.openWeight + weight > policy.openWeightLimit {
            let text = "the jobs that wait already take all room there is for them; try again later"
            return Refusal(.queueFull, text, retryAfter: .seconds(5))
        }
        return nil
    }

    /// The queue for a request, or why there is none.
    func place(_ what: JobRequest) -> Result<ClusterName, Refusal> {
        if let refusal = refusal(toQueue: 1, weighing: what.weight) { return .failure(refusal) }
        if what.kind == .custom {
            guard what.image != nil || what.template != nil else {
                return .failure(Refusal(.invalid, "a custom job needs an image or a template"))
            }
            return roamerPlace(what)
        }
        if what.template != nil { return roamerPlace(what) }
        if let name = what.cluster {
            guard let cluster = self.cluster(name) else {
                return .failure(Refusal(.notFound, "no cluster is named \(name)"))
            }
            return clusterPlace(what, cluster)
        }
        guard let cluster = cluster(serving: what.kind) else {
            let message = "no cluster of this fleet serves jobs of kind \(what.kind.rawValue)"
            return .failure(Refusal(.invalid, message))
        }
        return clusterPlace(what, cluster)
    }

    private func clusterPlace(
        _ what: JobRequest, _ cluster: ClusterSpec
    ) -> Result<ClusterName, Refusal> {
        let service = cluster.service.flatMap { self.service($0) }
        let own = service?.worker.contract == .exec ? what.memory : nil
        let names = Array(cluster.nodes.prefix(service?.replicas ?? 0))
        // A roamer that helps is made as its template says, whatever the job asks for.
        let helps = own == nil && cluster.scaling.maxRoamers > 0 && !fleet.roamers.isEmpty
        let need = own ?? service?.worker.memory ?? 0
        let helper = helper(of: cluster)?.worker.memory ?? 0
        if let why = misfit(need, names, called: "node of its cluster"),
            !helps || misfit(helper, fleet.roamers, called: "roamer") != nil
        {
            return .failure(Refusal(.doesNotFit, why))
        }
        return .success(cluster.name)
    }

    private func roamerPlace(_ what: JobRequest) -> Result<ClusterName, Refusal> {
        if fleet.roamers.isEmpty {
            return .failure(Refusal(.invalid, "this fleet has no roamers to run it on"))
        }
        if let name = what.template, what.image == nil {
            guard let template = self.template(name) else {
                return .failure(Refusal(.notFound, "no template is named \(name)"))
            }
            if template.worker.contract == .opaque {
                return .failure(Refusal(.invalid, "template \(name) takes no jobs"))
            }
        }
        if let why = misfit(need(ofOwnRoamer: what), fleet.roamers, called: "roamer") {
            return .failure(Refusal(.doesNotFit, why))
        }
        return .success(Self.roamerQueue)
    }

    mutating func cancel(
        _ request: RequestID, _ id: JobID, _ now: Instant, _ effects: inout Effects
    ) {
        guard let job = jobs[id] else { return refuseJob(request, id, &effects) }
        if let ending = job.ending {
            if ending.outcome == .cancelled {
                effects.replies.append((request, .done))
            } else {
                let message = "job \(id) has \(ending.outcome.rawValue) already"
                effects.replies.append((request, .refused(Refusal(.conflict, message))))
            }
            return
        }
        stopJob(id, .cancelled, now, &effects)
        effects.replies.append((request, .done))
    }

    mutating func retry(
        _ request: RequestID, _ id: JobID, of recalled: Plan?, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let job = jobs[id] else { return refuseJob(request, id, &effects) }
        let why =
            refusal(toRetry: job) ?? refusal(toRetryAlone: job, of: recalled)
            ?? refusal(toOpen: 1, for: job.request.submittedBy)
        if let refusal = why {
            effects.replies.append((request, .refused(refusal)))
            return
        }
        switch place(job.request) {
        case .failure(let refusal): effects.replies.append((request, .refused(refusal)))
        // The fleet may have changed since it was first asked for.
        case .success(let queue):
            reopen(id, in: queue, now, &effects)
            effects.replies.append((request, .done))
        }
    }

    /// Why a job cannot be tried again now; nil when it can.
    func refusal(toRetry job: Job) -> Refusal? {
        guard let ending = job.ending, ending.outcome != .succeeded else {
            return Refusal(
                .conflict,
                "job \(job.id) is \(job.state.rawValue); only a failed or cancelled one is tried again"
            )
        }
        if job.isActive {
            return Refusal(
                .conflict,
                "the last attempt of job \(job.id) is still being stopped; try again in a moment")
        }
        if job.attempts.count >= policy.attemptLimit {
            return Refusal(
                .conflict, "job \(job.id) has had all of its \(policy.attemptLimit) attempts")
        }
        return nil
    }

    /// Why a job cannot be tried again without the others that it waited for.
    private func refusal(toRetryAlone job: Job, of recalled: Plan?) -> Refusal? {
        if let refusal = refusal(toForget: job) { return refusal }
        // What becomes of a plan depends on all of its jobs.
        if let place = job.request.place, let plan = plans[place.plan] ?? recalled,
            let gone = plan.jobs.first(where: { jobs[$0] == nil })
        {
            return Refusal(
                .conflict, "job \(gone) of the same plan is only history; submit the plan again")
        }
        guard let open = job.request.after.first(where: { !isMet($0) }) else { return nil }
        let what = job.request.place.map { "retry plan \($0.plan)" } ?? "retry that first"
        return Refusal(.conflict, "job \(open.job), which it waits for, has not succeeded; \(what)")
    }

    /// Whether a job is here with all that it takes to try it again.
    package func hasAll(toRetry id: JobID) -> Bool {
        guard let job = jobs[id], job.request.after.allSatisfy({ jobs[$0.job] != nil }) else {
            return false
        }
        guard let place = job.request.place else { return true }
        guard let plan = plans[place.plan] else { return false }
        return plans.isAlive(plan.id) || plan.jobs.allSatisfy { jobs[$0] != nil }
    }

    /// Takes back what was let go of; what is not needed after all is let go of at the end of the step.
    mutating func recall(_ recalled: Recalled) {
        // The oldest come first in `history`, and these are older than all that is in it.
        let ended = recalled.jobs.compactMap { job in job.ending.map { (at: $0.at, job: job) } }
        for (at, job) in ended.sorted(by: { $0.at > $1.at }) where jobs[job.id] == nil {
            jobs[job.id] = job
            history.prepend((at, job.id))
            endedCount += 1
        }
        if let plan = recalled.plan { recall(plan) }
    }

    /// Why a job that was given up for another cannot be tried again: nobody knows any more which it was.
    func refusal(toForget job: Job) -> Refusal? {
        guard job.ending?.error?.code == .prerequisiteFailed,
            let gone = job.request.after.first(where: { jobs[$0.job] == nil })
        else { return nil }
        return Refusal(
            .conflict,
            "job \(gone.job), which \(job.id) waited for, is only history; submit both again")
    }

    /// Gives an ended job another chance.
    mutating func reopen(
        _ id: JobID, in queue: ClusterName, _ now: Instant, _ effects: inout Effects
    ) {
        guard var job = jobs[id], let ending = job.ending else { return }
        let before = job.state
        job.queue = queue
        job.ending = nil
        job.stopping = nil
        job.notBefore = nil
        job.failures = 0
        job.losses = 0
        job.retriedAt = now
        jobs[id] = job
        if keptEnded.remove(id) == nil { endedCount -= 1 }
        // One that was recalled had given up its key.
        if let key = RequestKey(job.request)?.text, idempotency[key] == nil {
            idempotency[key] = id
        }
        countOpen(job, by: 1)
        jobReopened(job, now, &effects)
        awaitPrerequisites(of: job)
        effects.jobs.append(id)
        emit(
            .job, now, &effects, job: id, from: before.rawValue, to: JobState.queued.rawValue,
            reason: "asked for again", lasted: now.since(ending.at))
        armDeadline(of: job)
        refreshQueue(id, now)
    }

    private mutating func armDeadline(of job: Job) {
        guard let due = job.deadlineAt else { return }
        timers.arm(.deadline(job.id), at: due)
    }

    private func refuseJob(_ request: RequestID, _ id: JobID, _ effects: inout Effects) {
        effects.replies.append((request, .refused(Refusal(.notFound, "no job has the id \(id)"))))
    }

    mutating func deadlinePassed(_ id: JobID, _ now: Instant, _ effects: inout Effects) {
        guard let job = jobs[id], job.ending == nil, job.stopping == nil else { return }
        stopJob(id, .deadline, now, &effects)
    }

    /// Stops every attempt, then ends the job; at once when none runs.
    mutating func stopJob(
        _ id: JobID, _ reason: StopReason, _ now: Instant, _ effects: inout Effects
    ) {
        guard let job = jobs[id], job.stopping != .cancelled else { return }
        jobs[id]?.stopping = reason
        effects.jobs.append(id)
        refreshQueue(id, now)
        if job.isActive {
            for attempt in job.active {
                stop(AttemptKey(job: id, number: attempt.number), reason, now, &effects)
            }
        } else {
            endStopped(id, from: job, now, &effects)
        }
    }

    /// Ends a job whose attempts have all stopped.
    mutating func endStopped(
        _ id: JobID, from before: Job, _ now: Instant, _ effects: inout Effects
    ) {
        guard let job = jobs[id], job.ending == nil, let reason = job.stopping else { return }
        if reason == .deadline, let deadline = job.request.deadline {
            let text = "not done within its deadline of \(deadline.components.seconds) s"
            end(
                id, .failed, error: Failure(.deadlineExceeded, text), from: before, attempt: nil,
                now: now, &effects)
        } else {
            end(id, .cancelled, from: before, attempt: nil, now: now, &effects)
        }
    }

    /// Ends a job for good; attempts that still run are told to stop.
    ///
    /// `before` is the job as it was before this step touched it, for the event.
    mutating func end(
        _ id: JobID, _ outcome: Job.Outcome, outputs: [Output] = [], error: Failure? = nil,
        from before: Job, attempt: AttemptKey?, now: Instant, _ effects: inout Effects
    ) {
        guard let job = jobs[id], job.ending == nil else { return }
        jobs[id]?.ending = .init(outcome: outcome, at: now, outputs: outputs, error: error)
        jobs[id]?.notBefore = nil
        effects.jobs.append(id)
        timers.disarm(.deadline(id))
        timers.disarm(.job(id))
        progress[id] = nil
        countOpen(job, by: -1)
        forgetPrerequisites(of: id)
        refreshQueue(id, now)
        prerequisites.ended.append(id)
        emit(
            .job, now, &effects, job: id, attempt: attempt?.number,
            node: attempt.flatMap { before.attempt($0.number)?.node }, from: before.state.rawValue,
            to: outcome.rawValue, reason: error.map { "\($0.code): \($0.message)" },
            lasted: now.since(stateSince(before)))
        for attempt in job.active {
            stop(AttemptKey(job: id, number: attempt.number), .superseded, now, &effects)
        }
        if job.queue == Self.roamerQueue { releaseRoamer(of: id, now, &effects) }
        history.append((now, id))
        endedCount += 1
    }

    /// Lets the oldest ended jobs go; what this step has changed of them is still to be stored.
    mutating func trimHistory(_ effects: inout Effects) {
        while endedCount > policy.historyLimit, let (at, oldest) = history.first {
            guard let job = jobs[oldest], job.ending?.at == at else {
                history.removeFirst()
                continue
            }
            // One that is still being stopped stays; it is looked at again with the next end.
            if job.isActive { break }
            history.removeFirst()
            endedCount -= 1
            if let place = job.request.place, plans.isAlive(place.plan) {
                keptEnded.insert(oldest)
                continue
            }
            // A job that was recalled had given up its key, and another may have it.
            if let key = RequestKey(job.request)?.text, idempotency[key] == oldest {
                idempotency[key] = nil
            }
            jobs[oldest] = nil
            effects.trimmed[oldest] = job
        }
    }

    /// A plan has ended: a job that was kept for it grows old like the others.
    mutating func letAge(_ id: JobID) {
        guard keptEnded.remove(id) != nil, let ending = jobs[id]?.ending else { return }
        history.append((ending.at, id))
        endedCount += 1
    }

    // MARK: The queue

    /// Puts the job into its queue, or takes it out, as its state demands.
    mutating func refreshQueue(_ id: JobID, _ now: Instant) {
        guard var job = jobs[id] else { return }
        if wantsAttempt(job, now) {
            // Its cluster may have gone while it ran or waited for a time.
            if job.queue != Self.roamerQueue, self.cluster(job.queue) == nil,
                let cluster = cluster(serving: job.request.kind)
            {
                dequeue(job)
                jobs[id]?.queue = cluster.name
                job.queue = cluster.name
                moved.append(id)
            }
            enqueue(job)
            unscheduled.insert(job.queue)
        } else {
            dequeue(job)
        }
    }

    private mutating func enqueue(_ job: Job) {
        let (share, weight) = share(of: job.request)
        let gates = gates(of: job.request)
        let entry = QueueEntry(job)
        // A second copy is bound by no gate, as the job has its place already.
        let lane = FairQueue.Lane(share: share, gates: job.isActive ? [] : gates)
        if !gates.isEmpty {
            let other = FairQueue.Lane(share: share, gates: job.isActive ? gates : [])
            if queues[job.queue]?.remove(entry, from: other) == true { waitingCount -= 1 }
        }
        if queues[job.queue, default: FairQueue()].insert(entry, in: lane, weight: weight) {
            waitingCount += 1
        }
    }

    /// Takes a job out of its queue, if it is there.
    mutating func dequeue(_ job: Job) {
        let share = share(of: job.request).share
        let gates = gates(of: job.request)
        let entry = QueueEntry(job)
        var found = queues[job.queue]?.remove(entry, from: .init(share: share)) == true
        if !found, !gates.isEmpty {
            found =
                queues[job.queue]?.remove(entry, from: .init(share: share, gates: gates)) == true
        }
        guard found else { return }
        waitingCount -= 1
        // Its helpers may be called back now.
        if queues[job.queue]?.isEmpty == true, !pool.helpers(of: job.queue).isEmpty {
            touchWanting()
        }
    }

    /// Whether one more attempt of the job should be started as soon as a slot is free.
    func wantsAttempt(_ job: Job, _ now: Instant) -> Bool {
        guard job.ending == nil, job.stopping == nil, job.attempts.count < policy.attemptLimit
        else { return false }
        if prerequisites.isWaiting(job.id) { return false }
        if let due = job.notBefore, due > now { return false }
        let active = job.active
        if active.isEmpty { return true }
        // Hedging: its only attempt is on a node we do not hear, and a copy does no harm.
        guard job.request.retrySafe, active.count == 1, let only = active.first,
            only.stop == nil, job.queue != Self.roamerQueue,
            // One under which nodes keep going is not spread over more of them.
            job.losses + 1 < policy.lossLimit,
            // Agents that were connected to our predecessor need a moment to come back.
            now >= startedAt + policy.startupGrace
        else { return false }
        return nodes[only.node]?.state == .suspect
    }

    mutating func refreshQueue(ofJobsOn name: NodeName, _ now: Instant) {
        for key in nodes[name]?.attempts ?? [] { refreshQueue(key.job, now) }
    }

    mutating func requeue(_ id: JobID, _ now: Instant, _ effects: inout Effects) {
        guard jobs[id]?.notBefore != nil else { return }
        jobs[id]?.notBefore = nil
        effects.jobs.append(id)
        refreshQueue(id, now)
    }

    /// When the job entered the state it shows.
    package func stateSince(_ job: Job) -> Instant {
        if let ending = job.ending { return ending.at }
        if let attempt = job.active.last { return attempt.startedAt ?? attempt.assignedAt }
        return job.attempts.last?.finishedAt ?? job.retriedAt ?? job.submittedAt
    }
}
