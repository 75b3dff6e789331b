import OrderedCollections

extension Controller {
    /// Takes a checked fleet in place of the present one.
    mutating func apply(
        _ request: RequestID, _ spec: FleetSpec, _ now: Instant, _ effects: inout Effects
    ) {
        if spec == fleet {
            effects.replies.append((request, .done))
            return
        }
        let used = podsInUse()
        let limited = spec.limits != fleet.limits
        fleet = spec
        if limited { regate(now, &effects) }
        fleetRevision += 1
        effects.fleetChanged = true
        emit(.fleet, now, &effects, to: "\(fleetRevision)", reason: "revision \(fleetRevision)")
        for name in Array(nodes.keys) { settle(name, now, &effects) }
        keep(used, &effects)
        // Its place in the pool may be another.
        for name in nodes.keys { reindex(name) }
        for name in spec.nodes where nodes[name] == nil {
            addNode(NodeRecord(name: name), now)
            effects.nodes.append(name)
        }
        replaceJobs(now, &effects)
        // Everything is looked at anew, and finds its place in the new fleet.
        wanting.removeAll()
        touchAllQueues()
        for cluster in spec.clusters { unscheduled.insert(cluster.name) }
        unordered.formUnion(nodes.keys)
        effects.replies.append((request, .done))
    }

    /// Gives a node its place in the new fleet.
    private mutating func settle(_ name: NodeName, _ now: Instant, _ effects: inout Effects) {
        guard let node = nodes[name] else { return }
        let cluster = home(of: name)
        let isRoamer = index.roamerPlace(of: name) != nil
        let moved = node.cluster != cluster || node.isRoamer != isRoamer
        nodes[name]?.cluster = cluster
        nodes[name]?.retired = cluster == nil && !isRoamer
        guard moved || nodes[name]?.retired == true else {
            releaseIfGone(name, now, &effects)
            return
        }
        effects.nodes.append(name)
        nodes[name]?.wantsBackup = false
        if node.state != .ready, cluster != nil {
            // Away in its new cluster too.
            timers.arm(.backup(name), at: now + policy.backupGrace)
        }
        for key in node.attempts { stop(key, .evicted, now, &effects) }
        nodes[name]?.record.leaving = nil
        if isRoamer, !node.isRoamer {
            nodes[name]?.record.roamer = Roamer(since: now, reason: "joined the roamers")
            reindex(name)
            if node.attempts.isEmpty {
                beginCleanup(name, "joined the roamers", now, &effects)
            }
        } else if !isRoamer {
            nodes[name]?.record.roamer = nil
            timers.disarm(.roamer(name))
            timers.disarm(.lent(name))
        }
        reindex(name)
        dropIfEmpty(name, &effects)
    }

    /// A roamer whose cluster or template is gone is given back, and one whose node needs no stand-in now.
    private mutating func releaseIfGone(
        _ name: NodeName, _ now: Instant, _ effects: inout Effects
    ) {
        guard let assignment = nodes[name]?.record.roamer?.assignment else { return }
        if let cluster = assignment.cluster, self.cluster(cluster) == nil {
            releaseAssignment(name, "cluster \(cluster) is gone", now, &effects)
        } else if case .backup(let node) = assignment.purpose {
            if podOrder(for: node) == nil {
                releaseAssignment(name, "node \(node) runs no pod any more", now, &effects)
            } else if home(of: node) != assignment.cluster {
                releaseAssignment(name, "node \(node) serves another cluster", now, &effects)
            } else if nodes[node]?.state == .ready, needsNoHelp(node) {
                releaseAssignment(name, "node \(node) is back", now, &effects)
            }
        }
    }

    /// Waiting jobs of a cluster that is gone move to the one that serves their kind now.
    private mutating func replaceJobs(_ now: Instant, _ effects: inout Effects) {
        for (queue, waiting) in queues
        where queue != Self.roamerQueue && self.cluster(queue) == nil {
            for entry in waiting.entries {
                guard let job = jobs[entry.job],
                    let cluster = cluster(serving: job.request.kind)
                else { continue }
                dequeue(job)
                jobs[entry.job]?.queue = cluster.name
                effects.jobs.append(entry.job)
                refreshQueue(entry.job, now)
            }
        }
    }
}
