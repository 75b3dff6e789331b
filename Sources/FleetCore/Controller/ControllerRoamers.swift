import OrderedCollections

extension Controller {
    // MARK: Requests

    mutating func assign(
        _ request: RequestID, _ name: NodeName, _ what: AssignmentRequest, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let node = nodes[name] else { return refuseNode(request, name, &effects) }
        if let refusal = refusalToAssign(name, node) {
            effects.replies.append((request, .refused(refusal)))
            return
        }
        let mode: Assignment.Mode =
            switch what.mode {
            case .untilIdle: .untilIdle(policy.defaultIdle)
            case .fixed(let time): .until(now + time)
            case .manual: .manual
            }
        switch target(what.target) {
        case .failure(let refusal): effects.replies.append((request, .refused(refusal)))
        case .success(let target) where target.worker.contract == .exec:
            let text = "\(target.worker.image) runs to its end; submit a job for it instead"
            effects.replies.append((request, .refused(Refusal(.invalid, text))))
        case .success(let target) where !fits(target.worker.memory ?? 0, on: name):
            let why = misfit(target.worker.memory ?? 0, [name], called: "one chosen") ?? ""
            effects.replies.append((request, .refused(Refusal(.doesNotFit, why))))
        case .success(let target):
            lend(
                name, .manual, cluster: target.cluster, template: target.template,
                worker: target.worker, mode: mode, "assigned by hand", now, &effects)
            effects.replies.append((request, .done))
        }
    }

    private func refusalToAssign(_ name: NodeName, _ node: Node) -> Refusal? {
        guard let roamer = node.record.roamer else {
            return Refusal(
                .conflict, "\(name) is no roamer: it belongs to \(node.cluster ?? "none")")
        }
        if roamer.state != .idle {
            return Refusal(
                .conflict, "roamer \(name) is \(roamer.state.rawValue): \(roamer.reason)")
        }
        if node.state != .ready {
            return Refusal(.conflict, "node \(name) is \(node.state.rawValue): \(node.reason)")
        }
        if !node.isSchedulable { return Refusal(.conflict, "node \(name) is cordoned or draining") }
        return nil
    }

    private struct LendingTarget {
        var cluster: ClusterName?
        var template: TemplateName?
        var worker: WorkerSpec
    }

    private func target(_ target: AssignmentRequest.Target) -> Result<LendingTarget, Refusal> {
        switch target {
        case .cluster(let name):
            guard let cluster = self.cluster(name) else {
                return .failure(Refusal(.notFound, "no cluster is named \(name)"))
            }
            guard let help = helper(of: cluster) else {
                let text = "cluster \(name) has neither a template nor a service to run"
                return .failure(Refusal(.invalid, text))
            }
            return .success(
                LendingTarget(cluster: name, template: help.template, worker: help.worker))
        case .template(let name):
            guard let template = self.template(name) else {
                return .failure(Refusal(.notFound, "no template is named \(name)"))
            }
            // A template that helps a cluster joins it.
            let cluster = index.place(helpedBy: name).map { fleet.clusters[$0].name }
            return .success(
                LendingTarget(cluster: cluster, template: name, worker: template.worker))
        case .image(let image, digest: let digest):
            var worker = WorkerSpec(image: image, contract: .opaque)
            worker.imageDigest = digest
            return .success(LendingTarget(cluster: nil, template: nil, worker: worker))
        }
    }

    /// What a roamer runs to help a cluster: its template, else its service's own worker.
    func helper(of cluster: ClusterSpec) -> (template: TemplateName?, worker: WorkerSpec)? {
        if let name = cluster.template, let template = self.template(name) {
            return (name, template.worker)
        }
        if let name = cluster.service, let service = self.service(name) {
            return (nil, service.worker)
        }
        return nil
    }

