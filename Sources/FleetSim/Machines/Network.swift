import DequeModule
import FleetCore
import FleetWire

extension World {
    /// How long an agent hears nothing before it gives a connection up, as its shell does.
    private static let agentSilence = Duration.seconds(15)
    /// How long the controller's kernel waits for an acknowledgement before it ends a connection.
    private static let kernelPatience = Duration.seconds(40)
    /// The first wait of TCP before a lost packet is sent again.
    private static let retransmission = Duration.milliseconds(200)

    // MARK: Connecting

    /// Tries to connect, and goes on trying.
    func dial(_ host: Host, _ life: Int) {
        guard host.life == life, host.agent != nil, host.link == nil else { return }
        if host.frozenUntil > now { return plan(.dial(host.index, life), at: host.frozenUntil) }
        let refused = controllers.last?.isAlive != true
        let blocked = host.cable.upBlockedUntil > now || host.cable.downBlockedUntil > now
        guard !refused, !blocked, let leader, leader.frozenUntil <= now else {
            host.failedDials += 1
            let wait = host.redialWait() + (refused ? .zero : .seconds(blocked ? 5 : 2))
            return plan(.dial(host.index, life), after: wait)
        }
        // A deposed controller that still runs may be reached as well.
        var target = leader
        if controllers.count > 1, host.random.permille(200) {
            let before = controllers[controllers.count - 2]
            if before.isAlive { target = before }
        }
        lastLink += 1
        let session = SessionID(lastLink)
        let link = Link(session: session, host: host.index, controller: target.life, at: now)
        links[session] = link
        host.link = link
        host.failedDials = 0
        note(host) { "connects, session \(session)" }
        plan(.agent(host.index, host.life, .connected), after: .milliseconds(5))
        plan(.silence(session), after: Self.agentSilence)
    }

    // MARK: Sending

    func sendUp(_ host: Host, _ message: AgentMessage) {
        guard let link = host.link, link.agentOpen else { return }
        guard let sent = overTheWire(message) else { return }
        link.up.queue.append(.message(sent))
        plan(.arriveUp(link.session), at: arrival(&link.up.lastArrival, host))
    }

    func sendDown(_ process: ControllerProcess, _ outgoing: Effects.Outgoing) {
        guard let link = links[outgoing.session], link.controllerOpen,
            link.controller == process.life
        else { return }
        guard let sent = overTheWire(outgoing.message) else { return }
        link.down.queue.append(.message(sent))
        plan(.arriveDown(link.session), at: arrival(&link.down.lastArrival, hosts[link.host]))
    }

    private func overTheWire(_ message: AgentMessage) -> AgentMessage? {
        tally.frames += 1
        do {
            let bytes = try WireCodec.encode(message)
            trace.mix(bytes)
            let arrived = try WireCodec.decodeAgent(bytes)
            if arrived != message {
                checker.violate(self, .wire, "\(message) arrives as \(arrived)")
            }
            return arrived
        } catch {
            checker.violate(self, .wire, "cannot be sent: \(message): \(error)")
            return nil
        }
    }

    private func overTheWire(_ message: ControllerMessage) -> ControllerMessage? {
        tally.frames += 1
        do {
            let bytes = try WireCodec.encode(message)
            trace.mix(bytes)
            let arrived = try WireCodec.decodeController(bytes)
            if arrived != message {
                checker.violate(self, .wire, "\(message) arrives as \(arrived)")
            }
            return arrived
        } catch {
            checker.violate(self, .wire, "cannot be sent: \(message): \(error)")
            return nil
        }
    }

    /// When a frame sent now arrives: after the one before it.
    private func arrival(_ last: inout Instant, _ host: Host) -> Instant {
        let weather = scenario.weather
        var delay = weather.linkDelay + host.network.duration(upTo: weather.linkJitter)
        var wait = Self.retransmission
        while delay < .seconds(60), host.network.permille(weather.lossPermille) {
            tally.count(.packetLost)
            delay = delay + wait
            wait = wait * 2
        }
        if host.cable.slowUntil > now { delay = delay + host.cable.slowBy }
        last = max(last, now + delay)
        return last
    }

    // MARK: Arriving

    func arriveUp(_ session: SessionID) {
        guard let link = links[session] else { return }
        let host = hosts[link.host]
        if host.cable.upBlockedUntil > now {
            return plan(
                .arriveUp(session),
                at: host.cable.upBlockedUntil + host.network.duration(upTo: Self.retransmission))
        }
        guard let item = link.up.queue.popFirst() else { return }
        guard link.controllerOpen else { return }
        switch item {
        case .end: controllerSeesEnd(link)
        case .message(let message):
            let process = controllers[link.controller]
            var event = ControllerEvent.message(host.name, session, message)
            if case .hello(let hello) = message { event = .connected(hello, session) }
            deliver(process, event)
            if case .report = message, host.network.permille(scenario.weather.replayPermille) {
                tally.count(.frameReplayed)
                deliver(process, event)
            }
        }
    }

