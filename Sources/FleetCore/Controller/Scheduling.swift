import OrderedCollections

extension Controller {
    /// Gives waiting jobs to free slots, and roamers to queues that need them.
    mutating func schedule(_ now: Instant, _ effects: inout Effects) {
        // Starting one thing can free or block another queue; two rounds settle all but a storm,
        // and what is left is done with the next event.
        var rounds = 0
        while !unscheduled.isEmpty || mayServeWanting, rounds < 4 {
            rounds += 1
            let marked = unscheduled
            unscheduled = []
            // In the order of the fleet, whatever order they were marked in.
            for place in marked.compactMap({ index.place(of: $0) }).sorted() {
                let cluster = fleet.clusters[place]
                fillSlots(cluster, now, &effects)
                standIn(cluster, now, &effects)
                callForHelp(cluster, now, &effects)
            }
            if marked.contains(Self.roamerQueue) { fillRoamers(now, &effects) }
            if mayServeWanting { serveWanting(now, &effects) }
        }
    }

    /// Serves queues that wanted a roamer, in the order of the fleet, as long as there is one.
    ///
    /// Not all of them are looked at for one roamer: in a full fleet that would be every cluster at
    /// every change.
    private mutating func serveWanting(_ now: Instant, _ effects: inout Effects) {
        mayServeWanting = false
        while let (place, queue) = wanting.first, hasRoamer(for: queue) {
            wanting.remove(place)
            guard let cluster = cluster(queue) else {
                if queue == Self.roamerQueue { fillRoamers(now, &effects) }
                continue
            }
            standIn(cluster, now, &effects)
            callForHelp(cluster, now, &effects)
        }
    }

    /// Whether `idleRoamer` has one to give or to call back.
    private func hasRoamer(for queue: ClusterName) -> Bool {
        let need = leastNeed(of: queue)
        if pool.idle.contains(where: { takes($0, need) }) { return true }
        if pool.cleaning.contains(where: { takes($0, need) }) { return false }
        return pool.spare.contains { takes($0, need) && isSpare($0.name, for: queue) }
            || pool.reserved.contains { takes($0, need) && isEarly($0.name) }
    }

    private func takes(_ member: RoamerPool.Member, _ need: Int64) -> Bool {
        nodes[member.name]?.isSchedulable == true && fits(need, on: member.name)
    }

    // MARK: Slots

    /// A place where a job of a cluster can start now.
    private struct Slot {
        let node: NodeName
        let worker: WorkerID?
        /// Memory for a container of its own; nil when it is not known, or none is made.
        var free: Int64?
        /// Bytes that further orders for its node may have; nil where that does not matter.
        var orderRoom: Int?
    }

    private mutating func fillSlots(
        _ cluster: ClusterSpec, _ now: Instant, _ effects: inout Effects
    ) {
        guard queues[cluster.name]?.isEmpty == false else { return }
        var slots = freeSlots(cluster)
        while !slots.isEmpty, let (job, slot) = firstMatch(cluster.name, slots) {
            let taken = slots.remove(at: slot)
            var size = 0
            if taken.orderRoom != nil, let job = jobs[job] { size = orderBytes(of: job, on: taken) }
            startAttempt(job, on: taken.node, worker: taken.worker, now, &effects)
            let left = taken.worker == nil ? freeRoom(taken.node) : nil
            for other in slots.indices where slots[other].node == taken.node {
                slots[other].free = left
                slots[other].orderRoom? -= size
            }
        }
    }

    /// The first job that can use one of the slots: a copy never shares a node with its original,
    /// and a job that failed on a node prefers another.
    private func firstMatch(_ queue: ClusterName, _ slots: [Slot]) -> (JobID, Int)? {
        for entry in queues[queue]?.prefix(policy.lookahead, where: isOpen) ?? [] {
            guard let job = jobs[entry.job] else { continue }
            let taken = job.active.map(\.node)
            let open = slots.indices.filter {
                !taken.contains(slots[$0].node) && isEnough(slots[$0], for: job)
            }
            let last = job.attempts.last?.node
            if let slot = open.first(where: { slots[$0].node != last }) ?? open.first {
                return (entry.job, slot)
            }
        }
        return nil
    }

