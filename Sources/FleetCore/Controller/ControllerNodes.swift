package import OrderedCollections

extension Controller {
    /// A node as the controller sees it now.
    package struct Node: Sendable {
        /// What is stored.
        package internal(set) var record: NodeRecord
        /// The cluster it belongs to; nil for a roamer.
        package internal(set) var cluster: ClusterName?
        /// Whether it has left the fleet and only finishes.
        package internal(set) var retired = false

        /// Whether it is heard.
        package internal(set) var state: NodeState
        /// Since when.
        package internal(set) var since: Instant
        /// Why, when it is not ready.
        package internal(set) var reason: String
        /// The live session.
        package internal(set) var session: SessionID?
        /// The latest session in this life of the controller.
        var lastSession: SessionID?
        /// When its leases were last renewed.
        var renewedAt: Instant
        /// Its processors and memory, as it said.
        package internal(set) var processors: UInt32 = 0
        /// Bytes of memory.
        package internal(set) var memory: UInt64 = 0
        /// The last sample.
        package internal(set) var telemetry: Telemetry?
        /// When it came.
        package internal(set) var telemetryAt: Instant?

        /// What it said of its workers in this session.
        package internal(set) var workers: OrderedDictionary<WorkerID, WorkerReport> = [:]
        /// When each worker entered its phase.
        package internal(set) var workerSince: [WorkerID: Instant] = [:]
        /// Attempts that may be running on it, oldest first.
        package internal(set) var attempts: OrderedSet<AttemptKey> = []
        /// Whether a stand-in is wanted for it.
        var wantsBackup = false
        /// When its provisioning began.
        var provisioningSince: Instant?
        /// How often its worker had been started again when it was last ready; nil before that.
        var restartsWhenReady: UInt32?

        /// The orders it was last sent in this session.
        var sent: Orders?
        /// The number of that set.
        var sentNumber: UInt64 = 0

        init(record: NodeRecord, cluster: ClusterName?, state: NodeState, now: Instant) {
            self.record = record
            self.cluster = cluster
            self.state = state
            since = now
            reason = state == .lost ? "has not connected yet" : "the controller restarted"
            renewedAt = now
        }

        /// Whether new work may come here.
        package var isSchedulable: Bool {
            state == .ready && !record.cordoned && record.drain == nil && !retired
        }
        /// Whether it belongs to the roamer pool.
        package var isRoamer: Bool { record.roamer != nil }

        /// The last sample, while it still says how the machine is.
        package func currentTelemetry(at now: Instant) -> Telemetry? {
            guard let telemetryAt, now.since(telemetryAt) <= Telemetry.goodFor else { return nil }
            return telemetry
        }
    }

    mutating func restoreNodes(_ records: [NodeRecord], _ now: Instant) {
        var stored: [NodeName: NodeRecord] = [:]
        for record in records { stored[record.name] = record }
        for name in fleet.nodes {
            addNode(stored[name] ?? NodeRecord(name: name), now)
        }
        for record in records.sorted(by: { $0.name < $1.name }) where nodes[record.name] == nil {
            addNode(record, now)
            nodes[record.name]?.retired = true
        }
        restorePeaks()
    }

    /// Adds a node as seen before or never; what it becomes is decided when it connects.
    mutating func addNode(_ stored: NodeRecord, _ now: Instant) {
        var record = stored
        let cluster = home(of: record.name)
        if index.roamerPlace(of: record.name) != nil {
            if record.roamer == nil { record.roamer = Roamer(since: now, reason: "new roamer") }
        } else {
            record.roamer = nil
        }
        let seen = record.incarnation != nil
        var node = Node(record: record, cluster: cluster, state: seen ? .suspect : .lost, now: now)
        node.retired = !isInFleet(record.name)
        nodes[record.name] = node
        stateCounts[node.state, default: 0] += 1
        reindex(record.name)
        if seen {
            // Its agent may have had its last renewal an instant before the predecessor died.
            timers.arm(.lost(record.name), at: now + policy.lostAfter)
            timers.arm(.backup(record.name), at: now + policy.startupGrace)
        }
        if let drain = record.drain?.deadline { timers.arm(.drain(record.name), at: drain) }
        armRoamer(record.name, now)
    }

    // MARK: Sessions

