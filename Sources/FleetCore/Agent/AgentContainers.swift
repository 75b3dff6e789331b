import OrderedCollections

extension Agent {
    /// Takes everything one step further that waits for nothing.
    ///
    /// What it takes further it looks at again in the next step; else it waits for a change.
    mutating func drive(_ now: Instant, _ effects: inout AgentEffects) {
        guard undriven else { return }
        undriven = false
        removeStrangers(&effects)
        driveWorkers(now, &effects)
        driveAttempts(now, &effects)
        cleanIfOrdered(&effects)
    }

    // MARK: Answers

    mutating func pulled(
        _ operation: Operation, _ result: Result<String, Failure>, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        if let id = workerID(of: operation) {
            workerPulled(id, result, now, &effects)
        } else if let key = attemptKey(of: operation) {
            switch result {
            case .failure(let error): finish(key, .failed, error, now, &effects)
            case .success(let image): attempts[key]?.step = .fetched(image)
            }
        }
    }

    mutating func launch(
        _ key: AttemptKey, _ attempt: Attempted, _ image: String, _ effects: inout AgentEffects
    ) {
        guard case .container(let container) = attempt.record.order.place else { return }
        let operation = nextOperation()
        attempts[key]?.step = .launching(operation)
        attempts[key]?.record.wasLaunched = true
        effects.needsSave = true
        effects.append(.launchAttempt(operation, attempt.record.order, container, image: image))
    }

    mutating func pulling(
        _ operation: Operation, _ step: Progress, _ effects: inout AgentEffects
    ) {
        if let id = workerID(of: operation) {
            workers[id]?.progress = step
            report(id, &effects)
        } else if let key = attemptKey(of: operation) {
            attempts[key]?.progress = step
            report(key, &effects)
        }
    }

    mutating func launched(
        _ operation: Operation, _ result: Result<ContainerFact, Failure>, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        if let id = workerID(of: operation) {
            workerLaunched(id, result, now, &effects)
        } else if let key = attemptKey(of: operation) {
            attemptLaunched(key, result, now, &effects)
        } else if case .success(let fact) = result {
            // Nobody waits for it any more.
            removeOrphan(fact, &effects)
        }
    }

