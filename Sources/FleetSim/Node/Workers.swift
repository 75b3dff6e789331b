import FleetCore

/// How a worker of the model is driven, by its agent's shell.
extension World {
    func probe(_ id: WorkerID, _ container: String, _ host: Host) {
        var readiness = Readiness.silent("connection refused")
        if !fails(host, .probe), let index = host.docker.index(container) {
            let found = host.docker.containers[index]
            if !found.isRunning {
                readiness = .silent("connection refused")
            } else if found.flapsUntil > now {
                readiness = .silent("no answer")
            } else if now < found.readyAt {
                readiness = .starting
            } else {
                readiness = found.work.isEmpty ? .ready : .busy
                if !isWhole, host.docker.random.permille(scenario.weather.liePermille) {
                    tally.count(.workerLies)
                    readiness = host.docker.random.pick([.ready, .busy, .starting])
                }
            }
        }
        answer(host, .probed(id, container: container, readiness), .milliseconds(20))
    }

    func predict(_ order: AttemptOrder, _ id: String, _ host: Host) {
        var start = PredictionStart.unreachable("connection refused")
        if !fails(host, .predict), let index = host.docker.index(id),
            host.docker.containers[index].isRunning, host.docker.containers[index].flapsUntil <= now
        {
            start = take(order, host, index)
            // It was heard, but its answer is lost.
            if !isWhole, host.docker.random.permille(scenario.weather.dockerFailurePermille) {
                tally.count(.dockerCallFails)
                start = .unreachable("connection reset")
            }
        }
        answer(host, .predictionStarted(order.key, start), .milliseconds(30))
    }

    private func take(_ order: AttemptOrder, _ host: Host, _ index: Int) -> PredictionStart {
        let found = host.docker.containers[index]
        if now < found.readyAt { return .later("starting") }
        // The same key again is the same work, as Cog has it.
        if found.work(order.key) != nil { return .started }
        if found.work.count >= found.slots { return .later("busy") }
        let script = JobScript(order.input)
        if script.end == .refuse { return .refused(Failure(.invalidInput, "no such input")) }
        if !isWhole, host.docker.random.permille(scenario.weather.liePermille) {
            tally.count(.workerLies)
            return .later("not now")
        }
        begin(order.key, script, &host.docker.containers[index], host, host.life)
        return .started
    }

    /// Work begins in a container, and its end is planned.
    func begin(
        _ key: AttemptKey, _ script: JobScript, _ container: inout Container, _ host: Host,
        _ life: Int
    ) {
        container.work.append(.init(key: key, script: script, life: life))
        checker.workBegan(self, key, host.index)
        if script.end == .hang { return tally.count(.workerDeaf) }
        plan(.workEnds(host.index, host.boot, container.id, key), after: script.length)
    }

    /// A piece of work comes to its end, as its script says.
    func workEnds(_ host: Host, _ boot: Int, _ id: String, _ key: AttemptKey) {
        guard host.boot == boot, let index = host.docker.index(id),
            host.docker.containers[index].isRunning, !host.docker.containers[index].hangs,
            let work = host.docker.containers[index].work(key)
        else { return }
        switch work.script.end {
        case .crash:
            tally.count(.workerCrash)
            return kill(host, index, 139)
        case .oom:
            tally.count(.workerOOM)
            return kill(host, index, 137, outOfMemory: true)
        case .ok, .fail, .refuse, .deaf, .silent, .hang, .twice: break
        }
        if case .attempt = host.docker.containers[index].purpose {
            return kill(host, index, [.fail, .refuse].contains(work.script.end) ? 1 : 0)
        }
        let hasOneSlot = host.docker.containers[index].slots == 1
        host.docker.containers[index].work.removeAll { $0.key == key }
        checker.workEnded(key, host.index)
        // With one slot an idle worker gives it away; with more nothing would.
        if work.script.end == .silent, hasOneSlot { return tally.count(.workerSilent) }
        let end =
            work.script.end == .fail
            ? PredictionEnd.failed(Failure(.workFailed, "bad")) : .succeeded
        plan(.agent(host.index, work.life, .predictionEnded(key, end)), after: .milliseconds(10))
        if work.script.end == .twice {
            tally.count(.workerLies)
            plan(
                .agent(host.index, work.life, .predictionEnded(key, end)),
                after: .milliseconds(500))
        }
    }

    /// A new life of the agent waits for work begun before.
    func resume(_ key: AttemptKey, _ id: String, _ host: Host) {
        guard let index = host.docker.index(id),
            let place = host.docker.containers[index].work.firstIndex(where: { $0.key == key })
        else { return }
        host.docker.containers[index].work[place].life = host.life
        answer(host, .predictionStarted(key, .started), .milliseconds(20))
    }

    func cancel(_ key: AttemptKey, _ id: String, _ host: Host) {
        let life = host.life
        guard !fails(host, .cancel) else { return }
        plan(
            .call { world in
                guard let index = host.docker.index(id), !host.docker.containers[index].hangs
                else { return }
                guard let work = host.docker.containers[index].work(key) else {
                    // It knows of no such work: nothing of it runs.
                    return world.plan(
                        .agent(host.index, life, .predictionEnded(key, .cancelled)))
                }
                if work.script.end == .deaf { return world.tally.count(.workerDeaf) }
                host.docker.containers[index].work.removeAll { $0.key == key }
                world.checker.workEnded(key, host.index)
                world.plan(.agent(host.index, life, .predictionEnded(key, .cancelled)))
            }, after: .milliseconds(50))
    }

    /// All work in a container ends with it.
    func endWork(_ host: Host, _ index: Int) {
        for work in host.docker.containers[index].work {
            checker.workEnded(work.key, host.index)
        }
        host.docker.containers[index].work = []
    }
}