    mutating func connected(
        _ hello: Hello, _ session: SessionID, _ issuedAt: Instant, _ now: Instant,
        _ effects: inout Effects
    ) {
        if isVoid(certificateOf: hello.node, issuedAt: issuedAt) {
            effects.closes.append(voidCertificate(of: hello.node, session))
            return
        }
        guard var node = nodes[hello.node], !node.retired else {
            effects.closes.append(.init(session, "node \(hello.node) is not in this fleet"))
            return
        }
        // A hello that was long on its way knows nothing of what was ordered since.
        if let last = node.lastSession, session < last {
            effects.closes.append(.init(session, "the agent has connected again since"))
            return
        }
        node.lastSession = session
        if let old = node.session, old != session {
            effects.closes.append(.init(old, "the agent has connected again"))
        }
        let reborn = node.record.incarnation != hello.incarnation
        let rebooted = node.record.incarnation?.boot != hello.incarnation.boot
        if reborn { node.record.hasFormerLife = !rebooted }
        node.record.incarnation = hello.incarnation
        node.record.agentVersion = hello.version
        node.record.lastSeen = now
        node.session = session
        node.processors = hello.processors
        node.memory = hello.memory
        node.workers = [:]
        node.workerSince = [:]
        node.sent = nil
        nodes[hello.node] = node
        effects.nodes.append(hello.node)
        let welcome = Welcome(
            session: session, term: term, fleet: fleet.fleet, heartbeat: policy.heartbeat,
            stopAfter: policy.stopAfter, hasFormerLife: node.record.hasFormerLife ?? false)
        effects.sends.append(.init(node: hello.node, session: session, message: .welcome(welcome)))
        renew(hello.node, now)
        becomeReady(hello.node, reborn ? "connected" : "connected again", now, &effects)
        forgetUnknown(hello, now, &effects)
        recleanIfNeeded(hello.node, rebooted: rebooted, now, &effects)
        // What is still to be confirmed gets the whole time anew.
        for key in nodes[hello.node]?.attempts ?? []
        where jobs[key.job]?.attempt(key.number)?.state == .assigned {
            timers.arm(.confirm(key), at: now + policy.confirmWithin)
        }
        unordered.append(hello.node)
    }

    /// What the agent had accepted and does not know any more can never end there.
    private mutating func forgetUnknown(
        _ hello: Hello, _ now: Instant, _ effects: inout Effects
    ) {
        let known = Set(hello.attempts)
        for key in nodes[hello.node]?.attempts ?? [] where !known.contains(key) {
            guard let job = jobs[key.job], let attempt = job.attempt(key.number) else { continue }
            // An order still on its way is not unknown: the complete set brings it.
            if attempt.state == .assigned { continue }
            attemptLost(key, "the agent came back without it", now, &effects)
        }
    }

    mutating func disconnected(
        _ name: NodeName, _ session: SessionID, _ now: Instant, _ effects: inout Effects
    ) {
        guard nodes[name]?.session == session else { return }
        nodes[name]?.session = nil
        nodes[name]?.sent = nil
        nodes[name]?.workers = [:]
        nodes[name]?.workerSince = [:]
        becomeSuspect(name, "the link is down", now, &effects)
        if nodes[name]?.retired == true { dropIfEmpty(name, &effects) }
    }

    mutating func received(
        _ name: NodeName, _ session: SessionID, _ message: AgentMessage, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let place = nodes.index(forKey: name), nodes.values[place].session == session
        else { return }
        switch message {
        case .heartbeat(let sequence):
            renew(name, now)
            effects.urgent.append(
                .init(node: name, session: session, message: .renewed(sequence: sequence)))
            if nodes.values[place].state != .ready {
                becomeReady(name, "heard again", now, &effects)
            }
        case .report(let sequence, let report):
            switch report {
            case .worker(let worker): workerReported(name, worker, now, &effects)
            case .attempt(let attempt): attemptReported(name, attempt, now, &effects)
            case .cleaned(let clean): cleaned(name, clean, now, &effects)
            }
            effects.sends.append(
                .init(node: name, session: session, message: .acknowledged(sequence: sequence)))
        case .telemetry(let sample):
            nodes[name]?.telemetry = sample
            nodes[name]?.telemetryAt = now
            learn(sample, name, &effects)
        // Logs and uploads are the shell's; a second hello and newer messages change nothing.
        case .hello, .log, .uploadRequest, .inputRequest, .unknown: break
        }
    }

