import FleetCore

extension World {
    /// Whether this call fails: by the weather, by a fault that waits for it, or as the engine is away.
    func fails(_ host: Host, _ call: DockerCall) -> Bool {
        if host.docker.downUntil > now { return true }
        if let left = host.docker.failAfter[call.rawValue] {
            if left == 0 {
                host.docker.failAfter[call.rawValue] = nil
                tally.count(.dockerCallFails)
                return true
            }
            host.docker.failAfter[call.rawValue] = left - 1
        }
        guard !isWhole, host.docker.random.permille(scenario.weather.dockerFailurePermille) else {
            return false
        }
        tally.count(.dockerCallFails)
        return true
    }

    /// Carries out what the agent's machine wants done, as its shell does.
    func carryOut(_ effect: AgentEffects.Effect, _ host: Host) {
        switch effect {
        case .send(let message): sendUp(host, message)
        case .disconnect(let why):
            note(host) { "disconnects: \(why)" }
            if let link = host.link { closeAgentEnd(host, link, tells: true) }
        case .pull(let operation, let image): pull(operation, image, host)
        case .launchWorker(let operation, let order, let image):
            let purpose = ContainerFact.Purpose.worker(
                order.id, fingerprint: order.spec.fingerprint)
            launch(
                Launch(
                    operation: operation, name: "w:\(order.id)", purpose: purpose,
                    slots: order.spec.slots, image: image, script: nil,
                    memory: order.spec.memory ?? 0), host)
            if host.docker.abandons > 0 {
                host.docker.abandons -= 1
                plan(.call { $0.abandonLaunch(host) }, after: .milliseconds(50))
            }
        case .launchAttempt(let operation, let order, let container, let image):
            launch(
                Launch(
                    operation: operation, name: "a:\(order.key)", purpose: .attempt(order.key),
                    slots: 1, image: image, script: JobScript(order.input),
                    memory: container.memory ?? 0), host)
        case .probe(let id, _, let fact): probe(id, fact.id, host)
        case .remove(let operation, let id, let grace):
            checker.removalBegan(self, id, host)
            remove(operation, id, grace, host)
        case .predict(let order, _, let fact):
            checker.placed(self, order, fact, host)
            predict(order, fact.id, host)
        case .awaitPrediction(let key, _, let fact): resume(key, fact.id, host)
        case .cancelPrediction(let key, _, let fact): cancel(key, fact.id, host)
        case .followLog, .forget: break
        case .collect(let key, let id):
            let found = host.docker.index(id) != nil && host.docker.downUntil <= now
            answer(
                host, .collected(key, found ? nil : Failure(.uploadFailed, "no container")),
                .milliseconds(50))
        case .upload(let key, _): upload(key, host, host.life)
        case .clean(let order): clean(order, host)
        }
    }

    /// Plans an answer to this life of the agent.
    func answer(_ host: Host, _ event: AgentEvent, _ delay: Duration) {
        plan(.agent(host.index, host.life, event), after: delay)
    }

    // MARK: Lists and events

    /// What the shell does every ten seconds, and soon again when it failed.
    func list(_ host: Host, _ life: Int) {
        guard host.life == life, host.agent != nil else { return }
        if fails(host, .list) {
            return plan(
                .list(host.index, life), at: max(now + .milliseconds(500), host.docker.downUntil))
        }
        let facts = host.docker.containers.map(\.fact)
        // The list is some time on its way, in which things happen.
        answer(
            host, .containers(facts, listedAt: host.clock.local(now)),
            host.docker.random.duration(5...400))
        plan(.list(host.index, life), after: .seconds(10))
    }

    /// A container has ended; the agent hears of it unless the engine is away.
    func ended(_ host: Host, _ fact: ContainerFact) {
        guard host.docker.downUntil <= now else { return }
        answer(host, .ended(fact), .milliseconds(10))
    }

    // MARK: Images

