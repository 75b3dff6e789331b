import OrderedCollections

extension Agent {
    /// A worker this node keeps running.
    struct Worker: Hashable, Sendable {
        var order: WorkerOrder
        /// Takes the place of `order` when nothing runs on the worker.
        var next: WorkerOrder?
        var step: Step
        var error: Failure?
        var progress: Progress?
        var image = ""
        var failures = 0
        /// Starts in a row that were not ready in time.
        var lateStarts = 0
        var restarts: UInt32 = 0
        var unanswered = 0
        /// Whether it said last that it has nothing to do.
        var isIdle = false
        var since: Instant

        enum Step: Hashable, Sendable {
            /// Nothing is done yet. Can become: pulling, starting (adopted), leaving.
            case waiting
            /// The image is being fetched. Can become: fetched, resting, leaving.
            case pulling(Operation)
            /// The image is here, and what is not wanted any more makes room. Can become: launching,
            /// leaving.
            case fetched(String)
            /// The container is made. Can become: starting, resting, leaving.
            case launching(Operation)
            /// It runs and is not ready. Can become: ready, removing, resting, leaving.
            case starting(ContainerFact)
            /// It takes jobs. Can become: starting, removing, resting, leaving.
            case ready(ContainerFact)
            /// Its container is removed before the next try. Can become: resting.
            case removing(Operation, ContainerFact)
            /// It waits before the next try. Can become: waiting, leaving.
            case resting
            /// It is not wanted any more and is being removed. Can become: nothing.
            case leaving(Operation?, ContainerFact?)
        }

        /// How long this start may take.
        ///
        /// A pod that was not ready in time gets twice as long: a model that only needs longer loads in the
        /// end, where the same time again would never do. A roamer's worker is not waited for so.
        var mayTake: Duration {
            order.isPod
                ? order.readyWithin * (1 << min(lateStarts, Self.mostDoublings))
                : order.readyWithin
        }

        private static let mostDoublings = 6

        init(order: WorkerOrder, at now: Instant) {
            self.order = order
            step = .waiting
            since = now
        }

        var isLeaving: Bool {
            if case .leaving = step { return true }
            return false
        }

        /// Whether Docker is asked for its container and has not answered.
        var isLaunching: Bool {
            switch step {
            case .launching, .leaving(.some, nil): true
            case .waiting, .pulling, .fetched, .starting, .ready, .removing, .resting, .leaving:
                false
            }
        }

        var container: ContainerFact? {
            switch step {
            case .starting(let fact), .ready(let fact), .removing(_, let fact): fact
            case .leaving(_, let fact): fact
            case .waiting, .pulling, .fetched, .launching, .resting: nil
            }
        }

        var phase: WorkerPhase {
            switch step {
            case .waiting: .accepted
            case .pulling, .fetched: .pulling
            case .launching, .starting: .starting
            case .ready: .ready
            case .removing, .resting: .failed
            case .leaving: .stopping
            }
        }
    }

    mutating func report(_ id: WorkerID, _ effects: inout AgentEffects) {
        guard let worker = workers[id] else { return }
        let report = WorkerReport(
            id: id, phase: worker.phase,
            progress: worker.progress, error: worker.error, image: worker.image,
            restarts: worker.restarts)
        enqueue(.worker(id), .worker(report), &effects)
    }

    // MARK: Orders

    mutating func ordered(_ order: WorkerOrder, _ now: Instant, _ effects: inout AgentEffects) {
        guard let worker = workers[order.id] else {
            workers[order.id] = Worker(order: order, at: now)
            report(order.id, &effects)
            return
        }
        if worker.order == order, !worker.isLeaving {
            workers[order.id]?.next = nil
            return
        }
        var patient = worker.order
        patient.readyWithin = order.readyWithin
        if patient == order, !worker.isLeaving {
            waitDifferently(order, &effects)
            return
        }
        workers[order.id]?.next = order
        effects.needsSave = true
    }

    /// Another time to become ready is no reason for another start.
    private mutating func waitDifferently(_ order: WorkerOrder, _ effects: inout AgentEffects) {
        workers[order.id]?.order = order
        workers[order.id]?.next = nil
        effects.needsSave = true
        if let worker = workers[order.id], case .starting = worker.step {
            timers.arm(.worker(order.id), at: worker.since + worker.mayTake)
        }
    }

