import OrderedCollections

extension Agent {
    /// An attempt this node has taken.
    struct Attempted: Hashable, Sendable {
        var record: AttemptRecord
        var step: Step
        var progress: Progress?
        /// Why it is being stopped; a lease that ended leaves `record.order.stop` nil.
        var stopping: Failure?
        /// Not in the orders any more: it goes when it has ended.
        var dropped = false
        /// Ordered in this life of the agent, not only in one before it.
        var isOrdered = false
        /// Until when a worker is asked again to take it, or a lost result is waited for.
        var patience: Instant?
        /// When its own container was first seen to run.
        var since = Instant.zero

        enum Step: Hashable, Sendable {
            /// Nothing is done yet in this life of the agent.
            case waiting
            case pulling(Operation)
            /// The image is here, and what is not wanted any more makes room.
            case fetched(String)
            case launching(Operation)
            /// Asked a worker to begin.
            case placing
            case running
            /// Asked a worker or a container to end.
            case stopping
            case collecting
            case uploading
            /// Its own container is removed; the outcome is known.
            case removing(Operation)
            case done
        }

        init(record: AttemptRecord) {
            self.record = record
            step = record.phase.isFinal ? .done : .waiting
        }

        var key: AttemptKey { record.order.key }
        /// Whether an earlier life of the agent had begun the work.
        var wasBegun: Bool {
            record.phase == .uploading || (!ownsContainer && record.container != nil)
        }
        /// Whether it shall end, for whatever reason.
        var isUnwanted: Bool { dropped || record.order.stop != nil || stopping != nil }
        var ownsContainer: Bool {
            if case .container = record.order.place { return true }
            return false
        }
        /// Whether its own container is being removed, or will be once it is made.
        var isMakingRoom: Bool {
            switch step {
            case .removing: true
            case .launching: isUnwanted
            case .waiting, .pulling, .fetched, .placing, .running, .stopping, .collecting,
                .uploading,
                .done:
                false
            }
        }
    }

    mutating func report(_ key: AttemptKey, _ effects: inout AgentEffects) {
        guard let attempt = attempts[key], !attempt.dropped else { return }
        let record = attempt.record
        let report = AttemptReport(
            key: key, phase: record.phase, progress: attempt.progress, outputs: record.outputs,
            error: record.error, exitCode: record.exitCode)
        enqueue(.attempt(key), .attempt(report), &effects)
    }

    // MARK: Orders

    mutating func ordered(_ order: AttemptOrder, _ now: Instant, _ effects: inout AgentEffects) {
        if let known = attempts[order.key] {
            attempts[order.key]?.dropped = false
            attempts[order.key]?.isOrdered = true
            if order.stop != nil, known.record.order.stop == nil {
                attempts[order.key]?.record.order.stop = order.stop
                stopAttempt(order.key, now, &effects)
            } else if known.record.phase.isFinal {
                report(order.key, &effects)
            }
            return
        }
        if let highest = seen.highest(of: order.key.job), order.key.number <= highest {
            let error = Failure(.attemptUnknown, "this node had attempt \(highest) already")
            let report = AttemptReport(key: order.key, phase: .failed, error: error)
            enqueue(.attempt(order.key), .attempt(report), &effects)
            return
        }
        seen.see(order.key, limit: policy.seenLimit)
        var attempt = Attempted(record: AttemptRecord(order: order, phase: .accepted))
        attempt.isOrdered = true
        if order.stop != nil {
            attempt.record.phase = .stopped
            attempt.step = .done
        }
        attempts[order.key] = attempt
        report(order.key, &effects)
        // An order that was so long on its way that the lease has ended begins nothing.
        if timers.due(.lease) == nil { timers.arm(.lease, at: (renewedAt ?? now) + stopAfter) }
    }

    /// The controller has stored its end, or does not want it any more.
    mutating func drop(_ key: AttemptKey, _ now: Instant, _ effects: inout AgentEffects) {
        guard let attempt = attempts[key] else { return }
        outbox[.attempt(key)] = nil
        if attempt.step == .done {
            attempts[key] = nil
            effects.append(.forget(key))
            return
        }
        attempts[key]?.dropped = true
        stopAttempt(key, now, &effects)
    }