    private mutating func renew(_ name: NodeName, _ now: Instant) {
        // In place: a heartbeat shall not copy a node.
        if let place = nodes.index(forKey: name) {
            nodes.values[place].renewedAt = now
            nodes.values[place].record.lastSeen = now
        }
        timers.arm(.silent(name), at: now + policy.silentAfter)
        timers.arm(.lost(name), at: now + policy.lostAfter)
    }

    // MARK: States

    private mutating func setState(
        _ name: NodeName, _ state: NodeState, _ reason: String, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let node = nodes[name], node.state != state else { return }
        emit(
            .node, now, &effects, node: name, from: node.state.rawValue, to: state.rawValue,
            reason: reason, lasted: now.since(node.since))
        stateCounts[node.state, default: 0] -= 1
        stateCounts[state, default: 0] += 1
        nodes[name]?.state = state
        nodes[name]?.since = now
        nodes[name]?.reason = reason
        touchClusters(of: name)
    }

    private mutating func becomeReady(
        _ name: NodeName, _ reason: String, _ now: Instant, _ effects: inout Effects
    ) {
        setState(name, .ready, reason, now, &effects)
        timers.disarm(.backup(name))
        nodes[name]?.wantsBackup = false
        if !isMassSilence { massSilenceSince = nil }
        if needsNoHelp(name) { releaseBackup(of: name, now, &effects) }
        refreshQueue(ofJobsOn: name, now)
    }

    /// Whether a node that is back does its service's work again.
    func needsNoHelp(_ name: NodeName) -> Bool {
        guard let pod = podOrder(for: name) else { return true }
        // Heard again in the same session it has nothing new to report, but its pod is there; a
        // service whose jobs have containers of their own has no pod to wait for.
        return pod.spec.contract == .exec || nodes[name]?.workers[pod.id]?.phase == .ready
    }

