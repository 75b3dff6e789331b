import OrderedCollections

/// Why a job waits, where it stands, and how long it may take.
package struct Waiting: Hashable, Sendable {
    /// For people.
    package var reason: String
    /// From 0; nil when it is not in its queue (it waits for a time).
    package var position: Int?
    /// Until it starts, by the recent run times; nil when nothing is known.
    package var eta: Duration?
}

extension Controller {
    /// Why a waiting job waits; nil when it does not.
    package func waiting(_ job: Job, at now: Instant) -> Waiting? {
        guard job.state == .queued else { return nil }
        if let due = job.notBefore, due > now {
            let seconds = (now.since(due).inSeconds * -10).rounded(.up) / 10
            let text = "waits \(seconds) s before attempt \(job.attempts.count + 1)"
            return Waiting(reason: text, position: nil, eta: due.since(now))
        }
        if let text = prerequisiteText(job) {
            return Waiting(reason: text, position: nil, eta: nil)
        }
        let position = queues[job.queue]?.rank(
            QueueEntry(job), in: lane(of: job), mean: expectedRun(job.queue))
        if let gate = closedGate(of: job) {
            return Waiting(reason: Self.text(gate), position: position, eta: nil)
        }
        if job.queue == Self.roamerQueue { return waitingForRoamer(job, position) }
        guard let cluster = self.cluster(job.queue) else {
            let text = "cluster \(job.queue) is not in the fleet any more"
            return Waiting(reason: text, position: position, eta: nil)
        }
        let load = load(of: cluster)
        let workers = load.dedicated + load.helping
        return Waiting(
            reason: reason(cluster, load, position ?? 0, now), position: position,
            eta: eta(cluster.name, position ?? 0, workers: workers, coming: load.coming))
    }

    private func reason(
        _ cluster: ClusterSpec, _ load: Load, _ position: Int, _ now: Instant
    ) -> String {
        let name = cluster.name
        let coming = comingText(name)
        if load.dedicated + load.helping == 0 {
            if let coming { return coming }
            let state = cluster.nodes.compactMap { nodes[$0] }.map { troubleOf($0) }
            let why = state.isEmpty ? "it has no nodes" : state.joined(separator: ", ")
            return "no worker of \(name) is ready: \(why)"
        }
        var text = "all \(load.dedicated + load.helping) workers of \(name) are busy"
        if position > 0 { text += ", \(position) ahead" }
        if let coming { return "\(text); \(coming)" }
        switch cluster.scaling.overflow {
        case .never: return "\(text); its overflow is never"
        case .busy, .backlog, .forecast:
            if load.helpers >= cluster.scaling.maxRoamers {
                return "\(text); it has its most of \(cluster.scaling.maxRoamers) roamers"
            }
            if let trouble = templateTrouble[name], let error = trouble.error {
                return "\(text); the last roamer failed: \(error.message)"
            }
            let need = helper(of: cluster)?.worker.memory ?? 0
            if let why = misfit(need, fleet.roamers, called: "roamer") {
                return "\(text); no roamer can help: \(why)"
            }
            if wantsHelp(cluster, load, now) { return "\(text); no roamer is idle" }
            return "\(text); \(Self.whyNoHelp(cluster.scaling.overflow))"
        }
    }

    private static func whyNoHelp(_ overflow: OverflowPolicy) -> String {
        switch overflow {
        case .forecast: "its turn comes sooner than a roamer would be ready"
        case .busy, .backlog, .never: "the queue is not deep enough for a roamer"
        }
    }

    private func troubleOf(_ node: Node) -> String {
        let name = node.record.name
        if node.state != .ready { return "\(name) is \(node.state.rawValue) (\(node.reason))" }
        if node.record.drain != nil { return "\(name) is draining" }
        if node.record.cordoned { return "\(name) is cordoned" }
        if node.record.leaving != nil { return "\(name) finishes its work before its pod changes" }
        if let why = podMisfit(name) { return "\(name) is too small: \(why)" }
        guard let order = podOrder(for: name) else { return "\(name) runs no pod" }
        guard let worker = node.workers[order.id] else { return "\(name) starts its pod" }
        let what = worker.error?.message ?? worker.progress?.text ?? worker.phase.rawValue
        return "\(name): \(worker.phase.rawValue) (\(what))"
    }

    private func comingText(_ cluster: ClusterName) -> String? {
        for (name, node) in helpers(of: cluster) {
            guard let roamer = node.record.roamer else { continue }
            switch roamer.state {
            case .assigned, .provisioning:
                return "roamer \(name) is \(roamer.state.rawValue)"
            case .idle, .running, .cleanup, .quarantined: continue
            }
        }
        return nil
    }

    private func waitingForRoamer(_ job: Job, _ position: Int?) -> Waiting {
        if let name = roamer(of: job.id), let state = nodes[name]?.record.roamer?.state {
            let text = "roamer \(name) is \(state.rawValue) for it"
            let startup = job.request.template.flatMap { self.template($0)?.startupTime }
            return Waiting(reason: text, position: position, eta: startup)
        }
        if job.request.image == nil, let name = job.request.template, self.template(name) == nil {
            let text = "template \(name) is not in the fleet any more"
            return Waiting(reason: text, position: position, eta: nil)
        }
        let need = need(ofOwnRoamer: job.request)
        if let why = misfit(need, fleet.roamers, called: "roamer") {
            return Waiting(reason: why, position: position, eta: nil)
        }
        let roamers = fleet.roamers.filter { fits(need, on: $0) }.compactMap { nodes[$0] }
        let able = roamers.filter(\.isSchedulable).count
        let size = roamers.count < fleet.roamers.count ? " with \(need.gigabytes)" : ""
        let text =
            able == 0
            ? "no roamer\(size) is available: \(roamers.count) in the pool, none ready"
            : "all \(able) roamers\(size) are in use"
        let eta = eta(Self.roamerQueue, position ?? 0, workers: able, coming: 0)
        return Waiting(reason: text, position: position, eta: eta)
    }

    /// A rough time to the start: the jobs ahead, at the recent mean, over the workers.
    private func eta(
        _ queue: ClusterName, _ position: Int, workers: Int, coming: Int
    ) -> Duration? {
        let lanes = workers + coming
        guard lanes > 0 else { return nil }
        let rounds = Double(position) / Double(lanes)
        let seconds = Swift.min(expectedRun(queue).inSeconds * (rounds + 0.5), 1e7)
        return .milliseconds(Int64(seconds * 1_000))
    }

    /// The progress of a running job, as its node last said.
    package func progress(of id: JobID) -> Progress? { progress[id] }

    /// How many jobs wait in all queues.
    package var waitingJobs: Int { waitingCount }

    /// How many jobs wait in a queue.
    package func depth(_ queue: ClusterName) -> Int { queues[queue]?.count ?? 0 }

    /// The first waiting jobs of a queue, in order.
    package func queued(_ queue: ClusterName, limit: Int) -> [JobID] {
        queues[queue]?.prefix(limit).prefix(limit).map(\.job) ?? []
    }

    /// The pod a dedicated node shall run: the one that work still runs on before the one of its service.
    package func pod(of name: NodeName) -> WorkerOrder? {
        nodes[name]?.record.leaving ?? podOrder(for: name)
    }
}