    // MARK: Progress

    /// Takes every attempt one step further.
    mutating func driveAttempts(_ now: Instant, _ effects: inout AgentEffects) {
        guard inventoried else { return }
        for (key, attempt) in attempts {
            if attempt.step == .waiting {
                undriven = true
                begin(key, attempt, now, &effects)
            }
            if case .fetched(let image) = attempt.step, !isMakingRoom, !awaitsLaunches {
                launch(key, attempt, image, &effects)
            }
            if attempt.step == .done, attempt.dropped {
                undriven = true
                drop(key, now, &effects)
            }
        }
    }

    private mutating func begin(
        _ key: AttemptKey, _ attempt: Attempted, _ now: Instant, _ effects: inout AgentEffects
    ) {
        // Not even its end can be told before it is known that nothing of it runs.
        if awaitsLaunch(attempt) { return }
        if attempt.isUnwanted { return stopUnbegun(key, attempt, now, &effects) }
        // After a long absence it may have been given up and done elsewhere: nothing is begun until
        // the controller has said again that it is wanted.
        guard attempt.isOrdered || attempt.wasBegun else { return }
        switch attempt.record.order.place {
        case .worker(let id): place(key, id, now, &effects)
        case .container(let container):
            if attempt.record.phase == .uploading {
                upload(key, &effects)
                return
            }
            let operation = nextOperation()
            attempts[key]?.step = .pulling(operation)
            setPhase(key, .preparing, &effects)
            effects.append(.pull(operation, image: container.image))
        }
    }

    /// Stops what nothing was done for in this life; a worker may still be at it since the last.
    private mutating func stopUnbegun(
        _ key: AttemptKey, _ attempt: Attempted, _ now: Instant, _ effects: inout AgentEffects
    ) {
        if awaitsStray(attempt, &effects) { return }
        if isAlive(attempt) {
            attempts[key]?.step = .running
            stopAttempt(key, now, &effects)
        } else {
            finishStopped(key, now, &effects)
        }
    }