    mutating func release(
        _ request: RequestID, _ name: NodeName, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name] else { return refuseNode(request, name, &effects) }
        guard let roamer = node.record.roamer else {
            let text = "\(name) is no roamer"
            effects.replies.append((request, .refused(Refusal(.conflict, text))))
            return
        }
        switch roamer.state {
        case .idle, .cleanup: break
        case .quarantined: beginCleanup(name, "asked for by hand", now, &effects)
        case .assigned, .provisioning, .running:
            releaseAssignment(name, "released by hand", now, &effects)
        }
        effects.replies.append((request, .done))
    }

    // MARK: The life cycle

    mutating func setRoamer(
        _ name: NodeName, _ state: RoamerState, _ reason: String, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let roamer = nodes[name]?.record.roamer else { return }
        nodes[name]?.record.roamer?.reason = reason
        effects.nodes.append(name)
        guard roamer.state != state else { return }
        precondition(
            roamer.state.successors.contains(state),
            "a roamer cannot go from \(roamer.state) to \(state)")
        emit(
            .roamer, now, &effects, node: name, from: roamer.state.rawValue, to: state.rawValue,
            reason: reason, lasted: now.since(roamer.since))
        nodes[name]?.record.roamer?.state = state
        nodes[name]?.record.roamer?.since = now
        reindex(name)
        armRoamer(name, now)
        touchClusters(of: name)
    }

    /// Arms the deadline of the state the roamer is in.
    mutating func armRoamer(_ name: NodeName, _ now: Instant) {
        guard let roamer = nodes[name]?.record.roamer else { return }
        switch roamer.state {
        case .idle: timers.disarm(.roamer(name))
        case .assigned: timers.arm(.roamer(name), at: now + policy.assignedWithin)
        case .provisioning: timers.arm(.roamer(name), at: now + provisioningStall(roamer))
        case .running: timers.disarm(.roamer(name))
        case .cleanup: timers.arm(.roamer(name), at: now + policy.cleaningWithin)
        case .quarantined: timers.arm(.roamer(name), at: now + policy.quarantineRetry)
        }
        guard let assignment = roamer.assignment else {
            timers.disarm(.lent(name))
            return
        }
        switch assignment.mode {
        case .until(let end): timers.arm(.lent(name), at: end)
        case .untilIdle(let idle):
            if roamer.state == .running, nodes[name]?.attempts.isEmpty == true {
                timers.arm(.lent(name), at: now + idle)
            }
        case .manual, .whileNeeded: break
        }
    }

    private func provisioningStall(_ roamer: Roamer) -> Duration {
        let startup = roamer.assignment.flatMap { self.startup(of: $0) }
        return readyWithin(startup) + policy.provisioningSlack
    }

    /// Lends an idle roamer.
    mutating func lend(
        _ name: NodeName, _ purpose: Assignment.Purpose, cluster: ClusterName?,
        template: TemplateName?, worker: WorkerSpec?, mode: Assignment.Mode, _ reason: String,
        _ now: Instant, _ effects: inout Effects
    ) {
        precondition(nodes[name]?.record.roamer?.state == .idle, "only an idle roamer is lent")
        counters.assignment += 1
        let assignment = Assignment(
            number: counters.assignment, purpose: purpose, cluster: cluster, template: template,
            worker: worker, mode: mode, since: now)
        nodes[name]?.record.roamer?.assignment = assignment
        reindex(name)
        settleUsage(now)
        nodes[name]?.provisioningSince = now
        nodes[name]?.restartsWhenReady = nil
        emit(
            .assignment, now, &effects, job: job(of: purpose), node: name,
            to: template?.rawValue ?? cluster?.rawValue ?? worker?.image, reason: reason)
        setRoamer(name, .assigned, reason, now, &effects)
        unordered.append(name)
    }

    private func job(of purpose: Assignment.Purpose) -> JobID? {
        if case .job(let id) = purpose { return id }
        return nil
    }

    mutating func workerReported(
        _ name: NodeName, _ report: WorkerReport, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name] else { return }
        let before = node.workers[report.id]
        if report.phase == .gone {
            nodes[name]?.workers[report.id] = nil
            nodes[name]?.workerSince[report.id] = nil
        } else {
            nodes[name]?.workers[report.id] = report
        }
        if before?.phase != report.phase {
            let lasted = node.workerSince[report.id].map { now.since($0) }
            nodes[name]?.workerSince[report.id] = report.phase == .gone ? nil : now
            emit(
                .pod, now, &effects, node: name, from: before?.phase.rawValue,
                to: report.phase.rawValue,
                reason: report.error.map { "\(report.id): \($0.message)" } ?? "\(report.id)",
                lasted: lasted)
            touchClusters(of: name)
        }
        if node.isRoamer {
            roamerWorker(name, report, before, now, &effects)
        } else if report.phase == .ready {
            releaseBackup(of: name, now, &effects)
        }
    }

    /// Moves a roamer along as its worker does.
    private mutating func roamerWorker(
        _ name: NodeName, _ report: WorkerReport, _ before: WorkerReport?, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let node = nodes[name], let roamer = node.record.roamer,
            let assignment = roamer.assignment, assignment.workerID == report.id
        else { return }
        switch (roamer.state, report.phase) {
        case (.assigned, .ready), (.provisioning, .ready):
            if let cluster = assignment.cluster { templateTrouble[cluster] = nil }
            nodes[name]?.restartsWhenReady = report.restarts
            if let cluster = assignment.cluster, node.provisioningSince == assignment.since {
                demand[cluster, default: Demand()].helperStarted(now.since(assignment.since))
            }
            setRoamer(name, .running, "\(report.id) is ready", now, &effects)
        case (.assigned, .accepted), (.assigned, .pulling), (.assigned, .starting):
            setRoamer(
                name, .provisioning, report.progress?.text ?? "starting", now, &effects)
        case (.provisioning, .pulling), (.provisioning, .starting), (.provisioning, .accepted):
            if report.phase != before?.phase || report.progress != before?.progress {
                let begun = nodes[name]?.provisioningSince ?? roamer.since
                if now.since(begun) < policy.provisioningLimit { armRoamer(name, now) }
            }
        case (.assigned, .failed), (.provisioning, .failed):
            let error = report.error ?? Failure(.startFailed, "the worker failed without a word")
            // A worker that was ready once is given its tries anew; no error of then is for good.
            let proven = node.restartsWhenReady
            let restarts = report.restarts - min(proven ?? 0, report.restarts)
            // One that had its time would take as long again; another roamer may do better.
            let hadItsTime = error.code == .workerNotReady || error.code == .setupFailed
            if proven == nil && !error.code.isRetryable || hadItsTime || restarts >= 2 {
                provisioningFailed(name, error, now, &effects)
            } else if roamer.state == .assigned {
                setRoamer(name, .provisioning, error.message, now, &effects)
            }
        case (.running, .failed), (.running, .pulling), (.running, .starting):
            nodes[name]?.provisioningSince = now
            setRoamer(
                name, .provisioning, report.error?.message ?? "its worker restarts", now, &effects)
        default: break
        }
    }

    /// For a job that brings its own container, the attempt is what provisions the roamer.
    mutating func attemptAdvancedOnRoamer(
        _ name: NodeName, _ key: AttemptKey, _ state: AttemptState, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let roamer = nodes[name]?.record.roamer, let assignment = roamer.assignment,
            assignment.worker == nil
        else { return }
        switch (roamer.state, state) {
        case (.assigned, .provisioning):
            setRoamer(name, .provisioning, "preparing job \(key.job)", now, &effects)
        case (.assigned, .running), (.provisioning, .running):
            setRoamer(name, .running, "running job \(key.job)", now, &effects)
        default: break
        }
    }

    /// A job's own container that makes progress while it is pulled is not overdue.
    mutating func attemptProgressedOnRoamer(_ name: NodeName, _ now: Instant) {
        guard let node = nodes[name], let roamer = node.record.roamer,
            roamer.state == .provisioning,
            let assignment = roamer.assignment, assignment.worker == nil,
            assignment.releasing == nil
        else { return }
        let begun = node.provisioningSince ?? roamer.since
        if now.since(begun) < policy.provisioningLimit { armRoamer(name, now) }
    }

    mutating func attemptEndedOnRoamer(
        _ name: NodeName, _ key: AttemptKey, _ error: Failure?, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let node = nodes[name], let roamer = node.record.roamer, node.attempts.isEmpty
        else { return }
        guard let assignment = roamer.assignment else {
            // It joined the pool while it still worked for its old cluster.
            if roamer.state == .cleanup { beginCleanup(name, roamer.reason, now, &effects) }
            return
        }
        if let why = assignment.releasing {
            beginCleanup(name, why, now, &effects)
        } else if case .job(let id) = assignment.purpose {
            beginCleanup(name, error?.message ?? "job \(id) has ended", now, &effects)
        } else {
            armRoamer(name, now)
        }
    }

    private mutating func provisioningFailed(
        _ name: NodeName, _ error: Failure, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name], let assignment = node.record.roamer?.assignment else {
            return
        }
        for key in node.attempts { stop(key, .evicted, now, &effects) }
        if let cluster = assignment.cluster, assignment.purpose != .manual {
            var trouble = templateTrouble[cluster] ?? TemplateTrouble(until: now)
            trouble.failures += 1
            trouble.error = error
            trouble.until =
                now + policy.templateBackOff.delay(failures: trouble.failures, using: &random)
            templateTrouble[cluster] = trouble
            timers.arm(.template(cluster), at: trouble.until)
        }
        releaseAssignment(name, "\(error.code): \(error.message)", now, &effects)
        if case .job(let id) = assignment.purpose, let job = jobs[id], !job.isActive {
            // It was made ready before its time; the job's own tries have not begun.
            if prerequisites.isWaiting(id) { return stopExpecting(id) }
            tryAgain(id, error, from: job, attempt: nil, now, &effects)
        }
    }

    mutating func roamerOverdue(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        guard let node = nodes[name], let roamer = node.record.roamer else { return }
        // Nothing can be expected of a node we do not hear; its return starts the clock anew.
        if node.state != .ready {
            if roamer.state != .quarantined { timers.arm(.roamer(name), at: now + .seconds(15)) }
            return
        }
        switch roamer.state {
        case .idle, .running: break
        case .assigned:
            let error = Failure(.provisioningFailed, "the agent did not confirm in time")
            provisioningFailed(name, error, now, &effects)
        case .provisioning:
            let text = "not ready within \(provisioningStall(roamer).components.seconds) s"
            provisioningFailed(name, Failure(.workerNotReady, text), now, &effects)
        case .cleanup:
            // One that joined the pool while it still worked is cleaned when that has ended.
            guard node.attempts.isEmpty else {
                timers.arm(.roamer(name), at: now + policy.cleaningWithin)
                return
            }
            cleaningFailed(name, ["the agent did not finish in time"], now, &effects)
        case .quarantined: beginCleanup(name, "trying to clean it again", now, &effects)
        }
    }

    mutating func assignmentDue(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        guard let node = nodes[name], let assignment = node.record.roamer?.assignment else {
            return
        }
        switch assignment.mode {
        case .until: releaseAssignment(name, "its time is over", now, &effects)
        case .untilIdle(let idle):
            guard node.attempts.isEmpty else { return }
            if let cluster = assignment.cluster.flatMap(self.cluster),
                assignment.purpose == .overflow, isStillNeeded(cluster, now)
            {
                timers.arm(.lent(name), at: now + idle)
                return
            }
            let text = "idle for \(idle.components.seconds) s"
            releaseAssignment(name, text, now, &effects)
        case .manual, .whileNeeded: break
        }
    }

    /// Ends an assignment: at once when nothing runs, else with what runs.
    mutating func releaseAssignment(
        _ name: NodeName, _ why: String, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name], let roamer = node.record.roamer, roamer.assignment != nil,
            roamer.state != .cleanup
        else { return }
        if node.attempts.isEmpty {
            beginCleanup(name, why, now, &effects)
        } else if roamer.assignment?.releasing == nil {
            nodes[name]?.record.roamer?.assignment?.releasing = why
            effects.nodes.append(name)
        }
    }

    /// Gives back a roamer that only waits for a job that has ended.
    mutating func releaseRoamer(of id: JobID, _ now: Instant, _ effects: inout Effects) {
        guard let name = pool.roamer(of: id) else { return }
        releaseAssignment(name, "job \(id) has ended", now, &effects)
    }

    mutating func releaseBackup(
        of name: NodeName, _ now: Instant, _ effects: inout Effects
    ) {
        guard let roamer = pool.standIn(for: name) else { return }
        releaseAssignment(roamer, "node \(name) is back", now, &effects)
    }

    // MARK: Cleaning

    mutating func beginCleanup(
        _ name: NodeName, _ reason: String, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name], let roamer = node.record.roamer else { return }
        precondition(node.attempts.isEmpty, "a node is cleaned when nothing runs on it")
        if let cluster = roamer.assignment?.cluster { unscheduled.insert(cluster) }
        // The job it was for may need another one.
        if case .job = roamer.assignment?.purpose { unscheduled.insert(Self.roamerQueue) }
        counters.cleaning += 1
        nodes[name]?.record.roamer?.assignment = nil
        reindex(name)
        settleUsage(now)
        nodes[name]?.record.roamer?.cleaning = counters.cleaning
        setRoamer(name, .cleanup, reason, now, &effects)
        armRoamer(name, now)
        unordered.append(name)
    }

    mutating func cleaned(
        _ name: NodeName, _ report: CleanReport, _ now: Instant, _ effects: inout Effects
    ) {
        guard let roamer = nodes[name]?.record.roamer, roamer.state == .cleanup,
            roamer.cleaning == report.order
        else { return }
        guard report.leftovers.isEmpty else {
            cleaningFailed(name, report.leftovers, now, &effects)
            return
        }
        nodes[name]?.record.roamer?.cleaningFailures = 0
        setRoamer(name, .idle, "verified clean", now, &effects)
        touchWanting()
    }

    private mutating func cleaningFailed(
        _ name: NodeName, _ leftovers: [String], _ now: Instant, _ effects: inout Effects
    ) {
        nodes[name]?.record.roamer?.cleaningFailures += 1
        let failures = nodes[name]?.record.roamer?.cleaningFailures ?? 0
        let what = leftovers.prefix(3).joined(separator: "; ")
        if failures >= policy.cleaningTries {
            setRoamer(name, .quarantined, "not clean: \(what)", now, &effects)
        } else {
            beginCleanup(name, "cleaning again: \(what)", now, &effects)
        }
    }

    /// A roamer that was lost has lost its assignment; it is cleaned when it returns.
    mutating func roamerLost(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        guard let roamer = nodes[name]?.record.roamer, roamer.assignment != nil else { return }
        beginCleanup(name, "the node was lost", now, &effects)
    }

    /// An agent that comes back in the middle of CLEANUP may have forgotten the order.
    ///
    /// One that rebooted may have anything left on it.
    mutating func recleanIfNeeded(
        _ name: NodeName, rebooted: Bool, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name], let roamer = node.record.roamer else { return }
        switch roamer.state {
        case .cleanup, .quarantined:
            if node.attempts.isEmpty { beginCleanup(name, roamer.reason, now, &effects) }
        case .assigned, .provisioning: armRoamer(name, now)
        case .idle: if rebooted { beginCleanup(name, "the node has rebooted", now, &effects) }
        case .running: break
        }
    }
}