    mutating func dismiss(_ id: WorkerID, _ effects: inout AgentEffects) {
        guard let worker = workers[id] else { return }
        workers[id]?.next = nil
        if worker.isLeaving { return }
        leave(id, &effects)
    }

    /// Begins to remove a worker; attempts on it end with it.
    private mutating func leave(_ id: WorkerID, _ effects: inout AgentEffects) {
        guard let worker = workers[id] else { return }
        undriven = true
        timers.disarm(.probe(id))
        switch worker.step {
        case .removing(let operation, let fact):
            // An armed alarm is that of the next try to remove it.
            workers[id]?.step = .leaving(operation, fact)
            report(id, &effects)
            return
        case .starting(let fact), .ready(let fact):
            let operation = nextOperation()
            workers[id]?.step = .leaving(operation, fact)
            effects.append(.remove(operation, container: fact.id, grace: policy.stopGrace))
        case .launching(let operation):
            // Its container may come into being any moment: wait for the answer.
            workers[id]?.step = .leaving(operation, nil)
        case .waiting, .pulling, .fetched, .resting:
            workers[id]?.step = .leaving(nil, nil)
        case .leaving: return
        }
        timers.disarm(.worker(id))
        report(id, &effects)
    }

    /// Takes every worker one step further towards its order.
    mutating func driveWorkers(_ now: Instant, _ effects: inout AgentEffects) {
        guard inventoried else { return }
        for id in workers.keys {
            guard let worker = workers[id] else { continue }
            switch worker.step {
            case .waiting:
                let operation = nextOperation()
                setStep(id, .pulling(operation), now, &effects)
                effects.append(.pull(operation, image: worker.order.spec.image))
            case .leaving(nil, _): gone(id, now, &effects)
            case .starting, .ready:
                if worker.next != nil, !isUsed(id) { leave(id, &effects) }
            case .fetched(let image):
                if worker.next != nil {
                    leave(id, &effects)
                } else if !isMakingRoom, !awaitsLaunch(besides: id) {
                    let operation = nextOperation()
                    setStep(id, .launching(operation), now, &effects)
                    effects.needsSave = true
                    effects.append(.launchWorker(operation, worker.order, image: image))
                }
            case .pulling, .launching, .resting, .removing:
                if worker.next != nil { leave(id, &effects) }
            case .leaving: break
            }
        }
    }

    /// Whether containers run or are being removed that nobody wants any more: what takes their place
    /// must not need memory that they still hold.
    var isMakingRoom: Bool {
        !removals.isEmpty || hasRunningStranger
            || workers.values.contains {
                if case .leaving(let operation, let fact) = $0.step {
                    return operation != nil || fact != nil
                }
                return false
            }
            || attempts.values.contains(where: \.isMakingRoom)
    }

    private func isUsed(_ id: WorkerID) -> Bool {
        attempts.values.contains {
            $0.record.order.place == .worker(id) && !$0.record.phase.isFinal
        }
    }

    private mutating func setStep(
        _ id: WorkerID, _ step: Worker.Step, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let before = workers[id]?.phase else { return }
        undriven = true
        workers[id]?.step = step
        workers[id]?.since = now
        if workers[id]?.phase != before {
            workers[id]?.progress = nil
            report(id, &effects)
        }
    }

    private mutating func gone(_ id: WorkerID, _ now: Instant, _ effects: inout AgentEffects) {
        guard let worker = workers[id] else { return }
        undriven = true
        if let next = worker.next {
            workers[id] = Worker(order: next, at: now)
            report(id, &effects)
            driveWorkers(now, &effects)
            return
        }
        workers[id] = nil
        effects.needsSave = true
        let report = WorkerReport(id: id, phase: .gone)
        enqueue(.worker(id), .worker(report), &effects)
    }

    // MARK: Answers

    func workerID(of operation: Operation) -> WorkerID? {
        for (id, worker) in workers {
            switch worker.step {
            case .pulling(operation), .launching(operation), .removing(operation, _),
                .leaving(operation, _):
                return id
            case .waiting, .pulling, .fetched, .launching, .starting, .ready, .removing, .resting,
                .leaving:
                continue
            }
        }
        return nil
    }

