import OrderedCollections

extension Controller {
    /// Gives a job to a node.
    mutating func startAttempt(
        _ id: JobID, on name: NodeName, worker: WorkerID?, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard var job = jobs[id], let node = nodes[name] else { return }
        precondition(
            job.ending == nil && node.isSchedulable, "an attempt needs a live job and node")
        let before = job.state
        let since = stateSince(job)
        let number = job.nextNumber
        let hedge = job.isActive
        job.attempts.append(
            Attempt(
                number: number, node: name, worker: worker,
                container: worker == nil ? container(for: job, on: name) : nil,
                roamer: node.isRoamer, hedge: hedge, assignedAt: now))
        jobs[id] = job
        let key = AttemptKey(job: id, number: number)
        nodes[name]?.attempts.append(key)
        reindex(name)
        recount(id, now)
        refreshQueue(id, now)
        effects.jobs.append(id)
        unordered.append(name)
        timers.arm(.confirm(key), at: now + policy.confirmWithin)
        if case .untilIdle = node.record.roamer?.assignment?.mode { timers.disarm(.lent(name)) }
        emit(
            .job, now, &effects, job: id, attempt: number, node: name, from: before.rawValue,
            to: job.state.rawValue, reason: hedge ? "second copy: its node is silent" : nil,
            lasted: now.since(since))
    }

    /// Tells the node to stop an attempt; it stays active until the node says it has stopped.
    mutating func stop(
        _ key: AttemptKey, _ reason: StopReason, _ now: Instant, _ effects: inout Effects
    ) {
        guard let index = jobs[key.job]?.attempts.firstIndex(where: { $0.number == key.number }),
            let attempt = jobs[key.job]?.attempts[index], !attempt.state.isFinal,
            attempt.stop == nil || reason == .cancelled
        else { return }
        jobs[key.job]?.attempts[index].stop = reason
        effects.jobs.append(key.job)
        unordered.append(attempt.node)
    }

    /// A connected agent that does not confirm an order is stuck: a new session starts it over.
    mutating func unconfirmed(_ key: AttemptKey, _ now: Instant, _ effects: inout Effects) {
        guard let attempt = jobs[key.job]?.attempt(key.number), attempt.state == .assigned,
            let node = nodes[attempt.node], let session = node.session
        else { return }
        effects.closes.append(.init(session, "attempt \(key) was not confirmed in time"))
        disconnected(attempt.node, session, now, &effects)
        timers.arm(.confirm(key), at: now + policy.confirmWithin)
    }

    mutating func attemptReported(
        _ name: NodeName, _ report: AttemptReport, _ now: Instant, _ effects: inout Effects
    ) {
        let key = report.key
        guard let attempt = jobs[key.job]?.attempt(key.number), attempt.node == name,
            !attempt.state.isFinal
        else { return }  // Stale: its end is stored already.
        timers.disarm(.confirm(key))
        if let step = report.progress {
            progress[key.job] = step
            attemptProgressedOnRoamer(name, now)
        }
        switch report.phase {
        case .accepted, .unknown: break
        case .preparing: advance(key, to: .provisioning, now, &effects)
        case .running, .uploading: advance(key, to: .running, now, &effects)
        case .succeeded: succeeded(key, report, now, &effects)
        case .failed: failed(key, report, now, &effects)
        case .stopped: stopped(key, report, now, &effects)
        }
    }

    private mutating func advance(
        _ key: AttemptKey, to state: AttemptState, _ now: Instant, _ effects: inout Effects
    ) {
        guard let job = jobs[key.job],
            let index = job.attempts.firstIndex(where: { $0.number == key.number }),
            job.attempts[index].state.rank < state.rank
        else { return }
        let node = job.attempts[index].node
        jobs[key.job]?.attempts[index].state = state
        if state == .running { jobs[key.job]?.attempts[index].startedAt = now }
        effects.jobs.append(key.job)
        if state == .running { reviewDependents(of: key.job) }
        if let after = jobs[key.job]?.state, after != job.state {
            emit(
                .job, now, &effects, job: key.job, attempt: key.number, node: node,
                from: job.state.rawValue, to: after.rawValue, lasted: now.since(stateSince(job)))
        }
        attemptAdvancedOnRoamer(node, key, state, now, &effects)
    }

