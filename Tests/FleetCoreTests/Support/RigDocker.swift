import FleetCore

/// A container of the model.
struct Container {
    let id: String
    let name: String
    let purpose: ContainerFact.Purpose
    let slots: Int
    let image: String
    var readyAt: Instant
    var isRunning = true
    /// It runs and does nothing more: it answers nobody, and ends no work.
    var hangs = false
    var exitCode: Int32?
    var outOfMemory = false
    /// What it works on.
    var work: [AttemptKey: Work] = [:]

    struct Work {
        /// The life of the agent that waits for the end.
        var life: Int
        var script: Script
    }

    mutating func die(_ code: Int32, outOfMemory: Bool = false) {
        isRunning = false
        exitCode = code
        self.outOfMemory = outOfMemory
        work = [:]
    }

    var fact: ContainerFact {
        ContainerFact(
            id: id, purpose: purpose, isRunning: isRunning, exitCode: exitCode,
            outOfMemory: outOfMemory, image: image, address: "127.0.0.1:5000")
    }
}

/// What a piece of work does, read from its input: `"SECONDS [ok|fail|refuse|crash|oom|deaf]"`.
struct Script {
    var duration: Duration
    var end: String

    init(_ input: String) {
        let words = input.split(separator: " ")
        duration = .milliseconds(Int64((words.first.flatMap { Double($0) } ?? 1) * 1000))
        end = words.count > 1 ? String(words[1]) : "ok"
    }
}

extension World {
    func carryOut(_ effect: AgentEffects.Effect, _ host: Host) {
        let life = host.life
        func reply(_ event: AgentEvent, _ milliseconds: Int64) {
            plan(.agent(host.name, event, life: life), after: .milliseconds(milliseconds))
        }
        switch effect {
        case .send(let message): sendUp(host, message)
        case .disconnect(let why):
            note("\(host.name) disconnects: \(why)")
            loseLink(host.name, controllerSees: true)
        case .pull(let operation, let image): pull(operation, image, host, reply)
        case .launchWorker(let operation, let order, let image):
            let purpose = ContainerFact.Purpose.worker(
                order.id, fingerprint: order.spec.fingerprint)
            launch(operation, "w:\(order.id)", purpose, order.spec.slots, image, host, nil)
        case .launchAttempt(let operation, let order, _, let image):
            launch(
                operation, "a:\(order.key)", .attempt(order.key), 1, image, host,
                Script(order.input))
        case .probe(let id, _, let fact): probe(id, fact.id, host, reply)
        case .remove(let operation, let id, let grace): remove(operation, id, grace, host)
        case .predict(let order, _, let fact): predict(order, fact.id, host, reply)
        case .awaitPrediction(let key, _, let fact):
            host.withContainer(fact.id) {
                guard $0.work[key] != nil else { return }
                $0.work[key]?.life = life
                reply(.predictionStarted(key, .started), 20)
            }
        case .cancelPrediction(let key, _, let fact): cancel(key, fact.id, host)
        case .followLog: break
        case .collect(let key, let id):
            let found = host.containers.contains { $0.id == id }
            reply(.collected(key, found ? nil : Failure(.uploadFailed, "no container")), 50)
        case .upload(let key, _): upload(key, host, life)
        case .forget: break
        case .clean(let order): clean(order, host)
        }
    }

    private func pull(
        _ operation: Operation, _ image: String, _ host: Host, _ reply: (AgentEvent, Int64) -> Void
    ) {
        if host.awayUntil > now {
            let failure = Failure(.dockerUnavailable, "no answer")
            return reply(.pulled(operation, .failure(failure)), 200)
        }
        if settings.missingImages.contains(image) {
            return reply(.pulled(operation, .failure(Failure(.imageNotFound, "no \(image)"))), 200)
        }
        if chance(settings.dockerFailures) {
            return reply(.pulled(operation, .failure(Failure(.pullFailed, "no route"))), 200)
        }
        if host.images.contains(image) { return reply(.pulled(operation, .success(image)), 20) }
        let whole = settings.pullTime.nanoseconds / 1_000_000
        for part in 1...3 {
            let progress = Progress(fraction: Double(part) / 4, text: "pulling")
            reply(.pulling(operation, progress), whole * Int64(part) / 4)
        }
        plan(.call { _ in host.images.insert(image) }, after: settings.pullTime)
        reply(.pulled(operation, .success(image)), whole)
    }

    private func launch(
        _ operation: Operation, _ name: String, _ purpose: ContainerFact.Purpose, _ slots: Int,
        _ image: String, _ host: Host, _ script: Script?
    ) {
        let life = host.life
        let boot = host.boot
        let fails = chance(settings.dockerFailures)
        plan(
            .call { world in
                guard host.boot == boot else { return }
                var answer: Result<ContainerFact, Failure> = .failure(Failure(.startFailed, "no"))
                if let old = host.containers.first(where: {
                    $0.name == name && ($0.isRunning || script != nil) && $0.purpose == purpose
                }) {
                    answer = .success(old.fact)
                } else if !fails {
                    host.containers.removeAll { $0.name == name }
                    world.lastJob += 0
                    world.lastLink += 1
                    var made = Container(
                        id: "c\(world.lastLink)", name: name, purpose: purpose, slots: slots,
                        image: image, readyAt: world.now + world.settings.startupTime)
                    if case .attempt(let key) = purpose, let script {
                        made.work[key] = .init(life: life, script: script)
                        world.planEnd(key, made.id, script, host)
                    }
                    host.containers.append(made)
                    answer = .success(made.fact)
                    world.checker.afterLaunch(world, host)
                }
                world.plan(.agent(host.name, .launched(operation, answer), life: life))
            }, after: settings.launchTime)
    }