    mutating func workerPulled(
        _ id: WorkerID, _ result: Result<String, Failure>, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        guard let worker = workers[id], case .pulling = worker.step else { return }
        switch result {
        case .failure(let error): rest(id, error, now, &effects)
        case .success(let image):
            workers[id]?.image = image
            setStep(id, .fetched(image), now, &effects)
        }
    }

    mutating func workerLaunched(
        _ id: WorkerID, _ result: Result<ContainerFact, Failure>, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        guard let worker = workers[id] else { return }
        effects.needsSave = true
        switch (worker.step, result) {
        case (.launching, .success(let fact)): started(id, fact, now, &effects)
        case (.launching, .failure(let error)): rest(id, error, now, &effects)
        case (.leaving, .success(let fact)):
            let operation = nextOperation()
            workers[id]?.step = .leaving(operation, fact)
            effects.append(.remove(operation, container: fact.id, grace: policy.stopGrace))
        case (.leaving, .failure): workers[id]?.step = .leaving(nil, nil)
        default: break
        }
    }

    /// A container of the worker runs: made now, or found after a restart.
    mutating func started(
        _ id: WorkerID, _ fact: ContainerFact, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let worker = workers[id] else { return }
        strangers[fact.id] = nil
        workers[id]?.image = fact.image.isEmpty ? worker.image : fact.image
        workers[id]?.unanswered = 0
        setStep(id, .starting(fact), now, &effects)
        timers.arm(.worker(id), at: now + worker.mayTake)
        effects.append(.probe(id, worker.order.spec.contract, fact))
    }

    mutating func probe(_ id: WorkerID, _ effects: inout AgentEffects) {
        guard let place = workers.index(forKey: id) else { return }
        switch workers.values[place].step {
        case .starting(let fact), .ready(let fact):
            effects.append(.probe(id, workers.values[place].order.spec.contract, fact))
        case .waiting, .pulling, .fetched, .launching, .removing, .resting, .leaving: break
        }
    }

    mutating func probed(
        _ id: WorkerID, _ container: String, _ readiness: Readiness, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        guard let place = workers.index(forKey: id),
            workers.values[place].container?.id == container
        else { return }
        workers.values[place].isIdle = readiness == .ready
        switch workers.values[place].step {
        case .starting(let fact): startingProbed(id, fact, readiness, now, &effects)
        case .ready(let fact): readyProbed(id, place, fact, readiness, now, &effects)
        case .waiting, .pulling, .fetched, .launching, .removing, .resting, .leaving: break
        }
    }

    private mutating func startingProbed(
        _ id: WorkerID, _ fact: ContainerFact, _ readiness: Readiness, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        switch readiness {
        case .ready, .busy:
            workers[id]?.error = nil
            workers[id]?.lateStarts = 0
            setStep(id, .ready(fact), now, &effects)
            timers.arm(.worker(id), at: now + policy.provenAfter)
            timers.arm(.probe(id), at: now + policy.readyProbe)
        case .failed(let text):
            restart(id, fact, Failure(.setupFailed, text), now, &effects)
        case .starting, .silent:
            timers.arm(.probe(id), at: now + policy.startingProbe)
        }
    }

    private mutating func readyProbed(
        _ id: WorkerID, _ place: Int, _ fact: ContainerFact, _ readiness: Readiness,
        _ now: Instant, _ effects: inout AgentEffects
    ) {
        timers.arm(.probe(id), at: now + policy.readyProbe)
        switch readiness {
        case .ready, .busy:
            workers.values[place].unanswered = 0
            if workers.values[place].order.spec.slots == 1 {
                workerSaid(isIdle: readiness == .ready, fact, now)
            }
        case .starting:
            // Its model starts again. While it works it may say so only for want of a free slot.
            workers.values[place].unanswered = 0
            if !works(fact) { startsAgain(id, fact, now, &effects) }
        case .failed(let text):
            restart(id, fact, Failure(.workerDied, text), now, &effects)
        case .silent(let text):
            workers.values[place].unanswered += 1
            if workers.values[place].unanswered >= policy.silentProbes {
                let error = Failure(.workerDied, "the worker does not answer: \(text)")
                restart(id, fact, error, now, &effects)
            }
        }
    }