    private mutating func succeeded(
        _ key: AttemptKey, _ report: AttemptReport, _ now: Instant, _ effects: inout Effects
    ) {
        // A worker so quick that "running" and "succeeded" came as one.
        advance(key, to: .running, now, &effects)
        guard let job = jobs[key.job], let attempt = job.attempt(key.number) else { return }
        // A job has one result: that of a copy which came too late is nobody's.
        let counts = job.ending == nil && job.stopping == nil
        close(key, counts ? .succeeded : .stopped, report, now, &effects)
        guard counts else { return }
        demand[job.queue, default: Demand()].ran(
            now.since(attempt.startedAt ?? attempt.assignedAt))
        end(
            key.job, .succeeded, outputs: report.outputs, from: job, attempt: key, now: now,
            &effects)
    }

    private mutating func failed(
        _ key: AttemptKey, _ report: AttemptReport, _ now: Instant, _ effects: inout Effects
    ) {
        let error = report.error ?? Failure(.workFailed, "the work failed without a word")
        if error.code == .attemptUnknown {
            attemptLost(key, error.message, now, &effects)
            return
        }
        guard let before = jobs[key.job] else { return }
        var report = report
        report.error = error
        close(key, .failed, report, now, &effects)
        tryAgain(key.job, error, from: before, attempt: key, now, &effects)
    }

    /// Keeps only the last few of the attempts in a row that never began, so that no outage takes all that
    /// a job may have; how many those are.
    private func forgetUnbegun(_ job: inout Job) -> Int {
        let count = job.attempts.reversed().prefix { $0.error?.code.isNodesOwn == true }.count
        let excess = max(0, count - Self.unbegunKept)
        let first = job.attempts.count - count
        job.attempts.removeSubrange(first..<first + excess)
        return count - excess
    }

    private static let unbegunKept = 8

    /// After a failure: another try, or the end.
    ///
    /// What is the node's own costs none of the job's tries: however long Docker is away, the job waits.
    mutating func tryAgain(
        _ id: JobID, _ error: Failure, from before: Job, attempt: AttemptKey?, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard var job = jobs[id], job.ending == nil, job.stopping == nil, !job.isActive
        else { return }
        if !error.code.isNodesOwn { job.failures += 1 }
        let unbegun = forgetUnbegun(&job)
        guard error.code.isRetryable,
            error.code.isNodesOwn || job.failures <= job.request.retries,
            job.attempts.count < policy.attemptLimit
        else {
            jobs[id] = job
            end(id, .failed, error: error, from: before, attempt: attempt, now: now, &effects)
            return
        }
        let wait = policy.retryBackOff.delay(failures: job.failures + unbegun, using: &random)
        job.notBefore = now + wait
        jobs[id] = job
        effects.jobs.append(id)
        timers.arm(.job(id), at: now + wait)
        emitQueued(
            before, attempt, "tried again after \(error.code): \(error.message)", now, &effects)
        refreshQueue(id, now)
    }

    /// Says that of two attempts of a job the one less far is left.
    private mutating func emitFallBack(
        _ before: Job, _ key: AttemptKey, _ now: Instant, _ effects: inout Effects
    ) {
        guard let after = jobs[before.id]?.state, after != before.state, !after.isFinal
        else { return }
        let ended = jobs[before.id]?.attempt(key.number)
        emit(
            .job, now, &effects, job: before.id, attempt: key.number, node: ended?.node,
            from: before.state.rawValue, to: after.rawValue,
            reason: ended?.error?.message ?? "attempt \(key.number) has ended",
            lasted: now.since(stateSince(before)))
    }

    /// Ends a job that has had all the attempts it may have; false if it has more.
    private mutating func endIfExhausted(
        _ before: Job, _ attempt: AttemptKey, _ reason: String, _ now: Instant,
        _ effects: inout Effects
    ) -> Bool {
        guard before.attempts.count >= policy.attemptLimit else { return false }
        let text = "it has had all of its \(policy.attemptLimit) attempts; the last: \(reason)"
        end(
            before.id, .failed, error: Failure(.nodeLost, text), from: before, attempt: attempt,
            now: now, &effects)
        return true
    }

