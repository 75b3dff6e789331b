import FleetCore

extension World {
    // MARK: Lives

    func startAgent(_ host: Host) {
        guard host.agent == nil else { return }
        host.life += 1
        let incarnation = Incarnation(
            boot: "b\(host.boot)", after: host.starts, upFor: host.clock.local(now).since(.zero))
        host.starts = incarnation.starts
        host.wakeAt = nil
        host.frozenUntil = .zero
        host.held = []
        host.beganBlind = host.journal.boot == nil
        host.agent = Agent(
            node: host.name, incarnation: incarnation,
            facts: .init(version: "1", processors: 8, memory: host.memory), journal: host.journal,
            renewedAt: host.renewedAt, seed: seeds.seed(.agent, host.index * 100_003 + host.life),
            at: host.clock.local(now))
        note(host) { "agent starts (\(host.starts))" }
        plan(.dial(host.index, host.life), after: host.random.duration(50...300))
        plan(.list(host.index, host.life), after: host.random.duration(20...200))
        planWake(host)
    }

    /// The agent dies and comes back; its containers run on.
    ///
    /// `silently` as with a power cut: nobody tells the controller.
    func crashAgent(_ host: Host, downFor length: Duration, silently: Bool = false) {
        guard host.agent != nil else { return }
        note(host) { "agent dies" }
        host.agent = nil
        host.life += 1
        host.held = []
        host.dies = nil
        impair(host, for: length)
        if let link = host.link {
            host.link = nil
            closeAgentEnd(host, link, tells: !silently)
        }
        plan(.startAgent(host.index, host.life), after: length)
    }

    /// The machine restarts: no container runs on, the disk stays, the clock begins anew.
    func reboot(_ host: Host, downFor length: Duration) {
        note(host) { "reboots" }
        if host.agent == nil {
            // It was down already: it comes up with the machine.
            host.life += 1
            plan(.startAgent(host.index, host.life), after: length)
        }
        crashAgent(host, downFor: length, silently: true)
        host.boot += 1
        host.renewedAt = nil
        host.clock = LocalClock(
            showing: Instant(nanoseconds: 1_000_000_000), at: now,
            driftPPM: drift(.clocks, host.index * 1_009 + host.boot))
        host.docker.reboot(self, host)
        // A cut cable is no shorter for it, but no frame of the old life is left.
    }

    /// The agent forgets everything.
    ///
    /// Its containers run on, unless the whole machine is set up anew.
    func loseDisk(_ host: Host, wholeMachine: Bool, downFor length: Duration) {
        note(host) { wholeMachine ? "is set up anew" : "loses its agent's state" }
        if wholeMachine {
            reboot(host, downFor: length)
            host.docker.loseEverything(self, host)
        } else {
            crashAgent(host, downFor: length)
        }
        forgetEverything(host)
    }

    /// What the agent has on its disk is lost while it is dead.
    func forgetEverything(_ host: Host) {
        host.journal = AgentJournal()
        host.renewedAt = nil
        host.starts = 0
    }

    /// Notes that for so long, and a little after, a node cannot end its leases.
    func impair(_ host: Host, for length: Duration) {
        host.impairedUntil = max(host.impairedUntil, now + length)
    }

    // MARK: Steps

    /// Hands an event to the agent, when it can run.
    func give(_ host: Host, _ event: AgentEvent) {
        guard host.agent != nil else { return }
        if host.frozenUntil > now {
            return plan(.agent(host.index, host.life, event), at: host.frozenUntil)
        }
        step(host, event)
    }

    func step(_ host: Host, _ event: AgentEvent) {
        guard host.agent != nil else { return }
        tally.steps += 1
        if trace.keepsLines, case .message(.renewed) = event {
        } else {
            note(host) { Self.text(of: event) }
        }
        var effects = AgentEffects()
        let begin = stopwatch == nil ? nil : ContinuousClock.now
        host.agent?.step(event, at: host.clock.local(now), &effects)
        if let begin { stopwatch?.agents.add(since: begin) }
        if effects.needsSave || !host.held.isEmpty { guard save(host, &effects) else { return } }
        noteLease(host)
        for effect in effects.list { carryOut(effect, host) }
        planWake(host)
    }

    /// Saves the journal before anything is done; false when the agent died of it.
    private func save(_ host: Host, _ effects: inout AgentEffects) -> Bool {
        guard let agent = host.agent else { return false }
        if let moment = host.dies {
            host.dies = nil
            tally.count(.agentCrashMidStep)
            if moment != .beforeSaving { host.journal = agent.journal }
            if moment == .halfWay {
                for effect in effects.list.prefix(effects.list.count / 2) {
                    carryOut(effect, host)
                }
            }
            crashAgent(host, downFor: .seconds(2))
            return false
        }
        if host.diskFullUntil > now {
            // Heartbeats promise nothing; all the rest waits for the disk.
            for effect in effects.list {
                if case .send(.heartbeat) = effect {
                    carryOut(effect, host)
                } else {
                    host.held.append(effect)
                }
            }
            effects.list = []
            plan(.agent(host.index, host.life, .tick), at: max(host.diskFullUntil, now))
            return true
        }
        host.journal = agent.journal
        guard !host.held.isEmpty else { return true }
        var late = AgentEffects()
        late.list = host.held + effects.list
        host.held = []
        for event in late.expireBeginnings() { answer(host, event, .zero) }
        effects.list = late.list
        return true
    }

    private func noteLease(_ host: Host) {
        if let renewed = host.agent?.renewedAt { host.renewedAt = renewed }
    }

    func planWake(_ host: Host) {
        guard let due = host.agent?.nextWake(), due != .distantFuture else { return }
        // Nearly always what it was.
        if due == host.wakeDue, host.wakeAt != nil { return }
        host.wakeDue = due
        let at = max(host.clock.world(due), now)
        if let planned = host.wakeAt, planned <= at { return }
        host.wakeAt = at
        plan(.wakeAgent(host.index, host.life), at: at)
    }

    func wake(_ host: Host) {
        guard host.agent != nil, host.wakeAt == now else { return }
        host.wakeAt = nil
        if host.frozenUntil > now {
            host.wakeAt = host.frozenUntil
            return plan(.wakeAgent(host.index, host.life), at: host.frozenUntil)
        }
        if let due = host.agent?.nextWake(), due <= host.clock.local(now) {
            step(host, .tick)
        } else {
            planWake(host)
        }
    }
}
