import DequeModule
import OrderedCollections

/// Which jobs wait for others to succeed.
struct Prerequisites: Sendable {
    /// How many others each waits for.
    fileprivate(set) var unmet: [JobID: Int] = [:]
    /// Who waits for a job.
    fileprivate(set) var dependents: [JobID: Set<JobID>] = [:]
    /// Those of them that wait only for what runs now, by queue.
    fileprivate var expected: [ClusterName: [JobID]] = [:]
    /// What bounds those that limits bound.
    fileprivate var bounds: [JobID: Bounds] = [:]
    /// Jobs that nothing is prepared for any more, as it failed once.
    fileprivate var unprepared: Set<JobID> = []
    /// Jobs that ended in this step, and nobody who waited for them knows yet.
    var ended: Deque<JobID> = []

    /// What may keep a job from running when what it waits for is done.
    fileprivate struct Bounds: Sendable {
        let gates: [Gate]
        /// What it waits for: that gives back its places of the gates.
        let behind: [JobID]
    }

    /// Whether a job waits for others.
    func isWaiting(_ id: JobID) -> Bool { unmet[id] != nil }
    /// How many jobs wait for others.
    var count: Int { unmet.count }
}

extension Controller {
    /// Makes a job wait for those of its prerequisites that have not succeeded.
    mutating func awaitPrerequisites(of job: Job) {
        var open = 0
        for other in job.request.after where !isMet(other) {
            open += 1
            prerequisites.dependents[other.job, default: []].insert(job.id)
        }
        prerequisites.unmet[job.id] = open > 0 ? open : nil
        reviewExpected(job.id)
    }

    /// Whether a prerequisite has succeeded.
    ///
    /// So has one that is only history: had it ended otherwise, what waited for it had ended with it.
    func isMet(_ other: Prerequisite) -> Bool {
        jobs[other.job].map { $0.ending?.outcome == .succeeded } ?? true
    }

    /// Why nothing can be made to wait for all of these; nil when it can.
    func refusal(toAwaitAll others: [Prerequisite]) -> Refusal? {
        for other in others {
            if let refusal = refusal(toAwait: other.job) { return refusal }
        }
        return nil
    }

    /// Why nothing can be made to wait for a job; nil when it can.
    func refusal(toAwait id: JobID) -> Refusal? {
        guard let job = jobs[id] else {
            return Refusal(.notFound, "no job has the id \(id), so nothing can wait for it")
        }
        guard let ending = job.ending, ending.outcome != .succeeded else { return nil }
        return Refusal(
            .conflict, "job \(id) has ended as \(ending.outcome.rawValue); retry it first")
    }

    /// A job has ended, or need not wait any more.
    mutating func forgetPrerequisites(of id: JobID) {
        guard prerequisites.unmet.removeValue(forKey: id) != nil, let job = jobs[id] else { return }
        prerequisites.unprepared.remove(id)
        for other in job.request.after {
            prerequisites.dependents[other.job]?.remove(id)
            if prerequisites.dependents[other.job]?.isEmpty == true {
                prerequisites.dependents[other.job] = nil
            }
        }
        reviewExpected(id)
    }

    /// Tells those who waited for a job that has ended; a chain of any length, one by one.
    mutating func settleEnds(_ now: Instant, _ effects: inout Effects) {
        while let id = prerequisites.ended.popFirst() {
            guard let job = jobs[id], let ending = job.ending else { continue }
            // In the order of their ids, the same whenever it is done again.
            for waiting in (prerequisites.dependents.removeValue(forKey: id) ?? []).sorted() {
                if ending.outcome == .succeeded {
                    met(waiting, now, &effects)
                } else {
                    let text = "\(Self.called(job, by: jobs[waiting])) \(Self.verb(ending.outcome))"
                    giveUp(waiting, Failure(.prerequisiteFailed, text), now, &effects)
                }
            }
            if let place = job.request.place { jobEnded(id, of: place.plan, now, &effects) }
        }
    }

    private mutating func met(_ id: JobID, _ now: Instant, _ effects: inout Effects) {
        guard let open = prerequisites.unmet[id] else { return }
        prerequisites.unmet[id] = open > 1 ? open - 1 : nil
        reviewExpected(id)
        guard open <= 1, let job = jobs[id] else { return }
        prerequisites.unprepared.remove(id)
        demand[job.queue, default: Demand()].submitted(now)
        // What was made ready for it leads past no limit.
        if let name = roamer(of: id), closedGate(of: job) != nil {
            releaseAssignment(name, "job \(id) has to wait", now, &effects)
        }
        recount(id, now)
        refreshQueue(id, now)
    }

    /// Cancels what has not begun, for a reason that lies in another job.
    mutating func giveUp(
        _ id: JobID, _ why: Failure, _ now: Instant, _ effects: inout Effects
    ) {
        guard let job = jobs[id], job.ending == nil, !job.isActive else { return }
        end(id, .cancelled, error: why, from: job, attempt: nil, now: now, &effects)
    }