    /// Says that a job waits again.
    private mutating func emitQueued(
        _ before: Job, _ attempt: AttemptKey?, _ reason: String, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard before.state != .queued else { return }
        emit(
            .job, now, &effects, job: before.id, attempt: attempt?.number,
            node: attempt.flatMap { before.attempt($0.number)?.node },
            from: before.state.rawValue, to: JobState.queued.rawValue, reason: reason,
            lasted: now.since(stateSince(before)))
    }

    private mutating func stopped(
        _ key: AttemptKey, _ report: AttemptReport, _ now: Instant, _ effects: inout Effects
    ) {
        guard let before = jobs[key.job], let attempt = before.attempt(key.number) else { return }
        guard attempt.stop != nil else {
            // The agent stopped it by itself: its lease had run out.
            attemptLost(key, report.error?.message ?? "its lease ran out", now, &effects)
            return
        }
        close(key, .stopped, report, now, &effects)
        guard let job = jobs[key.job], job.ending == nil, job.stopping == nil, !job.isActive
        else { return }
        let why = "moved away from node \(attempt.node)"
        if endIfExhausted(before, key, why, now, &effects) { return }
        emitQueued(before, key, why, now, &effects)
    }

    /// Ends an attempt whose node can no longer be running it, without blame for the work.
    mutating func attemptLost(
        _ key: AttemptKey, _ reason: String, _ now: Instant, _ effects: inout Effects
    ) {
        guard let before = jobs[key.job], let attempt = before.attempt(key.number),
            !attempt.state.isFinal
        else { return }
        let report = AttemptReport(
            key: key, phase: .stopped, error: Failure(.leaseEnded, reason))
        close(key, .lost, report, now, &effects)
        guard let job = jobs[key.job], job.ending == nil, job.stopping == nil else { return }
        // Moving away what was to stop anyway is no loss.
        if attempt.stop == nil { jobs[key.job]?.losses += 1 }
        if job.isActive { return }
        if endIfExhausted(before, key, reason, now, &effects) { return }
        if job.losses + 1 >= policy.lossLimit, attempt.stop == nil {
            let text = "\(job.losses + 1) nodes were lost under it; it may be what brings them down"
            end(
                key.job, .failed, error: Failure(.nodeLost, text), from: before, attempt: key,
                now: now, &effects)
            return
        }
        emitQueued(before, key, reason, now, &effects)
        refreshQueue(key.job, now)
    }

    /// Puts an attempt into its final state, frees its slot, and ends a job that only waited for it.
    private mutating func close(
        _ key: AttemptKey, _ state: AttemptState, _ report: AttemptReport, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let before = jobs[key.job],
            let index = before.attempts.firstIndex(where: { $0.number == key.number })
        else { return }
        let attempt = before.attempts[index]
        precondition(!attempt.state.isFinal, "a final attempt never changes")
        jobs[key.job]?.attempts[index].state = state
        jobs[key.job]?.attempts[index].finishedAt = now
        jobs[key.job]?.attempts[index].container = nil
        jobs[key.job]?.attempts[index].exitCode = report.exitCode
        jobs[key.job]?.attempts[index].error = report.error
        effects.jobs.append(key.job)
        timers.disarm(.confirm(key))
        nodes[attempt.node]?.attempts.remove(key)
        reindex(attempt.node)
        recount(key.job, now)
        reviewDependents(of: key.job)
        unordered.append(attempt.node)
        endLeaving(attempt.node, &effects)
        progress[key.job] = nil
        touchClusters(of: attempt.node)
        attemptEndedOnRoamer(attempt.node, key, report.error, now, &effects)
        if nodes[attempt.node]?.retired == true { dropIfEmpty(attempt.node, &effects) }
        if jobs[key.job]?.isActive == true {
            // One that has won ends the job right after this.
            if state != .succeeded { emitFallBack(before, key, now, &effects) }
        } else if jobs[key.job]?.stopping != nil {
            endStopped(key.job, from: before, now, &effects)
        }
        refreshQueue(key.job, now)
    }
}