    private mutating func attemptLaunched(
        _ key: AttemptKey, _ result: Result<ContainerFact, Failure>, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key] else { return }
        let unwanted = attempt.isUnwanted
        switch result {
        case .failure(let error):
            attempts[key]?.step = .running
            if unwanted {
                finishStopped(key, now, &effects)
            } else {
                finish(key, .failed, error, now, &effects)
            }
        case .success(let fact):
            attempts[key]?.record.container = fact
            attempts[key]?.step = .running
            attempts[key]?.since = now
            effects.needsSave = true
            if unwanted {
                stopAttempt(key, now, &effects)
                return
            }
            setPhase(key, .running, &effects)
            effects.append(.followLog(key, container: fact.id))
            if !fact.isRunning { attemptContainerEnded(key, fact, now, &effects) }
        }
    }

    mutating func removed(
        _ operation: Operation, _ failure: Failure?, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        if let id = workerID(of: operation) {
            workerRemoved(id, failure, now, &effects)
        } else if let key = attemptKey(of: operation) {
            attemptRemoved(key, failure, now, &effects)
        } else if let id = removals.removeValue(forKey: operation), failure == nil {
            strangers[id] = nil
            if beganBlind { effects.needsSave = true }
        }
    }

    private func attemptKey(of operation: Operation) -> AttemptKey? {
        for (key, attempt) in attempts {
            switch attempt.step {
            case .pulling(operation), .launching(operation), .removing(operation): return key
            case .waiting, .pulling, .fetched, .launching, .placing, .running, .stopping,
                .collecting,
                .uploading, .removing, .done:
                continue
            }
        }
        return nil
    }

    // MARK: What Docker says

    mutating func containerEnded(
        _ fact: ContainerFact, _ now: Instant, _ effects: inout AgentEffects
    ) {
        switch fact.purpose {
        case .worker(let id, _): workerEnded(id, fact, now, &effects)
        case .attempt(let key): attemptContainerEnded(key, fact, now, &effects)
        case .other: break
        }
    }

    private mutating func attemptContainerEnded(
        _ key: AttemptKey, _ fact: ContainerFact, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard let attempt = attempts[key], attempt.step == .running,
            attempt.record.container?.id == fact.id
        else { return }
        effects.needsSave = true
        guard let code = fact.exitCode else {
            let error = Failure(.resultLost, "its container ended, and nobody knows how")
            finish(key, .failed, error, now, &effects)
            return
        }
        attempts[key]?.record.exitCode = code
        // Docker sets the flag when any process was killed, even if the main one coped.
        if fact.outOfMemory, code != 0 {
            let error = Failure(
                .outOfMemory, "the kernel killed it: it used more memory than it may")
            finish(key, .failed, error, now, &effects)
        } else if code != 0 {
            let error = Failure(.exitCode, Self.meaning(ofExitCode: code, attempt.record.order))
            finish(key, .failed, error, now, &effects)
        } else {
            attempts[key]?.step = .collecting
            effects.append(.collect(key, container: fact.id))
        }
    }

    /// Exit codes with a meaning of their own.
    private static let ends: [Int32: String] = [
        126: "is not executable", 127: "was not found",
        132: "crashed on an instruction this machine does not have", 134: "aborted itself",
        135: "crashed: bus error", 136: "crashed: arithmetic error", 137: "was killed",
        139: "crashed: segmentation fault", 143: "was told to end",
    ]

    /// What an exit code says, for people.
    static func meaning(ofExitCode code: Int32, _ order: AttemptOrder) -> String {
        var command = "the command"
        if case .container(let container) = order.place, let name = container.command.first {
            command = "`\(name.prefix(200))`"
        }
        guard let why = Self.ends[code] else {
            let signal = code - 128
            let isSignal = (1...64).contains(signal)
            return isSignal
                ? "\(command) was ended by signal \(signal) (code \(code))"
                : "\(command) ended with code \(code)"
        }
        return "\(command) \(why) (code \(code))"
    }

    /// Compares everything with a full list: the first one adopts, later ones catch what events missed.
    mutating func inventory(
        _ facts: [ContainerFact], _ listedAt: Instant, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        lists += 1
        let sawClearly = seesClearly
        var listed: [String: ContainerFact] = [:]
        for fact in facts { listed[fact.id] = fact }
        // One that is seen to run may not be the only one: several lives may have asked for it.
        if !isSettling(listedAt) {
            knowsItsPast = true
            lateLaunches = []
        }
        adopt(facts, listedAt, now, &effects)
        for (_, worker) in workers where worker.since < listedAt {
            guard case .starting(let fact) = worker.step else {
                if case .ready(let fact) = worker.step { compare(fact, listed, now, &effects) }
                continue
            }
            compare(fact, listed, now, &effects)
        }
        for (_, attempt) in attempts
        where attempt.ownsContainer && attempt.step == .running && attempt.since < listedAt {
            guard let fact = attempt.record.container else { continue }
            compare(fact, listed, now, &effects)
        }
        strangers = [:]
        for fact in facts where !isHeld(fact) {
            strangers[fact.id] = Stranger(
                fact: fact, isAsked: removals.values.contains(fact.id))
        }
        if seesClearly != sawClearly { effects.needsSave = true }
    }

    /// A container that nothing here holds: left by an earlier life, or of an order that is no more.
    struct Stranger: Hashable, Sendable {
        let fact: ContainerFact
        /// Whether its removal was asked for since the last list.
        var isAsked: Bool
    }

    /// Removes what belongs to no order, once the orders are known.
    ///
    /// At once where the journal was lost: what works under a lease that nobody here knows would not end
    /// with it, and the controller may give the work to another node at any time.
    mutating func removeStrangers(_ effects: inout AgentEffects) {
        guard synced || beganBlind else { return }
        for stranger in strangers.values where !stranger.isAsked && !isKnown(stranger.fact) {
            removeOrphan(stranger.fact, &effects)
        }
    }

    /// Whether a container runs that belongs to no order, and holds memory for as long.
    var hasRunningStranger: Bool {
        strangers.values.contains { $0.fact.isRunning && !isKnown($0.fact) }
    }

    /// Whether an attempt still runs in a container that is no worker's any more; that one is removed
    /// first.
    mutating func awaitsStray(_ attempt: Attempted, _ effects: inout AgentEffects) -> Bool {
        guard !attempt.ownsContainer, let id = attempt.record.container?.id,
            let stray = strangers[id], stray.fact.isRunning
        else { return false }
        if !stray.isAsked { removeOrphan(stray.fact, &effects) }
        return true
    }

    private mutating func compare(
        _ known: ContainerFact, _ listed: [String: ContainerFact], _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        if let fact = listed[known.id] {
            if !fact.isRunning { containerEnded(fact, now, &effects) }
            return
        }
        var vanished = known
        vanished.isRunning = false
        vanished.exitCode = 137
        containerEnded(vanished, now, &effects)
    }

    /// Takes up the containers an earlier life of the agent left running: those of workers from the first
    /// list, unless they may work on what nobody knows of, and those of attempts also when Docker was still
    /// making them then.
    private mutating func adopt(
        _ facts: [ContainerFact], _ listedAt: Instant, _ now: Instant,
        _ effects: inout AgentEffects
    ) {
        for fact in facts {
            switch fact.purpose {
            case .worker(let id, let fingerprint):
                guard lists == 1, !beganBlind, fact.isRunning, let worker = workers[id],
                    case .waiting = worker.step
                else {
                    continue
                }
                if worker.order.spec.fingerprint == fingerprint {
                    started(id, fact, now, &effects)
                } else {
                    let error = Failure(.startFailed, "its container was made from an older order")
                    restart(id, fact, error, now, &effects)
                }
            case .attempt(let key):
                guard let attempt = attempts[key], attempt.step == .waiting,
                    attempt.ownsContainer, attempt.record.phase != .uploading
                else { continue }
                attempts[key]?.record.container = fact
                attempts[key]?.step = .running
                attempts[key]?.since = now
                setPhase(key, .running, &effects)
                effects.append(.followLog(key, container: fact.id))
                if attempt.isUnwanted {
                    stopAttempt(key, now, &effects)
                } else if !fact.isRunning {
                    attemptContainerEnded(key, fact, now, &effects)
                }
            case .other: break
            }
        }
        // An own container that ran, or may have, and is gone took its result with it.
        for (key, attempt) in attempts where ranBefore(attempt) {
            if awaitsLaunch(attempt), isSettling(listedAt) { continue }
            attempts[key]?.record.container = nil
            if attempt.isUnwanted {
                finishStopped(key, now, &effects)
                continue
            }
            // Its end may have been known already, when the container was being removed.
            let error =
                attempt.record.error
                ?? Failure(.resultLost, "its container vanished while the agent was away")
            finish(key, .failed, error, now, &effects)
        }
    }

    /// Whether a former life has asked Docker for its container and died before it heard what came of it.
    func awaitsLaunch(_ attempt: Attempted) -> Bool {
        ranBefore(attempt) && attempt.record.container == nil
    }

    /// Whether a former life has run its container, or may have, and nothing is known of it in this one.
    private func ranBefore(_ attempt: Attempted) -> Bool {
        attempt.step == .waiting && attempt.record.phase != .uploading
            && attempt.ownsContainer && attempt.record.mayHaveRun
    }

    /// Whether the container of a worker may still come that a former life has asked for: with it would
    /// come the memory it needs.
    var awaitsLaunches: Bool { !knowsItsPast || !lateLaunches.isEmpty }

    /// The same of another worker than this.
    func awaitsLaunch(besides id: WorkerID) -> Bool {
        !knowsItsPast || lateLaunches.contains { $0 != id }
    }

    /// Whether a list is too early to tell that such a container will not come.
    ///
    /// After a sleep of the machine the time alone does not tell: Docker slept too.
    private func isSettling(_ listedAt: Instant) -> Bool {
        guard let launchesSettleAt else { return false }
        return listedAt < launchesSettleAt || lists < 3
    }

    /// Whether it is the container of a worker or an attempt.
    private func isHeld(_ fact: ContainerFact) -> Bool {
        switch fact.purpose {
        case .worker(let id, _): workers[id]?.container?.id == fact.id
        case .attempt(let key): attempts[key] != nil
        case .other: false
        }
    }

    /// Whether it is held, or is just being made.
    ///
    /// One of the same name from before may work on what nobody knows of: it is not taken for the worker.
    private func isKnown(_ fact: ContainerFact) -> Bool {
        guard case .worker(let id, _) = fact.purpose, let worker = workers[id] else {
            return isHeld(fact)
        }
        switch worker.step {
        case .starting, .ready, .removing, .leaving(_, .some): return isHeld(fact)
        case .launching, .leaving(.some, nil): return true
        case .waiting, .pulling, .fetched, .resting, .leaving(nil, nil): return false
        }
    }

    private mutating func removeOrphan(
        _ fact: ContainerFact, _ effects: inout AgentEffects
    ) {
        guard !removals.values.contains(fact.id) else { return }
        // If that fails, the next list shows it again.
        strangers[fact.id] = Stranger(fact: fact, isAsked: true)
        let operation = nextOperation()
        removals[operation] = fact.id
        effects.append(.remove(operation, container: fact.id, grace: policy.stopGrace))
    }
}

extension WorkerSpec {
    /// A digest of everything a container is made from; the same on every machine (FNV-1a, 64 bit).
    package var fingerprint: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xff) &* 0x100_0000_01b3
        }
        mix(image)
        mix(contract.rawValue)
        mix("\(slots) \(memory ?? -1) \(gpu)")
        for list in [models, devices, components, command] {
            mix("\(list.count)")
            for item in list { mix(item) }
        }
        // Only where there are some: what runs since before there were any is the same still.
        for network in networks { mix(network) }
        // No network has a space in its name.
        if largeOutputs { mix("large outputs") }
        return String(hash, radix: 16)
    }
}
