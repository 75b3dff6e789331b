import FleetCore

/// A node of the world: the agent's machine, its disk, its link and its Docker engine.
final class Host {
    let name: NodeName
    var agent: Agent?
    /// Which life of the agent it is; answers to another are dropped.
    var life = 0
    var boot = 1
    var starts: UInt64 = 0
    /// What is on its disk.
    var journal = AgentJournal()
    var renewedAt: Instant?
    var wakeAt: Instant?
    var frozenUntil = Instant.zero

    /// When the certificate that it shows was issued.
    var certifiedAt = Instant.distantFuture
    var link: Link?
    /// Nothing passes, and nobody is told.
    var partitioned = false

    var containers: [Container] = []
    var images: Set<String> = []
    /// How many orders to clean leave something behind.
    var dirty = 0
    /// Docker does not answer who wants an image until then.
    var awayUntil = Instant.zero
    /// Removals fail until then.
    var stuckUntil = Instant.zero

    struct Link {
        let id: UInt64
        var lastUp = Instant.zero
        var lastDown = Instant.zero
        /// Sent while nothing passed; it comes when the network is back, as with TCP.
        var heldUp: [AgentMessage] = []
        var heldDown: [ControllerMessage] = []
    }

    init(_ name: NodeName) { self.name = name }
}

extension World {
    func host(_ name: NodeName) -> Host {
        guard let host = hosts[name] else { fatalError("no host \(name)") }
        return host
    }

    func addHost(_ name: NodeName) {
        hosts[name] = Host(name)
        startAgent(name)
        plan(.list(name), after: .seconds(30) + jitter(.seconds(5)))
    }

    // MARK: Lives of the agent

    func startAgent(_ name: NodeName) {
        let host = host(name)
        guard host.agent == nil else { return }
        host.life += 1
        host.starts += 1
        host.wakeAt = nil
        host.frozenUntil = .zero
        host.agent = Agent(
            node: name, incarnation: Incarnation(boot: "b\(host.boot)", starts: host.starts),
            facts: .init(
                version: "1", processors: 8, memory: settings.memory[name] ?? 1 << 35),
            journal: host.journal, renewedAt: host.renewedAt, seed: seed &+ host.starts, at: now)
        note("\(name) agent starts (\(host.starts))")
        plan(.dial(name, life: host.life), after: .milliseconds(100) + jitter(.milliseconds(200)))
        let life = host.life
        plan(
            .call { world in
                let facts = host.containers.map(\.fact)
                world.plan(.agent(name, .containers(facts, listedAt: world.now), life: life))
            }, after: .milliseconds(20) + jitter(.milliseconds(200)))
        planWake(host)
    }

    /// The agent dies and comes back; its containers run on.
    func crashAgent(_ name: NodeName, downFor seconds: Double) {
        let host = host(name)
        guard host.agent != nil else { return }
        note("\(name) agent crashes")
        host.agent = nil
        host.life += 1
        loseLink(name, controllerSees: true)
        after(seconds) { $0.startAgent(name) }
    }

    /// The machine restarts: no container runs on, the disk stays.
    func reboot(_ name: NodeName, downFor seconds: Double) {
        let host = host(name)
        note("\(name) reboots")
        crashAgent(name, downFor: seconds)
        host.boot += 1
        host.renewedAt = nil
        for index in host.containers.indices { host.containers[index].die(137) }
    }

    func freeze(_ name: NodeName, for seconds: Double) {
        note("\(name) frozen for \(seconds) s")
        host(name).frozenUntil = now + .milliseconds(Int64(seconds * 1000))
    }

    func step(_ host: Host, _ event: AgentEvent) {
        guard host.agent != nil else { return }
        var effects = AgentEffects()
        host.agent?.step(event, at: now, &effects)
        if effects.needsSave, let agent = host.agent {
            host.journal = agent.journal
            host.renewedAt = agent.renewedAt
        }
        for effect in effects.list { carryOut(effect, host) }
        planWake(host)
    }

    private func planWake(_ host: Host) {
        guard let due = host.agent?.nextWake() else { return }
        let at = max(due, now)
        if let planned = host.wakeAt, planned <= at { return }
        host.wakeAt = at
        plan(.wakeAgent(host.name, life: host.life), at: at)
    }