    private mutating func becomeSuspect(
        _ name: NodeName, _ reason: String, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name], node.state == .ready else { return }
        setState(name, .suspect, reason, now, &effects)
        timers.disarm(.silent(name))
        if node.cluster != nil { timers.arm(.backup(name), at: now + policy.backupGrace) }
        refreshQueue(ofJobsOn: name, now)
    }

    mutating func silent(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        let seconds = policy.silentAfter.components.seconds
        becomeSuspect(name, "silent for \(seconds) s", now, &effects)
    }

    mutating func backupDue(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        // After the controller's own start the second copies have waited for this moment too.
        refreshQueue(ofJobsOn: name, now)
        guard let node = nodes[name], node.state != .ready, let cluster = node.cluster,
            self.cluster(cluster)?.scaling.backup == true
        else { return }
        nodes[name]?.wantsBackup = true
        unscheduled.insert(cluster)
    }

    mutating func leaseEnded(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        guard let node = nodes[name], node.state != .lost else { return }
        if holdsEvictions(now) {
            timers.arm(.lost(name), at: now + .seconds(5))
            return
        }
        let seconds = now.since(node.renewedAt).components.seconds
        setState(name, .lost, "not heard for \(seconds) s", now, &effects)
        effects.nodes.append(name)
        for key in node.attempts {
            attemptLost(key, "node \(name) was lost", now, &effects)
        }
        roamerLost(name, now, &effects)
        if let session = node.session {
            // Half a link is worse than none: a new one starts it over.
            effects.closes.append(.init(session, "not heard for \(seconds) s"))
            disconnected(name, session, now, &effects)
        } else if node.retired {
            dropIfEmpty(name, &effects)
        }
    }

    /// Whether so many nodes fell silent together that the fault is likelier ours or the network's.
    private mutating func holdsEvictions(_ now: Instant) -> Bool {
        guard isMassSilence else {
            massSilenceSince = nil
            return false
        }
        let since = massSilenceSince ?? now
        massSilenceSince = since
        return now.since(since) < policy.massSilenceHold
    }

    private var isMassSilence: Bool {
        let suspect = stateCounts[.suspect, default: 0]
        let seen = suspect + stateCounts[.ready, default: 0]
        return suspect >= policy.massSilenceNodes && suspect * 3 > seen
    }

    /// A late tick means we were stopped or overloaded: every node gets the time back.
    mutating func absorbStall(_ now: Instant) {
        guard let due = timers.next() else { return }
        // What was due while no controller ran is not a stall of this one.
        let late = now.since(Swift.max(due, startedAt))
        guard late > policy.stallAfter else { return }
        for (name, node) in nodes {
            // What agents have confirmed may still wait in our inbox.
            let confirmations = node.attempts.map { Alarm.confirm($0) }
            for alarm in [.silent(name), .lost(name), .backup(name), .roamer(name)] + confirmations
            {
                if let due = timers.due(alarm) {
                    timers.arm(alarm, at: Swift.max(due, now) + late + policy.heartbeat)
                }
            }
        }
    }

    // MARK: Cordon and drain

    mutating func cordon(
        _ request: RequestID, _ name: NodeName, _ on: Bool, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard let node = nodes[name] else { return refuseNode(request, name, &effects) }
        if node.record.cordoned != on {
            nodes[name]?.record.cordoned = on
            effects.nodes.append(name)
            emit(
                .node, now, &effects, node: name, from: node.state.rawValue,
                to: node.state.rawValue, reason: on ? "cordoned" : "uncordoned")
            touchClusters(of: name)
        }
        if !on, node.record.roamer?.state == .quarantined {
            beginCleanup(name, "uncordoned: trying to clean it again", now, &effects)
        }
        effects.replies.append((request, .done))
    }

    mutating func drain(
        _ request: RequestID, _ name: NodeName, _ deadline: Duration?, _ now: Instant,
        _ effects: inout Effects
    ) {
        guard nodes[name] != nil else { return refuseNode(request, name, &effects) }
        let due = deadline.map { now + $0 }
        nodes[name]?.record.drain = .init(since: now, deadline: due)
        effects.nodes.append(name)
        emit(.node, now, &effects, node: name, reason: "draining")
        if let due { timers.arm(.drain(name), at: due) } else { timers.disarm(.drain(name)) }
        releaseAssignment(name, "the node is drained", now, &effects)
        touchClusters(of: name)
        unordered.append(name)
        effects.replies.append((request, .done))
    }

    mutating func drainDue(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        guard let node = nodes[name], node.record.drain != nil else { return }
        for key in node.attempts { stop(key, .evicted, now, &effects) }
    }

    mutating func undrain(
        _ request: RequestID, _ name: NodeName, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name] else { return refuseNode(request, name, &effects) }
        if node.record.drain != nil {
            nodes[name]?.record.drain = nil
            timers.disarm(.drain(name))
            effects.nodes.append(name)
            emit(.node, now, &effects, node: name, reason: "drain ended")
            touchClusters(of: name)
            unordered.append(name)
        }
        effects.replies.append((request, .done))
    }

    func refuseNode(_ request: RequestID, _ name: NodeName, _ effects: inout Effects) {
        effects.replies.append(
            (request, .refused(Refusal(.notFound, "no node is named \(name)"))))
    }

    /// Marks for scheduling what a change of this node can help.
    mutating func touchClusters(of name: NodeName) {
        guard let node = nodes[name] else { return }
        if let cluster = node.cluster { unscheduled.insert(cluster) }
        if let cluster = node.record.roamer?.assignment?.cluster { unscheduled.insert(cluster) }
        guard let roamer = node.record.roamer else { return }
        if case .job = roamer.assignment?.purpose { unscheduled.insert(Self.roamerQueue) }
        touchWanting()
    }

    /// Notes that a roamer may be free for a queue that wanted one in vain.
    mutating func touchWanting() { mayServeWanting = true }

    /// Marks every queue that waits.
    mutating func touchAllQueues() {
        for (name, queue) in queues where !queue.isEmpty { unscheduled.insert(name) }
        for node in nodes.values where node.wantsBackup {
            if let cluster = node.cluster { unscheduled.insert(cluster) }
        }
    }

    /// A node that left the fleet goes when nothing of it is alive.
    mutating func dropIfEmpty(_ name: NodeName, _ effects: inout Effects) {
        guard let node = nodes[name], node.retired, node.attempts.isEmpty else { return }
        if let session = node.session {
            effects.closes.append(.init(session, "node \(name) has left the fleet"))
        }
        for alarm in [Alarm.silent(name), .lost(name), .backup(name), .drain(name), .roamer(name)] {
            timers.disarm(alarm)
        }
        nodes[name] = nil
        stateCounts[node.state, default: 0] -= 1
        reindex(name)
        effects.nodes.append(name)
    }
}

extension Job {
    /// The attempt of that number.
    package func attempt(_ number: Int) -> Attempt? {
        attempts.first { $0.number == number }
    }
}