    private func orderBytes(of job: Job, on slot: Slot) -> Int {
        orderBytes(
            of: job, container: slot.worker == nil ? container(for: job, on: slot.node) : nil)
    }

    private func isEnough(_ slot: Slot, for job: Job) -> Bool {
        if let room = slot.orderRoom, orderBytes(of: job, on: slot) > room { return false }
        guard let free = slot.free, let container = container(for: job, on: slot.node) else {
            return true
        }
        if take(of: container) <= free { return true }
        // What was only seen to be taken must not keep it from running at all.
        return container.memory == nil && nodes[slot.node]?.attempts.isEmpty == true
    }

    /// The free slots of a cluster: those of its own nodes first, then those of its helpers.
    private func freeSlots(_ cluster: ClusterSpec) -> [Slot] {
        var slots: [Slot] = []
        for name in cluster.nodes {
            guard let node = nodes[name], let service = openService(of: node) else { continue }
            let runs = service.worker.contract == .exec
            let id = WorkerID(service.name.rawValue)
            let free = service.worker.slots - node.attempts.count
            guard free > 0 else { continue }
            let slot = Slot(
                node: name, worker: runs ? nil : id, free: runs ? freeRoom(name) : nil,
                orderRoom: orderRoom(node, attempts: service.worker.slots))
            slots += repeatElement(slot, count: free)
        }
        for (name, node) in helpers(of: cluster.name) where isHelping(node, cluster.name) {
            guard let assignment = node.record.roamer?.assignment, let worker = assignment.worker,
                worker.contract != .opaque, assignment.releasing == nil, node.isSchedulable,
                node.workers[assignment.workerID]?.phase == .ready
            else { continue }
            let free = worker.slots - node.attempts.count
            guard free > 0 else { continue }
            let slot = Slot(
                node: name, worker: assignment.workerID,
                orderRoom: orderRoom(node, attempts: worker.slots))
            slots += repeatElement(slot, count: free)
        }
        return slots
    }

    /// The service a dedicated node can begin work of now: its pod is ready, or needs none.
    private func openService(of node: Node) -> ServiceSpec? {
        guard node.isSchedulable, node.record.leaving == nil,
            let service = podService(of: node.record.name),
            service.worker.contract == .exec
                || node.workers[WorkerID(service.name.rawValue)]?.phase == .ready
        else { return nil }
        return service
    }

    /// The roamers lent to a cluster, in the order of the pool.
    func helpers(of cluster: ClusterName) -> [(NodeName, Node)] {
        pool.helpers(of: cluster).compactMap { member in
            nodes[member.name].map { (member.name, $0) }
        }
    }

    /// Whether a roamer works for a cluster now.
    func isHelping(_ node: Node, _ cluster: ClusterName) -> Bool {
        guard let roamer = node.record.roamer, roamer.state == .running else { return false }
        return roamer.assignment?.cluster == cluster
    }

    // MARK: Help for a cluster

    /// Counts that the overflow rules go by.
    package struct Load: Hashable, Sendable {
        /// Jobs that wait for a worker, and for nothing else.
        package var waiting = 0
        /// Jobs that will when what they wait for, and what runs now, is done.
        package var expected = 0
        /// Workers of the cluster's own nodes that are ready.
        package var dedicated = 0
        /// Roamers lent for overflow or by hand, in any state.
        package var helpers = 0
        /// Roamers on their way: ASSIGNED or PROVISIONING.
        package var coming = 0
        /// Roamers that work.
        package var helping = 0
        /// Jobs that run.
        package var running = 0
        /// Slots of the workers that are ready.
        package var slots = 0
        /// Slots of the roamers on their way.
        package var comingSlots = 0
    }

