import OrderedCollections

/// Memory is what a node has only once: models, their work and the system share it, the GPU included
/// (unified memory). Nobody is told to run what does not fit beside what runs there already.
extension Controller {
    /// What a node can give to containers, in bytes; nil while it has not said how much it has.
    func room(_ name: NodeName) -> Int64? {
        guard let memory = nodes[name]?.memory, memory > 0 else { return nil }
        return max(Int64(clamping: memory) - policy.memoryReserve, 0)
    }

    /// Whether so much could run on an empty node; what is not known yet is taken to be enough.
    func fits(_ need: Int64, on name: NodeName) -> Bool { room(name).map { need <= $0 } ?? true }

    /// What is left of a node's memory beside all it shall run; nil while it is not known.
    func freeRoom(_ name: NodeName) -> Int64? {
        guard let room = room(name), let node = nodes[name] else { return nil }
        var taken = node.record.roamer?.assignment?.worker?.memory ?? 0
        if let service = podService(of: name), service.worker.contract != .exec {
            taken = service.worker.memory ?? 0
        }
        for key in node.attempts {
            let container = jobs[key.job]?.attempt(key.number)?.container
            taken = taken.addingClamped(container?.memory ?? 0)
        }
        return room - min(taken, room)
    }

    /// What a job needs of a roamer of its own.
    func need(ofOwnRoamer what: JobRequest) -> Int64 {
        if what.image != nil { return what.memory ?? 0 }
        let worker = what.template.flatMap { self.template($0)?.worker }
        // A worker that takes many jobs is made as its template says.
        guard worker?.contract == .exec else { return worker?.memory ?? 0 }
        return what.memory ?? worker?.memory ?? 0
    }

    /// What a queue's next roamer must have at least.
    func leastNeed(of queue: ClusterName) -> Int64 {
        if let cluster = cluster(queue) { return helper(of: cluster)?.worker.memory ?? 0 }
        let window = policy.lookahead + pool.reserved.count
        let needs = (queues[queue]?.prefix(window) ?? []).compactMap { entry -> Int64? in
            guard let job = jobs[entry.job], roamer(of: job.id) == nil else { return nil }
            return need(ofOwnRoamer: job.request)
        }
        return needs.min() ?? 0
    }

    // MARK: What fits nowhere

    /// Why so much fits none of these nodes, with the sum; nil when it may fit one.
    func misfit(_ need: Int64, _ names: [NodeName], called what: String) -> String? {
        guard need > 0, !names.isEmpty else { return nil }
        var largest: (name: NodeName, room: Int64)?
        for name in names {
            guard let room = room(name), room < need else { return nil }
            if room > largest?.room ?? -1 { largest = (name, room) }
        }
        guard let largest else { return nil }
        return "it needs \(need.gigabytes) of memory; the largest \(what), \(largest.name), "
            + roomText(largest.name, largest.room)
    }

    /// Why a dedicated node does not run its pod, with the sum; nil when that is not for its memory.
    func podMisfit(_ name: NodeName) -> String? {
        guard let service = wantedService(of: name), let need = service.worker.memory,
            let room = room(name), room < need
        else { return nil }
        return "\(service.name) needs \(need.gigabytes), and it \(roomText(name, room))"
    }

    private func roomText(_ name: NodeName, _ room: Int64) -> String {
        let all = Int64(clamping: nodes[name]?.memory ?? 0)
        return "has \(room.gigabytes) for it (\(all.gigabytes) less "
            + "\(policy.memoryReserve.gigabytes) for the system)"
    }
}

extension Int64 {
    /// Bytes for people, as makers of memory count them: `18.0 GB`.
    var gigabytes: String {
        let tenths = self / 100_000_000
        return "\(tenths / 10).\(tenths % 10) GB"
    }

    fileprivate func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
