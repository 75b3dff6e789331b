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
        var taken = node.record.roamer?.assignment?.worker.map(take) ?? 0
        if let service = podService(of: name), service.worker.contract != .exec {
            taken = take(of: service.worker)
        }
        taken = taken.addingClamped(sum(node.attempts) { take(of: $0) })
        return room - min(taken, room)
    }

    /// What the containers of their own that attempts have add up to.
    private func sum(
        _ attempts: OrderedSet<AttemptKey>, _ bytes: (ContainerOrder) -> Int64
    ) -> Int64 {
        attempts.reduce(0) { sum, key in
            let container = jobs[key.job]?.attempt(key.number)?.container
            return sum.addingClamped(container.map(bytes) ?? 0)
        }
    }

    /// Whether a node's pod fits beside attempts that have containers of their own: those were begun for
    /// another service, and end first.
    func fitsBeside(
        _ attempts: OrderedSet<AttemptKey>, _ pod: WorkerOrder, _ name: NodeName
    ) -> Bool {
        guard let room = room(name), let need = pod.spec.memory else { return true }
        let taken = sum(attempts) { $0.memory ?? 0 }
        return taken == 0 || taken.addingClamped(need) <= room
    }

    /// What a job needs of a roamer of its own.
    func need(ofOwnRoamer what: JobRequest) -> Int64 {
        if let image = what.image { return what.memory ?? need(ofRoamerFor: image) }
        guard let worker = what.template.flatMap({ self.template($0)?.worker }) else { return 0 }
        // A worker that takes many jobs is made as its template says.
        if worker.contract == .exec, let memory = what.memory { return memory }
        return need(ofRoamerFor: worker)
    }

    /// What a worker needs of a roamer.
    func need(ofRoamerFor worker: WorkerSpec) -> Int64 {
        worker.memory ?? need(ofRoamerFor: worker.image)
    }

    /// What an image needs of a roamer that declares nothing: no more than the largest has, since it was
    /// only seen.
    private func need(ofRoamerFor image: String) -> Int64 {
        let peak = peak(of: image)
        guard peak > 0 else { return 0 }
        var largest: Int64 = 0
        for name in fleet.roamers {
            guard let room = room(name) else { return peak }
            largest = max(largest, room)
        }
        return min(peak, largest)
    }

    /// What a queue's next roamer must have at least.
    func leastNeed(of queue: ClusterName) -> Int64 {
        if let cluster = cluster(queue) {
            return helper(of: cluster).map { need(ofRoamerFor: $0.worker) } ?? 0
        }
        let window = policy.lookahead + pool.reserved.count
        let needs = (queues[queue]?.prefix(window, where: isOpen) ?? []).compactMap {
            entry -> Int64? in
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
        return "has \(room.gigabytes) for it (its agent offers \(all.gigabytes), less "
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