    /// The load of a cluster.
    package func load(of cluster: ClusterSpec) -> Load {
        var load = Load(
            waiting: runnable(cluster.name), expected: expected(cluster.name).count)
        for name in cluster.nodes {
            guard let node = nodes[name] else { continue }
            load.running += node.attempts.count
            if let service = openService(of: node) {
                load.dedicated += 1
                load.slots += service.worker.slots
            }
        }
        for (_, node) in helpers(of: cluster.name) {
            guard let roamer = node.record.roamer, let assignment = roamer.assignment else {
                continue
            }
            switch assignment.purpose {
            case .overflow, .manual: load.helpers += 1
            case .backup, .job: break
            }
            switch roamer.state {
            case .assigned, .provisioning:
                load.coming += 1
                load.comingSlots += assignment.worker?.slots ?? 1
            case .running:
                load.helping += 1
                load.slots += assignment.worker?.slots ?? 1
                load.running += node.attempts.count
            case .idle, .cleanup, .quarantined: break
            }
        }
        return load
    }

    /// Whether one more roamer should help, by the cluster's rule.
    func wantsHelp(_ cluster: ClusterSpec, _ load: Load, _ now: Instant) -> Bool {
        let scaling = cluster.scaling
        var load = load
        // What comes soon counts where no worker will be free for it.
        load.waiting += max(load.expected - max(load.slots - load.running, 0), 0)
        guard load.helpers < scaling.maxRoamers, load.waiting > 0 else { return false }
        switch scaling.overflow {
        case .never: return false
        // Each roamer on its way will take one of those that wait.
        case .busy: return load.waiting > load.coming
        case .backlog:
            let active = load.dedicated + load.helping + load.coming
            let (bound, overflow) = active.multipliedReportingOverflow(by: scaling.backlogFactor)
            return !overflow && load.waiting > bound
        case .forecast: return forecastWantsHelp(cluster, load, now)
        }
    }

    private mutating func callForHelp(
        _ cluster: ClusterSpec, _ now: Instant, _ effects: inout Effects
    ) {
        guard queues[cluster.name]?.isEmpty == false || !expected(cluster.name).isEmpty
        else { return }
        if let trouble = templateTrouble[cluster.name], trouble.until > now { return }
        guard let help = helper(of: cluster), help.worker.contract.takesJobs else { return }
        while wantsHelp(cluster, load(of: cluster), now) {
            guard
                let roamer = idleRoamer(
                    for: cluster.name, need: need(ofRoamerFor: help.worker), now, &effects)
            else { return }
            lend(
                roamer, .overflow, cluster: cluster.name, template: help.template,
                worker: help.worker, mode: .untilIdle(cluster.scaling.releaseIdle),
                "cluster \(cluster.name) is full", now, &effects)
        }
    }

    private mutating func standIn(
        _ cluster: ClusterSpec, _ now: Instant, _ effects: inout Effects
    ) {
        for name in cluster.nodes {
            guard let node = nodes[name], node.wantsBackup, cluster.scaling.backup,
                podService(of: name) != nil, node.record.drain == nil,
                pool.standIn(for: name) == nil, let help = helper(of: cluster),
                help.worker.contract.takesJobs
            else { continue }
            if let trouble = templateTrouble[cluster.name], trouble.until > now { return }
            guard
                let roamer = idleRoamer(
                    for: cluster.name, need: need(ofRoamerFor: help.worker), now, &effects)
            else { return }
            lend(
                roamer, .backup(name), cluster: cluster.name, template: help.template,
                worker: help.worker, mode: .whileNeeded, "stands in for node \(name)", now,
                &effects)
        }
    }

    /// An idle roamer with enough memory; when there is none, one that helps where nothing waits is
    /// called back.
    ///
    /// The smallest that fits: the large ones are for those that need them.
    private mutating func idleRoamer(
        for queue: ClusterName, need: Int64, _ now: Instant, _ effects: inout Effects
    ) -> NodeName? {
        let able = pool.idle.filter { takes($0, need) }
        if let best = able.min(by: { (room($0.name) ?? .max) < (room($1.name) ?? .max) }) {
            return best.name
        }
        wanting.insert(queue, at: index.place(of: queue) ?? .max)
        if pool.cleaning.contains(where: { takes($0, need) }) { return nil }
        if let spare = pool.spare.first(where: {
            takes($0, need) && isSpare($0.name, for: queue)
        }) {
            beginCleanup(spare.name, "needed by \(queue)", now, &effects)
        } else if let early = pool.reserved.last(where: { takes($0, need) && isEarly($0.name) }) {
            beginCleanup(early.name, "needed by \(queue)", now, &effects)
        }
        return nil
    }