    private func pull(_ operation: Operation, _ image: String, _ host: Host) {
        if fails(host, .pull) {
            return answer(
                host, .pulled(operation, .failure(Failure(.pullFailed, "no route"))),
                .milliseconds(200))
        }
        if host.docker.images.contains(image) {
            return answer(host, .pulled(operation, .success(image)), .milliseconds(20))
        }
        var whole = scenario.weather.pullTime
        if host.docker.slowPullUntil > now { whole = whole * 10 }
        for part in 1...3 {
            let progress = Progress(fraction: Double(part) / 4, text: "pulling")
            answer(host, .pulling(operation, progress), whole * part / 4)
        }
        plan(.pulled(host.index, host.boot, image), after: whole)
        answer(host, .pulled(operation, .success(image)), whole)
    }

    // MARK: Containers

    /// What a start needs.
    struct Launch {
        let operation: Operation
        let name: String
        let purpose: ContainerFact.Purpose
        let slots: Int
        let image: String
        let script: JobScript?
        let memory: Int64
    }

    private func launch(_ launch: Launch, _ host: Host) {
        let (life, boot) = (host.life, host.boot)
        plan(
            .call { [begun = now] in $0.launched(launch, host, life, boot, since: begun) },
            after: scenario.weather.launchTime
                + host.docker.random.duration(upTo: .milliseconds(200)))
    }

    /// How long the shell waits for an engine that is away before it gives a start up.
    private static let dockerPatience = Duration.seconds(30)

    private func launched(
        _ launch: Launch, _ host: Host, _ life: Int, _ boot: Int, since begun: Instant,
        waited: Bool = false
    ) {
        guard host.boot == boot else { return }
        func reply(_ result: Result<ContainerFact, Failure>) {
            plan(.agent(host.index, life, .launched(launch.operation, result)))
        }
        let end = begun + Self.dockerPatience
        if waited, now >= end {
            // Also when the machine slept meanwhile: what is late is not begun.
            return reply(.failure(Failure(.dockerUnavailable, "the engine is away")))
        }
        if host.docker.downUntil > now {
            let next = min(host.docker.downUntil + .milliseconds(500), end)
            return plan(
                .call {
                    $0.launched(launch, host, life, boot, since: begun, waited: true)
                }, at: max(next, host.frozenUntil))
        }
        if let old = host.docker.containers.first(where: {
            $0.name == launch.name && $0.purpose == launch.purpose
                && ($0.isRunning || launch.script != nil)
        }) {
            return reply(.success(old.fact))
        }
        if host.docker.nameTaken > 0 {
            host.docker.nameTaken -= 1
            tally.count(.nameTaken)
            return reply(
                .failure(Failure(.startFailed, "a container not of this node has the name")))
        }
        if fails(host, .launch) { return reply(.failure(Failure(.startFailed, "no"))) }
        host.docker.containers.removeAll { $0.name == launch.name }
        lastContainer += 1
        host.docker.verified = nil
        var readyAt = now + startup(of: launch.image, host)
        if host.docker.stuck > 0, launch.script == nil {
            host.docker.stuck -= 1
            tally.count(.workerStuck)
            readyAt = .distantFuture
        }
        var made = Container(
            id: "c\(lastContainer)", name: launch.name, purpose: launch.purpose,
            slots: launch.slots, image: launch.image, memory: launch.memory, readyAt: readyAt)
        checker.started(self, made, host)
        if host.docker.exitsEarly > 0 {
            host.docker.exitsEarly -= 1
            tally.count(.exitsEarly)
            made.isRunning = false
            made.exitCode = 1
        } else if case .attempt(let key) = launch.purpose, let script = launch.script {
            begin(key, script, &made, host, life)
        }
        host.docker.containers.append(made)
        reply(.success(made.fact))
    }

    /// How long a worker takes to load its model.
    private func startup(of image: String, _ host: Host) -> Duration {
        guard scenario.weather.takesTemplateStartup,
            let template = fleet.templates.first(where: { $0.worker.image == image })
        else { return scenario.weather.startupTime }
        let usual = template.startupTime.nanoseconds
        return .nanoseconds(
            usual * 4 / 5
                + host.docker.random.duration(upTo: .nanoseconds(usual * 2 / 5)).nanoseconds)
    }