    /// What the waiting job calls one that it waited for.
    private static func called(_ job: Job, by waiting: Job?) -> String {
        if let place = job.request.place, place.plan == waiting?.request.place?.plan {
            return "step \(place.text)"
        }
        return "job \(job.id)"
    }

    private static func verb(_ outcome: Job.Outcome) -> String {
        switch outcome {
        case .succeeded: "has succeeded"
        case .failed: "has failed"
        case .cancelled: "was cancelled"
        }
    }

    /// What a job waits for, for people; nil when it waits for no other.
    func prerequisiteText(_ job: Job) -> String? {
        guard let open = prerequisites.unmet[job.id] else { return nil }
        let first = job.request.after.lazy.compactMap { self.jobs[$0.job] }
            .first { $0.ending?.outcome != .succeeded }
        guard let first else { return "waits for \(open) other jobs" }
        let more = open > 1 ? " and \(open - 1) more" : ""
        return "waits for \(Self.called(first, by: job)), which is \(first.state.rawValue)\(more)"
    }

    // MARK: What comes next

    /// Looks anew at those who wait for a job, as it has begun to run or runs no more.
    mutating func reviewDependents(of id: JobID) {
        guard let waiting = prerequisites.dependents[id] else { return }
        for id in waiting.sorted() { reviewExpected(id) }
    }

    /// Looks anew at all who wait for others, as other limits hold now.
    mutating func reviewAllExpected() {
        prerequisites.expected = [:]
        prerequisites.bounds = [:]
        for id in prerequisites.unmet.keys.sorted() { reviewExpected(id) }
    }

    /// Notes whether a job will be ready when what runs now is done.
    private mutating func reviewExpected(_ id: JobID) {
        guard let job = jobs[id] else { return }
        let known = prerequisites.expected[job.queue] ?? []
        let place = known.lowerBound(of: id)
        let isIn = place < known.count && known[place] == id
        // A few are enough to prepare for.
        guard isExpected(job) != isIn, isIn || known.count < Self.expectedLimit else { return }
        if isIn {
            prerequisites.expected[job.queue]?.removeSorted(id)
            prerequisites.bounds[id] = nil
        } else {
            prerequisites.expected[job.queue, default: []].insertSorted(id)
            let gates = gates(of: job.request)
            if !gates.isEmpty {
                let behind = job.request.after.filter { !isMet($0) }.map(\.job)
                prerequisites.bounds[id] = .init(gates: gates, behind: behind)
            }
            unscheduled.insert(job.queue)
        }
        if prerequisites.expected[job.queue]?.isEmpty == true {
            prerequisites.expected[job.queue] = nil
        }
    }

    private func isExpected(_ job: Job) -> Bool {
        // Behind many others some wait themselves, nearly always.
        guard job.ending == nil, job.stopping == nil, let open = prerequisites.unmet[job.id],
            open <= Self.expectedBehind, !prerequisites.unprepared.contains(job.id)
        else { return false }
        return job.request.after.allSatisfy {
            isMet($0) || jobs[$0.job]?.state == .running
        }
    }

    /// Jobs of one queue that are prepared for.
    private static let expectedLimit = 64
    /// How many others a job may wait for and still be prepared for.
    private static let expectedBehind = 16

    /// What was prepared for a job failed: it is not tried again before the job is ready.
    mutating func stopExpecting(_ id: JobID) {
        prerequisites.unprepared.insert(id)
        reviewExpected(id)
    }

    /// The jobs of a queue that may begin when what runs now is done, oldest first.
    ///
    /// There is a place for each of them in every gate that bounds it: one that is free, or one that what they
    /// wait for gives back.
    func expected(_ queue: ClusterName) -> [JobID] {
        var taken: [Gate.Subject: Int] = [:]
        var givers: [Gate.Subject: Set<JobID>] = [:]
        return (prerequisites.expected[queue] ?? []).filter { id in
            guard let bounds = prerequisites.bounds[id] else { return true }
            var given = givers
            for gate in bounds.gates {
                given[gate.subject, default: []].formUnion(
                    bounds.behind.filter { usage.holds($0, gate.subject) })
                let back = given[gate.subject]?.count ?? 0
                if taken[gate.subject, default: 0] - back >= usage.room(of: gate) { return false }
            }
            givers = given
            for gate in bounds.gates { taken[gate.subject, default: 0] += 1 }
            return true
        }
    }

    /// Marks for scheduling the queues of jobs that may be expected now, as gates have places again.
    mutating func touchExpected(boundBy gates: [Gate]) {
        guard !gates.isEmpty, !prerequisites.bounds.isEmpty else { return }
        let subjects = Set(gates.map(\.subject))
        for (queue, ids) in prerequisites.expected {
            let isBounded = ids.contains { id in
                prerequisites.bounds[id]?.gates.contains { subjects.contains($0.subject) } == true
            }
            if isBounded { unscheduled.insert(queue) }
        }
    }
}