    func arriveDown(_ session: SessionID) {
        guard let link = links[session] else { return }
        let host = hosts[link.host]
        if host.cable.downBlockedUntil > now {
            return plan(
                .arriveDown(session),
                at: host.cable.downBlockedUntil
                    + host.network.duration(upTo: Self.retransmission))
        }
        guard let item = link.down.queue.popFirst() else { return }
        guard link.agentOpen else { return }
        switch item {
        case .end: closeAgentEnd(host, link, tells: true)
        case .message(let message):
            link.heardAt = now
            if case .assignments = message { host.toldLife = host.life }
            give(host, .message(message))
        }
    }

    /// Hands an event to a controller: when it can run.
    func deliver(_ process: ControllerProcess, _ event: ControllerEvent) {
        guard process.isAlive else { return }
        if process.frozenUntil > now {
            return plan(.controller(process.life, event), at: process.frozenUntil)
        }
        step(process, event)
    }

    // MARK: Closing

    /// The agent has heard nothing for long: its shell gives the connection up.
    func checkSilence(_ session: SessionID) {
        guard let link = links[session], link.agentOpen else { return }
        let host = hosts[link.host]
        let due = link.heardAt + Self.agentSilence
        if host.frozenUntil > now { return plan(.silence(session), at: host.frozenUntil) }
        if due > now { return plan(.silence(session), at: due) }
        note(host) { "gives up a silent connection" }
        closeAgentEnd(host, link, tells: true)
    }

    /// The agent's end is closed; the controller's end is told unless the machine lost its power.
    func closeAgentEnd(_ host: Host, _ link: Link, tells: Bool) {
        guard link.agentOpen else { return }
        link.agentOpen = false
        if tells, link.controllerOpen {
            link.up.queue.append(.end)
            plan(.arriveUp(link.session), at: arrival(&link.up.lastArrival, host))
        }
        if host.link === link {
            host.link = nil
            if host.agent != nil {
                give(host, .disconnected)
                plan(.dial(host.index, host.life), after: host.redialWait())
            }
        }
        forgetIfClosed(link)
    }

    /// The controller's end is closed; `tells` its own machine when that does not know yet.
    func closeControllerEnd(_ host: Host, _ link: Link, tells: Bool) {
        guard link.controllerOpen else { return }
        link.controllerOpen = false
        link.down.queue.append(.end)
        plan(.arriveDown(link.session), at: arrival(&link.down.lastArrival, host))
        if tells {
            deliver(controllers[link.controller], .disconnected(host.name, link.session))
        }
        forgetIfClosed(link)
    }

    private func controllerSeesEnd(_ link: Link) {
        guard link.controllerOpen else { return }
        link.controllerOpen = false
        deliver(
            controllers[link.controller], .disconnected(hosts[link.host].name, link.session))
        forgetIfClosed(link)
    }

    /// The controller's machine ends a session.
    func close(_ process: ControllerProcess, _ session: SessionID, _ reason: String) {
        guard let link = links[session], link.controllerOpen else { return }
        let host = hosts[link.host]
        note("controller") { "closes \(host.name): \(reason)" }
        closeControllerEnd(host, link, tells: true)
    }

    private func forgetIfClosed(_ link: Link) {
        // An end that was lost with its machine's power leaves the controller's half open.
        guard !link.agentOpen, !link.controllerOpen else { return }
        links[link.session] = nil
    }

    // MARK: Faults

    /// Nothing passes for a time; a connection whose packets stay unanswered breaks.
    func block(_ host: Host, up: Bool, down: Bool, for length: Duration) {
        let until = now + length
        if up { host.cable.upBlockedUntil = max(host.cable.upBlockedUntil, until) }
        if down { host.cable.downBlockedUntil = max(host.cable.downBlockedUntil, until) }
        guard length > Self.kernelPatience, let link = host.link else { return }
        plan(.kernelGivesUp(link.session), after: Self.kernelPatience)
    }

    func kernelGivesUp(_ session: SessionID) {
        guard let link = links[session], link.controllerOpen else { return }
        let cable = hosts[link.host].cable
        guard cable.upBlockedUntil > now || cable.downBlockedUntil > now else { return }
        controllerSeesEnd(link)
    }

    /// Both ends are told, as by a reset.
    func reset(_ host: Host) {
        guard let link = host.link else { return }
        closeControllerEnd(host, link, tells: true)
        closeAgentEnd(host, link, tells: true)
    }
}