    func listContainers(_ name: NodeName) {
        guard let host = hosts[name] else { return }
        let facts = host.containers.map(\.fact)
        let event = AgentEvent.containers(facts, listedAt: now)
        // The list is some time on its way, in which things happen.
        plan(.agent(name, event, life: host.life), after: jitter(.milliseconds(400)))
        plan(.list(name), after: .seconds(30))
    }

    // MARK: The link

    func dial(_ name: NodeName, _ life: Int) {
        guard let host = hosts[name], host.life == life, host.agent != nil, host.link == nil else {
            return
        }
        guard brain.controller != nil, brain.frozenUntil <= now, host.frozenUntil <= now,
            !host.partitioned
        else { return plan(.dial(name, life: life), after: .seconds(1) + jitter(.seconds(1))) }
        lastLink += 1
        host.link = Host.Link(id: lastLink)
        plan(.agent(name, .connected, life: life))
    }

    /// Nothing passes any more, until `heal`; after a while the agent's side gives up the link.
    func partition(_ name: NodeName, for seconds: Double) {
        let host = host(name)
        note("\(name) partitioned for \(seconds) s")
        host.partitioned = true
        let link = host.link?.id
        after(20) {
            if host.partitioned, host.link?.id == link { $0.loseLink(name, controllerSees: false) }
        }
        after(seconds) { $0.heal(name) }
    }

    func heal(_ name: NodeName) {
        let host = host(name)
        guard host.partitioned else { return }
        note("\(name) healed")
        host.partitioned = false
        let up = host.link?.heldUp ?? []
        let down = host.link?.heldDown ?? []
        host.link?.heldUp = []
        host.link?.heldDown = []
        for message in up { sendUp(host, message) }
        for message in down { sendDown(host, message) }
    }

    /// The link breaks; both ends are told, as by a reset, unless the controller cannot be.
    func loseLink(_ name: NodeName, controllerSees: Bool) {
        guard let host = hosts[name], let link = host.link else { return }
        note("\(name) loses its link")
        host.link = nil
        plan(.agent(name, .disconnected, life: host.life))
        if controllerSees, !host.partitioned {
            let event = ControllerEvent.disconnected(name, SessionID(link.id))
            plan(.controller(event, epoch: brain.epoch), after: settings.linkDelay)
        }
        plan(.dial(name, life: host.life), after: .seconds(1) + jitter(.seconds(1)))
    }

    func close(_ session: SessionID, _ reason: String) {
        guard let host = hosts.values.first(where: { $0.link?.id == session.value }) else { return }
        note("controller closes \(host.name): \(reason)")
        loseLink(host.name, controllerSees: true)
    }

    func sendUp(_ host: Host, _ message: AgentMessage) {
        guard let link = host.link else { return }
        let at = max(link.lastUp, now + settings.linkDelay + jitter(settings.linkJitter))
        host.link?.lastUp = at
        plan(.up(host.name, message, link: link.id), at: at)
    }

    func sendDown(_ outgoing: Effects.Outgoing) {
        guard let host = hosts[outgoing.node], host.link?.id == outgoing.session.value else {
            return
        }
        sendDown(host, outgoing.message)
    }

    private func sendDown(_ host: Host, _ message: ControllerMessage) {
        guard let link = host.link else { return }
        let at = max(link.lastDown, now + settings.linkDelay + jitter(settings.linkJitter))
        host.link?.lastDown = at
        plan(.down(host.name, message, link: link.id), at: at)
    }

    func arriveUp(_ name: NodeName, _ message: AgentMessage, _ link: UInt64) {
        guard let host = hosts[name], host.link?.id == link else { return }
        if host.partitioned {
            host.link?.heldUp.append(message)
            return
        }
        let session = SessionID(link)
        var event = ControllerEvent.message(name, session, message)
        if case .hello(let hello) = message {
            event = .connected(hello, session, issuedAt: host.certifiedAt)
        }
        plan(.controller(event, epoch: brain.epoch))
        if case .report = message, chance(settings.duplicates) {
            plan(.controller(event, epoch: brain.epoch))
        }
    }

    func arriveDown(_ name: NodeName, _ message: ControllerMessage, _ link: UInt64) {
        guard let host = hosts[name], host.link?.id == link else { return }
        if host.partitioned {
            host.link?.heldDown.append(message)
            return
        }
        if case .assignments = message { note("\(name) ◂ \(message)") }
        plan(.agent(name, .message(message), life: host.life))
    }
}