    /// Asks the worker to begin, or takes up what it began before the agent restarted.
    private mutating func place(
        _ key: AttemptKey, _ id: WorkerID, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key] else { return }
        if attempt.record.phase == .uploading {
            upload(key, &effects)
            return
        }
        if awaitsStray(attempt, &effects) { return }
        if let began = attempt.record.container, began.id != workers[id]?.container?.id {
            let error = Failure(.workerDied, "its worker ended while the agent was away")
            finish(key, .failed, error, now, &effects)
            return
        }
        guard let worker = workers[id], let fact = worker.container else {
            // The worker may be on its way back up; an attempt that never began can wait a little.
            waitForWorker(key, "worker \(id) does not run", now, &effects)
            return
        }
        if attempt.record.container != nil, let error = attempt.record.error {
            // It was being ended for sure when the agent died; a busy worker may be busy with others.
            attempts[key]?.step = .running
            failSurely(key, error, now, &effects)
            return
        }
        if attempt.record.container != nil {
            attempts[key]?.step = .running
            attempts[key]?.patience = now + policy.resumedResultAfter
            timers.arm(.attempt(key), at: now + policy.resumedResultAfter)
            effects.append(.awaitPrediction(key, worker.order.spec.contract, fact))
            return
        }
        guard case .ready = worker.step else {
            waitForWorker(key, "worker \(id) is not ready", now, &effects)
            return
        }
        attempts[key]?.record.container = fact
        attempts[key]?.step = .placing
        attempts[key]?.patience = attempt.patience ?? now + policy.placeWithin
        effects.needsSave = true
        effects.append(.predict(attempt.record.order, worker.order.spec.contract, fact))
    }

    private mutating func waitForWorker(
        _ key: AttemptKey, _ why: String, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key] else { return }
        let until = attempt.patience ?? now + policy.placeWithin
        attempts[key]?.patience = until
        if now >= until {
            finish(key, .failed, Failure(.workerDied, why), now, &effects)
        } else {
            attempts[key]?.step = .placing
            timers.arm(.attempt(key), at: now + policy.placeEvery)
        }
    }

    mutating func predictionStarted(
        _ key: AttemptKey, _ start: PredictionStart, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key] else { return }
        switch attempt.step {
        case .placing: break
        case .running:
            // Work of an earlier life of the agent goes on.
            if start == .started, attempt.patience != nil {
                attempts[key]?.patience = nil
                timers.disarm(.attempt(key))
            }
            return
        case .stopping:
            switch start {
            // It never began, so there is nothing to wait for.
            case .later, .refused: finishStopped(key, now, &effects)
            case .started, .unreachable: break
            }
            return
        case .waiting, .pulling, .fetched, .launching, .collecting, .uploading, .removing, .done:
            return
        }
        switch start {
        case .started:
            attempts[key]?.step = .running
            attempts[key]?.patience = nil
            setPhase(key, .running, &effects)
        case .later(let why):
            attempts[key]?.record.container = nil
            waitForWorker(key, why, now, &effects)
        case .refused(let error): finish(key, .failed, error, now, &effects)
        case .unreachable(let why):
            // It may have heard us all the same.
            failSurely(key, Failure(.workerDied, why), now, &effects)
        }
    }

    mutating func predictionEnded(
        _ key: AttemptKey, _ end: PredictionEnd, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], !attempt.record.phase.isFinal else { return }
        switch attempt.step {
        case .placing, .running:
            attempts[key]?.patience = nil
            timers.disarm(.attempt(key))
            switch end {
            case .succeeded: upload(key, &effects)
            case .failed(let error): finish(key, .failed, error, now, &effects)
            case .cancelled:
                let error = Failure(.workFailed, "the worker stopped without being asked")
                finish(key, .failed, error, now, &effects)
            }
        case .stopping: finishStopped(key, now, &effects)
        case .waiting, .pulling, .fetched, .launching, .collecting, .uploading, .removing, .done:
            break
        }
    }

    mutating func progressed(
        _ key: AttemptKey, _ step: Progress, _ effects: inout AgentEffects
    ) {
        guard attempts[key]?.step == .running else { return }
        attempts[key]?.progress = step
        report(key, &effects)
    }

    private mutating func upload(_ key: AttemptKey, _ effects: inout AgentEffects) {
        guard let attempt = attempts[key] else { return }
        attempts[key]?.step = .uploading
        setPhase(key, .uploading, &effects)
        effects.append(.upload(key, attempt.record.order.kind))
    }

    mutating func collected(
        _ key: AttemptKey, _ failure: Failure?, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], attempt.step == .collecting else { return }
        if let failure {
            finish(key, .failed, failure, now, &effects)
        } else if let error = attempt.record.error {
            finish(key, .failed, error, now, &effects)
        } else {
            upload(key, &effects)
        }
    }

    mutating func uploaded(
        _ key: AttemptKey, _ result: Result<[Output], Failure>, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], attempt.step == .uploading else { return }
        switch result {
        case .success(let outputs):
            attempts[key]?.record.outputs = outputs
            finish(key, .succeeded, nil, now, &effects)
        case .failure(let error): finish(key, .failed, error, now, &effects)
        }
    }

    mutating func setPhase(
        _ key: AttemptKey, _ phase: AttemptPhase, _ effects: inout AgentEffects
    ) {
        guard let record = attempts[key]?.record, record.phase.rank < phase.rank else { return }
        attempts[key]?.record.phase = phase
        attempts[key]?.progress = nil
        effects.needsSave = true
        report(key, &effects)
    }

    // MARK: The end

    /// Ends an attempt; its own container goes first, so that nothing is left when it is reported.
    mutating func finish(
        _ key: AttemptKey, _ phase: AttemptPhase, _ error: Failure?, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], !attempt.record.phase.isFinal else { return }
        timers.disarm(.attempt(key))
        attempts[key]?.record.error = error
        effects.needsSave = true
        if attempt.ownsContainer, let fact = attempt.record.container {
            let operation = nextOperation()
            attempts[key]?.step = .removing(operation)
            attempts[key]?.stopping = phase == .stopped ? error ?? attempt.stopping : nil
            attempts[key]?.record.outputs = phase == .succeeded ? attempt.record.outputs : []
            outcome[key] = phase
            effects.append(.remove(operation, container: fact.id, grace: .zero))
            return
        }
        settle(key, phase, &effects)
    }

    private mutating func settle(
        _ key: AttemptKey, _ phase: AttemptPhase, _ effects: inout AgentEffects
    ) {
        outcome[key] = nil
        attempts[key]?.step = .done
        attempts[key]?.progress = nil
        attempts[key]?.record.phase = phase
        effects.needsSave = true
        report(key, &effects)
    }

    mutating func attemptRemoved(
        _ key: AttemptKey, _ failure: Failure?, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], case .removing = attempt.step else { return }
        if failure != nil {
            timers.arm(.attempt(key), at: now + policy.removeRetry)
            return
        }
        settle(key, outcome[key] ?? .failed, &effects)
    }

    mutating func finishStopped(
        _ key: AttemptKey, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key] else { return }
        if outcome[key] == .failed, !attempt.isUnwanted {
            finish(key, .failed, attempt.record.error, now, &effects)
        } else {
            finish(key, .stopped, attempt.stopping, now, &effects)
        }
    }

    /// Fails an attempt whose work may still run: that it has ended must be sure first.
    private mutating func failSurely(
        _ key: AttemptKey, _ error: Failure, _ now: Instant, _ effects: inout AgentEffects
    ) {
        attempts[key]?.record.error = error
        outcome[key] = .failed
        stopAttempt(key, now, &effects)
    }

    /// Whether the worker's container that took the attempt is still there.
    private func isAlive(_ attempt: Attempted) -> Bool { contract(of: attempt) != nil }

    /// What the worker that took the attempt speaks; nil when its container is gone.
    private func contract(of attempt: Attempted) -> Contract? {
        guard case .worker(let id) = attempt.record.order.place, let worker = workers[id],
            let container = worker.container, container.id == attempt.record.container?.id
        else { return nil }
        return worker.order.spec.contract
    }

    /// Shortens the time that a worker has to stop its work: the lease has ended.
    ///
    /// It counts from the lease's end, also where that was noticed late: the controller does not wait.
    mutating func hasten(_ key: AttemptKey, _ now: Instant) {
        let ended = min(leaseEnd ?? now, now)
        let due = ended + policy.cancelWithinAfterLease
        timers.arm(.attempt(key), at: min(timers.due(.attempt(key)) ?? due, due))
    }

    /// When the lease ends or ended; nil if it was never renewed.
    private var leaseEnd: Instant? { renewedAt.map { $0 + stopAfter } }

    /// Whether the controller may believe by now that nothing runs here.
    func isLeaseOver(_ now: Instant) -> Bool {
        leaseEnd.map { now >= $0 } ?? false
    }

    mutating func stopByItself(
        _ key: AttemptKey, _ why: String, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], !attempt.record.phase.isFinal,
            attempt.record.order.stop == nil, attempt.stopping == nil
        else { return }
        attempts[key]?.stopping = Failure(.leaseEnded, why)
        stopAttempt(key, now, &effects)
    }

    /// Stops an attempt, whatever it is doing.
    mutating func stopAttempt(
        _ key: AttemptKey, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], !attempt.record.phase.isFinal else { return }
        effects.needsSave = true
        switch attempt.step {
        // After a restart it is not known yet what runs: that comes first.
        case .waiting:
            if inventoried, !awaitsLaunch(attempt) { stopUnbegun(key, attempt, now, &effects) }
        case .pulling, .fetched, .collecting, .uploading: finishStopped(key, now, &effects)
        case .placing, .running:
            guard let fact = attempt.record.container, attempt.ownsContainer || isAlive(attempt)
            else {
                finishStopped(key, now, &effects)
                return
            }
            if attempt.ownsContainer {
                // Asked gently first: the removal waits for the grace.
                let operation = nextOperation()
                attempts[key]?.step = .removing(operation)
                outcome[key] = .stopped
                attempts[key]?.record.error = attempt.stopping
                effects.append(.remove(operation, container: fact.id, grace: policy.stopGrace))
            } else if let contract = contract(of: attempt) {
                attempts[key]?.step = .stopping
                timers.arm(.attempt(key), at: now + policy.cancelWithin)
                if isLeaseOver(now) { hasten(key, now) }
                effects.append(.cancelPrediction(key, contract, fact))
            }
        // Its container may come into being any moment: wait for the answer.
        case .launching: break
        case .stopping, .removing, .done: break
        }
    }

    /// A worker with one slot has said whether it works: idle, it owes us the result of what we think it
    /// works on; busy, it owes nothing yet.
    mutating func workerSaid(isIdle: Bool, _ fact: ContainerFact, _ now: Instant) {
        for place in attempts.values.indices {
            let key = attempts.keys[place]
            let patience = attempts.values[place].patience
            // Nearly always there is nothing to change: busy and owing nothing.
            guard isIdle == (patience == nil), attempts.values[place].step == .running,
                !attempts.values[place].ownsContainer,
                attempts.values[place].record.container?.id == fact.id
            else { continue }
            if isIdle {
                attempts.values[place].patience = now + policy.lostResultAfter
                timers.arm(.attempt(key), at: now + policy.lostResultAfter)
            } else {
                attempts.values[place].patience = nil
                timers.disarm(.attempt(key))
            }
        }
    }

    mutating func attemptDue(_ key: AttemptKey, _ now: Instant, _ effects: inout AgentEffects) {
        guard let attempt = attempts[key] else { return }
        switch attempt.step {
        case .placing:
            // Only one that waits for its worker has an alarm.
            if case .worker(let id) = attempt.record.order.place { place(key, id, now, &effects) }
        case .running:
            guard attempt.patience != nil else { return }
            if case .worker(let id) = attempt.record.order.place, workers[id]?.isIdle == false {
                timers.arm(.attempt(key), at: now + policy.lostResultAfter)
                return
            }
            // It may still work on it, whatever it says.
            attempts[key]?.patience = nil
            let error = Failure(
                .resultLost, "the worker is done with it, and its result has not come")
            failSurely(key, error, now, &effects)
        case .stopping:
            // The worker does not stop its work: it is started anew, which surely ends it.
            guard case .worker(let id) = attempt.record.order.place, isAlive(attempt),
                let fact = workers[id]?.container
            else {
                finishStopped(key, now, &effects)
                return
            }
            let error = Failure(.workerDied, "it did not stop its work when asked to")
            restart(id, fact, error, now, &effects)
        case .removing(let operation):
            if let fact = attempt.record.container {
                effects.append(.remove(operation, container: fact.id, grace: .zero))
            }
        case .waiting, .pulling, .fetched, .launching, .collecting, .uploading, .done: break
        }
    }

    /// A worker's container is gone, and with it the work.
    mutating func endAttempts(
        onContainer fact: ContainerFact, _ error: Failure, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        for (key, attempt) in attempts
        where !attempt.ownsContainer && attempt.record.container?.id == fact.id {
            // Still running for all we know, until the container is removed.
            if fact.isRunning, isBeingRemoved(fact) { continue }
            switch attempt.step {
            case .placing, .running: finish(key, .failed, error, now, &effects)
            case .stopping: finishStopped(key, now, &effects)
            case .waiting, .pulling, .fetched, .launching, .collecting, .uploading, .removing,
                .done:
                break
            }
        }
    }

    /// Whether a worker's container has begun something that has not ended.
    func works(_ fact: ContainerFact) -> Bool {
        attempts.values.contains {
            !$0.ownsContainer && $0.record.container?.id == fact.id
                && ($0.step == .running || $0.step == .stopping)
        }
    }

    private func isBeingRemoved(_ fact: ContainerFact) -> Bool {
        workers.values.contains {
            switch $0.step {
            case .removing(_, let other), .leaving(.some, .some(let other)): other.id == fact.id
            case .waiting, .pulling, .fetched, .launching, .starting, .ready, .resting, .leaving:
                false
            }
        }
    }
}
