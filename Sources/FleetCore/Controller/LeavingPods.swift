import OrderedCollections

/// An applied file may take a service from a node, or change it, while jobs run on its pod. They are not to
/// blame, and may have run for hours: the pod stays until they have ended, and only then does the next one
/// come. Until then the node gets no new work, so that its memory is never needed twice, and the change
/// comes however busy the cluster is.
extension Controller {
    /// The pods that jobs run on, with their clusters.
    func podsInUse() -> [(node: NodeName, cluster: ClusterName?, pod: WorkerOrder)] {
        nodes.compactMap { name, node in
            guard let pod = containerPod(of: name), isInUse(pod.id, on: name) else { return nil }
            return (name, node.cluster, pod)
        }
    }

    /// A new fleet has been taken: pods in use that it has no more stay for now.
    ///
    /// From a node that serves another cluster, or none, the jobs are moved away: nothing is waited for.
    mutating func keep(
        _ used: [(node: NodeName, cluster: ClusterName?, pod: WorkerOrder)],
        _ effects: inout Effects
    ) {
        for (name, cluster, pod) in used {
            guard let node = nodes[name], node.cluster == cluster, node.record.leaving == nil,
                containerPod(of: name) != pod
            else { continue }
            nodes[name]?.record.leaving = pod
            effects.nodes.append(name)
        }
        for name in Array(nodes.keys) { endLeaving(name, &effects) }
    }

    /// Lets a leaving pod go when no job runs on it, and takes it back when the node shall run it
    /// again.
    mutating func endLeaving(_ name: NodeName, _ effects: inout Effects) {
        guard let node = nodes[name], let leaving = node.record.leaving else { return }
        if containerPod(of: name) != leaving, isInUse(leaving.id, on: name) { return }
        nodes[name]?.record.leaving = nil
        effects.nodes.append(name)
        unordered.append(name)
        touchClusters(of: name)
    }

    /// Nothing is waited for that no job runs on, whatever the store holds.
    mutating func restoreLeaving() {
        var ignored = Effects()
        for name in Array(nodes.keys) { endLeaving(name, &ignored) }
    }

    private func isInUse(_ worker: WorkerID, on name: NodeName) -> Bool {
        nodes[name]?.attempts.contains { key in
            jobs[key.job]?.attempt(key.number)?.worker == worker
        } ?? false
    }
}