    private func probe(
        _ id: WorkerID, _ container: String, _ host: Host, _ reply: (AgentEvent, Int64) -> Void
    ) {
        var readiness = Readiness.silent("connection refused")
        host.withContainer(container) {
            guard $0.isRunning, !$0.hangs else { return }
            if settings.brokenImages.contains($0.image) {
                readiness = .failed("set-up failed")
            } else if now < $0.readyAt {
                readiness = .starting
            } else {
                readiness = $0.work.isEmpty ? .ready : .busy
            }
        }
        reply(.probed(id, container: container, readiness), 20)
    }

    private func predict(
        _ order: AttemptOrder, _ id: String, _ host: Host, _ reply: (AgentEvent, Int64) -> Void
    ) {
        let script = Script(order.input)
        var start = PredictionStart.unreachable("connection refused")
        host.withContainer(id) {
            guard $0.isRunning, !$0.hangs else { return }
            if now < $0.readyAt {
                start = .later("starting")
            } else if $0.work.count >= $0.slots, $0.work[order.key] == nil {
                start = .later("busy")
            } else if script.end == "refuse" {
                start = .refused(Failure(.invalidInput, "no such input"))
            } else {
                start = .started
                $0.work[order.key] = .init(life: host.life, script: script)
                planEnd(order.key, id, script, host)
            }
        }
        checker.afterLaunch(self, host)
        reply(.predictionStarted(order.key, start), 30)
    }

    /// Plans the end of a piece of work, as its script says.
    private func planEnd(_ key: AttemptKey, _ id: String, _ script: Script, _ host: Host) {
        plan(
            .call { world in
                var died: ContainerFact?
                var end: AgentEvent?
                var life = host.life
                host.withContainer(id) {
                    guard $0.isRunning, !$0.hangs, let work = $0.work[key] else { return }
                    life = work.life
                    $0.work[key] = nil
                    if case .attempt = $0.purpose {
                        $0.die(script.end == "fail" ? 1 : 0)
                    }
                    switch script.end {
                    case "fail": end = .predictionEnded(key, .failed(Failure(.workFailed, "bad")))
                    case "crash": $0.die(139)
                    case "oom": $0.die(137, outOfMemory: true)
                    default: end = .predictionEnded(key, .succeeded)
                    }
                    if !$0.isRunning { died = $0.fact }
                }
                if let died {
                    world.plan(
                        .agent(host.name, .ended(died), life: host.life), after: .milliseconds(10))
                } else if let end {
                    world.plan(.agent(host.name, end, life: life), after: .milliseconds(10))
                }
            }, after: script.duration)
    }

    private func cancel(_ key: AttemptKey, _ id: String, _ host: Host) {
        let life = host.life
        plan(
            .call { world in
                host.withContainer(id) {
                    guard $0.isRunning, !$0.hangs, $0.work[key]?.script.end != "deaf" else {
                        return
                    }
                    $0.work[key] = nil
                    world.plan(.agent(host.name, .predictionEnded(key, .cancelled), life: life))
                }
            }, after: .milliseconds(50))
    }

    private func remove(_ operation: Operation, _ id: String, _ grace: Duration, _ host: Host) {
        let life = host.life
        let isDeaf = host.containers.contains { c in
            c.id == id && (c.hangs || c.work.values.contains { $0.script.end == "deaf" })
        }
        let fails = chance(settings.dockerFailures)
        plan(
            .call { world in
                var failure: Failure?
                if fails || host.stuckUntil > world.now {
                    failure = Failure(.dockerUnavailable, "no answer")
                } else {
                    host.containers.removeAll { $0.id == id }
                }
                world.plan(.agent(host.name, .removed(operation, failure), life: life))
            }, after: isDeaf ? grace : .milliseconds(100))
    }

    private func upload(_ key: AttemptKey, _ host: Host, _ life: Int) {
        plan(
            .call { world in
                guard host.life == life else { return }
                // The address comes from the controller; without a link there is none.
                guard host.link != nil, !host.partitioned else {
                    return world.upload(key, host, life)
                }
                let output = Output(name: "out", contentType: "x/y", size: 1, key: "out/\(key)")
                world.plan(.agent(host.name, .uploaded(key, .success([output])), life: life))
            }, after: .milliseconds(100))
    }

    private func clean(_ order: UInt64, _ host: Host) {
        let life = host.life
        plan(
            .call { world in
                var left: [String] = []
                if host.dirty > 0 || host.stuckUntil > world.now {
                    host.dirty = max(host.dirty - 1, 0)
                    left = ["gpu memory 4 GB"]
                } else {
                    host.containers = []
                }
                world.plan(.agent(host.name, .cleaned(order: order, leftovers: left), life: life))
            }, after: .milliseconds(300))
    }
}

extension Host {
    func withContainer(_ id: String, _ body: (inout Container) -> Void) {
        guard let index = containers.firstIndex(where: { $0.id == id }) else { return }
        body(&containers[index])
    }
}