    private func remove(
        _ operation: Operation, _ id: String, _ grace: Duration, _ host: Host
    ) {
        let (life, boot) = (host.life, host.boot)
        let isDeaf = host.docker.containers.contains { container in
            container.id == id
                && (container.hangs || container.work.contains { $0.script.end == .deaf })
        }
        plan(
            .call { $0.removed(operation, id, host, life, boot) },
            after: isDeaf ? grace : .milliseconds(100))
    }

    private func removed(
        _ operation: Operation, _ id: String, _ host: Host, _ life: Int, _ boot: Int
    ) {
        guard host.boot == boot else { return }
        var failure: Failure?
        if fails(host, .remove) {
            failure = Failure(.dockerUnavailable, "no answer")
            impair(host, for: .seconds(20))
        } else {
            take(id, from: host)
        }
        plan(.agent(host.index, life, .removed(operation, failure)))
    }

    /// Removes a container, and with it its work.
    func take(_ id: String, from host: Host) {
        guard let index = host.docker.index(id) else { return }
        endWork(host, index)
        host.docker.containers.remove(at: index)
    }

    /// A container ends.
    func kill(_ host: Host, _ index: Int, _ code: Int32, outOfMemory: Bool = false) {
        guard host.docker.containers[index].isRunning else { return }
        endWork(host, index)
        host.docker.containers[index].isRunning = false
        host.docker.containers[index].exitCode = code
        host.docker.containers[index].outOfMemory = outOfMemory
        ended(host, host.docker.containers[index].fact)
    }

    private func clean(_ order: UInt64, _ host: Host) {
        let (life, boot) = (host.life, host.boot)
        plan(.call { $0.cleaned(order, host, life, boot) }, after: .milliseconds(300))
    }

    private func cleaned(_ order: UInt64, _ host: Host, _ life: Int, _ boot: Int) {
        guard host.boot == boot else { return }
        var left: [String] = []
        if fails(host, .clean) {
            left = ["Docker does not answer"]
        } else if host.docker.dirty > 0 {
            host.docker.dirty -= 1
            tally.count(.leftovers)
            left = ["gpu memory 4 GB"]
        } else {
            for container in host.docker.containers { take(container.id, from: host) }
            host.docker.verified = order
        }
        plan(.agent(host.index, life, .cleaned(order: order, leftovers: left)))
    }

    private func upload(_ key: AttemptKey, _ host: Host, _ life: Int) {
        checker.uploadBegan(self, key, host)
        plan(.call { $0.uploaded(key, host, life) }, after: .milliseconds(100))
    }

    private func uploaded(_ key: AttemptKey, _ host: Host, _ life: Int) {
        guard host.life == life else { return }
        // The address comes from the controller; without a link there is none.
        guard host.link != nil, host.cable.upBlockedUntil <= now else {
            return plan(.call { $0.uploaded(key, host, life) }, after: .seconds(1))
        }
        if uploadsFailUntil > now {
            tally.count(.uploadFails)
            let error = Failure(.uploadFailed, "the object store does not answer")
            return plan(.agent(host.index, life, .uploaded(key, .failure(error))))
        }
        let output = Output(name: "out", contentType: "x/y", size: 1, key: "out/\(key)")
        plan(.agent(host.index, life, .uploaded(key, .success([output]))))
    }
}

extension DockerModel {
    /// The machine restarts: nothing runs on.
    mutating func reboot(_ world: World, _ host: Host) {
        for index in containers.indices where containers[index].isRunning {
            for work in containers[index].work { world.checker.workEnded(work.key, host.index) }
            containers[index].work = []
            containers[index].isRunning = false
            containers[index].exitCode = 137
        }
        downUntil = .zero
        verified = nil
    }

    /// Containers and images are gone.
    mutating func loseEverything(_ world: World, _ host: Host) {
        reboot(world, host)
        containers = []
        images = []
    }
}
