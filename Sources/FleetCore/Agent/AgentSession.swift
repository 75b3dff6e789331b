import OrderedCollections

extension Agent {
    mutating func connected(_ now: Instant, _ effects: inout AgentEffects) {
        link = .greeting
        synced = false
        heldSet = nil
        heartbeats = [:]
        greetedAt = now
        timers.arm(.greeting, at: now + policy.welcomeWithin)
        let hello = Hello(
            node: node, incarnation: incarnation, version: facts.version, term: term,
            processors: facts.processors, memory: facts.memory, attempts: Array(attempts.keys))
        effects.append(.send(.hello(hello)))
    }

    mutating func disconnected() {
        link = .down
        synced = false
        heldSet = nil
        heartbeats = [:]
        timers.disarm(.heartbeat)
        timers.disarm(.greeting)
    }

    mutating func received(
        _ message: ControllerMessage, _ now: Instant, _ effects: inout AgentEffects
    ) {
        switch message {
        case .welcome(let welcome): welcomed(welcome, now, &effects)
        case .renewed(let sequence): renewed(sequence)
        case .assignments(let set): assigned(set, now, &effects)
        case .acknowledged(let sequence): acknowledged(sequence)
        // Logs and uploads are the shell's.
        case .logCredit, .logKept, .uploadGrant, .inputGrant, .unknown: break
        case .goodbye(let reason, _): effects.append(.disconnect(reason))
        }
    }

    private mutating func welcomed(
        _ welcome: Welcome, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard link == .greeting else { return }
        guard welcome.term >= term else {
            effects.append(.disconnect("a controller of the past: term \(welcome.term) < \(term)"))
            return
        }
        link = .live(welcome.session)
        term = welcome.term
        stopAfter = welcome.stopAfter
        if !welcome.hasFormerLife { knowsItsPast = true }
        heartbeatEvery = max(welcome.heartbeat, .milliseconds(100))
        effects.needsSave = true
        timers.disarm(.greeting)
        // The controller counts our lease from the hello.
        renew(from: greetedAt ?? now)
        beat(now, &effects)
        // The controller may be a new one that has seen none of this; what is gone it never asks for.
        for subject in outbox.keys where subject != .cleaning { outbox[subject] = nil }
        for id in workers.keys { report(id, &effects) }
        for key in attempts.keys { report(key, &effects) }
        if let pending = outbox[.cleaning] {
            effects.append(.send(.report(sequence: pending.sequence, pending.report)))
        }
    }

    mutating func beat(_ now: Instant, _ effects: inout AgentEffects) {
        guard isLive else { return }
        lastHeartbeat += 1
        heartbeats[lastHeartbeat] = now
        if heartbeats.count > 64 { heartbeats.removeFirst() }
        timers.arm(.heartbeat, at: now + heartbeatEvery)
        effects.append(.send(.heartbeat(sequence: lastHeartbeat)))
    }

    private mutating func renewed(_ sequence: UInt64) {
        guard let sent = heartbeats.removeValue(forKey: sequence) else { return }
        renew(from: sent)
    }

    private mutating func renew(from sent: Instant) {
        let renewed = max(renewedAt ?? sent, sent)
        renewedAt = renewed
        timers.arm(.lease, at: renewed + stopAfter)
    }

    private mutating func acknowledged(_ sequence: UInt64) {
        if let found = outbox.first(where: { $0.value.sequence == sequence }) {
            outbox[found.key] = nil
        }
    }

    /// Queues a report, in place of an older one of the same subject, and sends it if it can.
    mutating func enqueue(_ subject: Subject, _ report: Report, _ effects: inout AgentEffects) {
        lastReport += 1
        outbox[subject] = Pending(sequence: lastReport, report: report)
        if isLive { effects.append(.send(.report(sequence: lastReport, report))) }
    }

    // MARK: Orders

    private mutating func assigned(
        _ set: Assignments, _ now: Instant, _ effects: inout AgentEffects
    ) {
        guard isLive, set.term >= term else { return }
        if let base = set.appliesTo {
            guard base == heldSet else {
                // A gap: drop it, and begin anew with a complete set.
                effects.append(.disconnect("orders \(set.resultsIn) do not follow \(heldSet ?? 0)"))
                return
            }
        }
        heldSet = set.resultsIn
        effects.needsSave = true
        for order in set.workers { ordered(order, now, &effects) }
        for order in set.attempts { ordered(order, now, &effects) }
        if set.appliesTo == nil {
            let wantedWorkers = Set(set.workers.map(\.id))
            for id in workers.keys where !wantedWorkers.contains(id) { dismiss(id, &effects) }
            let wantedAttempts = Set(set.attempts.map(\.key))
            for key in attempts.keys where !wantedAttempts.contains(key) {
                drop(key, now, &effects)
            }
            synced = true
        } else {
            for id in set.removedWorkers { dismiss(id, &effects) }
            for key in set.removedAttempts { drop(key, now, &effects) }
        }
        cleanOrder = set.cleaning
        if set.appliesTo == nil, set.cleaning != 0, set.cleaning == cleaned {
            if let lastClean, lastClean.order == cleaned {
                enqueue(.cleaning, .cleaned(lastClean), &effects)
            } else {
                // How it ended died with an earlier life: it is done once more.
                cleaned -= 1
            }
        }
    }

    // MARK: The lease

    mutating func leaseEnded(_ now: Instant, _ effects: inout AgentEffects) {
        let seconds = stopAfter.components.seconds
        for (key, attempt) in attempts {
            if attempt.step == .stopping { hasten(key, now) }
            stopByItself(key, "not heard by the controller for \(seconds) s", now, &effects)
        }
    }

    // MARK: Cleaning

    mutating func cleanIfOrdered(_ effects: inout AgentEffects) {
        // What a former life asked Docker for may still come, and would be on a node that is called clean.
        guard cleanOrder > cleaned, cleaning == nil, inventoried, synced, workers.isEmpty,
            attempts.isEmpty, removals.isEmpty, !awaitsLaunches
        else { return }
        cleaning = cleanOrder
        effects.append(.clean(order: cleanOrder))
    }

    mutating func cleanedUp(
        _ order: UInt64, _ leftovers: [String], _ effects: inout AgentEffects
    ) {
        guard cleaning == order else { return }
        cleaning = nil
        // Also a failed order is done: the controller gives the next.
        cleaned = max(cleaned, order)
        effects.needsSave = true
        let report = CleanReport(order: order, leftovers: Array(leftovers.prefix(20)))
        lastClean = report
        enqueue(.cleaning, .cleaned(report), &effects)
    }
}