    /// Whether a roamer was made ready for a job that waits for others still.
    private func isEarly(_ name: NodeName) -> Bool {
        guard case .job(let id) = nodes[name]?.record.roamer?.assignment?.purpose else {
            return false
        }
        return prerequisites.isWaiting(id)
    }

    private func isSpare(_ name: NodeName, for queue: ClusterName) -> Bool {
        guard let node = nodes[name], node.isSchedulable,
            let cluster = node.record.roamer?.assignment?.cluster, cluster != queue
        else { return false }
        return runnable(cluster) == 0
    }

    // MARK: Jobs that need a roamer of their own

    private mutating func fillRoamers(_ now: Instant, _ effects: inout Effects) {
        // Whoever waits before it, a roamer that is reserved for a job does nothing else.
        for member in pool.reserved { startOnOwnRoamer(member.name, now, &effects) }
        // Those that wait for a roamer that is theirs do not stand in the way of the others.
        let window = policy.lookahead + pool.reserved.count
        for entry in queues[Self.roamerQueue]?.prefix(window, where: isOpen) ?? [] {
            guard let job = jobs[entry.job], roamer(of: job.id) == nil,
                // Those before it may have filled one.
                closedGate(of: job) == nil
            else { continue }
            let template =
                job.request.image == nil
                ? job.request.template.flatMap { self.template($0) } : nil
            if job.request.image == nil, template == nil { continue }
            let need = need(ofOwnRoamer: job.request)
            guard let name = idleRoamer(for: Self.roamerQueue, need: need, now, &effects) else {
                // Where nothing at all is free the others need not be asked; else a smaller one may fit.
                if need == 0 { return }
                continue
            }
            let runsToEnd = template?.worker.contract ?? .exec == .exec
            lend(
                name, .job(job.id), cluster: nil, template: job.request.template,
                worker: runsToEnd ? nil : template?.worker, mode: .whileNeeded,
                "for job \(job.id)", now, &effects)
            if runsToEnd { startAttempt(job.id, on: name, worker: nil, now, &effects) }
        }
        prepareRoamers(now, &effects)
    }

    /// Lends roamers that nobody needs to jobs that will be ready when what runs now is done, so that
    /// their models are loaded by then.
    private mutating func prepareRoamers(_ now: Instant, _ effects: inout Effects) {
        guard wanting.first == nil, !pool.idle.isEmpty else { return }
        for id in expected(Self.roamerQueue) {
            guard let request = jobs[id]?.request, roamer(of: id) == nil,
                request.image == nil, let name = request.template,
                let template = self.template(name),
                template.worker.contract.takesJobs,
                let member = pool.idle.first(where: { takes($0, need(ofOwnRoamer: request)) })
            else { continue }
            lend(
                member.name, .job(id), cluster: nil, template: name, worker: template.worker,
                mode: .whileNeeded, "made ready for job \(id)", now, &effects)
        }
    }

    /// The roamer lent to a job.
    func roamer(of id: JobID) -> NodeName? { pool.roamer(of: id) }

    private mutating func startOnOwnRoamer(
        _ name: NodeName, _ now: Instant, _ effects: inout Effects
    ) {
        guard let node = nodes[name], node.isSchedulable, node.attempts.isEmpty,
            let roamer = node.record.roamer, let assignment = roamer.assignment,
            assignment.releasing == nil, case .job(let id) = assignment.purpose,
            let job = jobs[id], job.queue == Self.roamerQueue, wantsAttempt(job, now),
            isWithinLimits(job)
        else { return }
        if assignment.worker == nil {
            guard container(for: job, on: name) != nil else {
                return releaseAssignment(name, "its template is gone", now, &effects)
            }
            startAttempt(id, on: name, worker: nil, now, &effects)
        } else if roamer.state == .running,
            node.workers[assignment.workerID]?.phase == .ready
        {
            startAttempt(id, on: name, worker: assignment.workerID, now, &effects)
        }
    }
}