    /// A ready worker is not ready any more: it has the time of a start to become so.
    private mutating func startsAgain(
        _ id: WorkerID, _ fact: ContainerFact, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let within = workers[id]?.mayTake else { return }
        setStep(id, .starting(fact), now, &effects)
        timers.arm(.worker(id), at: now + within)
        timers.arm(.probe(id), at: now + policy.startingProbe)
    }

    mutating func workerDue(_ id: WorkerID, _ now: Instant, _ effects: inout AgentEffects) {
        guard let worker = workers[id] else { return }
        switch worker.step {
        case .starting(let fact):
            let seconds = worker.mayTake.components.seconds
            let error = Failure(.workerNotReady, "not ready \(seconds) s after its start")
            workers[id]?.lateStarts += 1
            restart(id, fact, error, now, &effects)
        case .ready: workers[id]?.failures = 0
        case .resting: setStep(id, .waiting, now, &effects)
        case .removing(let operation, let fact), .leaving(.some(let operation), .some(let fact)):
            // The removal failed; again.
            effects.append(.remove(operation, container: fact.id, grace: .zero))
        case .waiting, .pulling, .fetched, .launching, .leaving: break
        }
    }

    /// Removes a worker's container, to start it again after a wait.
    mutating func restart(
        _ id: WorkerID, _ fact: ContainerFact, _ error: Failure, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        // One that is not wanted any more is being removed already, and does not come back.
        guard workers[id]?.isLeaving == false else { return }
        let operation = nextOperation()
        workers[id]?.error = error
        timers.disarm(.probe(id))
        timers.disarm(.worker(id))
        setStep(id, .removing(operation, fact), now, &effects)
        let grace = isLeaseOver(now) ? .zero : policy.stopGrace
        effects.append(.remove(operation, container: fact.id, grace: grace))
        endAttempts(onContainer: fact, error, now, &effects)
    }

    private mutating func rest(
        _ id: WorkerID, _ error: Failure, _ now: Instant, _ effects: inout AgentEffects
    ) {
        workers[id]?.failures += 1
        workers[id]?.restarts += 1
        workers[id]?.error = error
        let wait = policy.restartBackOff.delay(
            failures: workers[id]?.failures ?? 1, using: &random)
        timers.arm(.worker(id), at: now + wait)
        let before = workers[id]?.phase
        setStep(id, .resting, now, &effects)
        // From `failed` to `failed` the phase is the same, but not the reason.
        if before == .failed { report(id, &effects) }
    }

    mutating func workerRemoved(
        _ id: WorkerID, _ failure: Failure?, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let worker = workers[id] else { return }
        if failure != nil {
            timers.arm(.worker(id), at: now + policy.removeRetry)
            return
        }
        switch worker.step {
        case .removing(_, let fact):
            let error = worker.error ?? Failure(.workerDied, "its container was removed")
            rest(id, error, now, &effects)
            endAttempts(onContainer: fact, error, now, &effects)
        case .leaving(_, let fact):
            workers[id]?.step = .leaving(nil, nil)
            if let fact {
                endAttempts(
                    onContainer: fact, Failure(.workerDied, "its worker was removed"), now, &effects
                )
            }
        case .waiting, .pulling, .fetched, .launching, .starting, .ready, .resting: break
        }
    }

    /// A worker's container has ended by itself.
    mutating func workerEnded(
        _ id: WorkerID, _ fact: ContainerFact, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let worker = workers[id], worker.container?.id == fact.id else { return }
        switch worker.step {
        case .starting, .ready:
            let error =
                fact.outOfMemory
                ? Failure(.outOfMemory, "the worker ran out of memory")
                : Failure(
                    .workerDied,
                    "the worker ended\(fact.exitCode.map { " with code \($0)" } ?? "")")
            restart(id, fact, error, now, &effects)
        case .removing, .leaving:
            endAttempts(
                onContainer: fact, worker.error ?? Failure(.workerDied, "stopped"), now, &effects)
        case .waiting, .pulling, .fetched, .launching, .resting: break
        }
    }
}
