import OrderedCollections

/// The limits of a fleet, by what they are for.
struct LimitIndex: Sendable {
    private var submitters: [SubmitterName: LimitSpec] = [:]
    private var everybody: LimitSpec?
    /// In the order of the file.
    private(set) var labels: [(label: JobRequest.Label, limit: LimitSpec)] = []

    init(_ limits: [LimitSpec]) {
        for limit in limits {
            switch limit.subject {
            case .submitter(let name): submitters[name] = submitters[name] ?? limit
            case .everySubmitter: everybody = everybody ?? limit
            case .label(let label): labels.append((label, limit))
            }
        }
    }

    /// What a submitter may take.
    func limit(of name: SubmitterName) -> LimitSpec? { submitters[name] ?? everybody }
}

/// What bounds jobs, and what they have taken of it: which share each belongs to, and what runs at once.
struct Usage: Sendable {
    /// A job that has taken its place of the gates that bound it.
    struct Holding: Hashable, Sendable {
        let gates: [Gate]
        let share: Share
        let queue: ClusterName
        /// What its run was expected to take.
        let expected: Duration
        let since: Instant
    }

    /// Jobs that run, or have a roamer of their own.
    fileprivate(set) var holdings: [JobID: Holding] = [:]
    /// How many of them each gate bounds.
    fileprivate(set) var held: [Gate.Subject: Int] = [:]
    /// Jobs that are accepted and not ended, by submitter.
    fileprivate(set) var open: [SubmitterName: Int] = [:]
    /// What all of those weigh.
    fileprivate(set) var openWeight = 0
    /// When a submitter would have used up what its rate allows.
    fileprivate var paced: [SubmitterName: Instant] = [:]

    /// Whether a job has taken a place of a gate.
    func holds(_ id: JobID, _ subject: Gate.Subject) -> Bool {
        holdings[id]?.gates.contains { $0.subject == subject } == true
    }

    /// What a gate has left.
    func room(of gate: Gate) -> Int { gate.most - held[gate.subject, default: 0] }
}

extension JobRequest {
    /// Who asks for it.
    package var submittedBy: SubmitterName { submitter ?? .local }
}

extension Controller {
    // MARK: Shares and gates of a job

    /// The share of the workers' time that a job counts for, and its weight.
    func share(of request: JobRequest) -> (share: Share, weight: Int) {
        for (label, limit) in limits.labels {
            guard let weight = limit.weight, request.labels.contains(label) else { continue }
            return (.label(label.key, label.value), weight)
        }
        let name = request.submittedBy
        return (.submitter(name), limits.limit(of: name)?.weight ?? 1)
    }

    /// What bounds how many jobs like this one run at once.
    func gates(of request: JobRequest) -> [Gate] {
        var gates: [Gate] = []
        let name = request.submittedBy
        if let most = limits.limit(of: name)?.maxRunning {
            gates.append(Gate(subject: .submitter(name), most: most))
        }
        for (label, limit) in limits.labels {
            guard let most = limit.maxRunning, request.labels.contains(label) else { continue }
            gates.append(Gate(subject: .label(label.key, label.value), most: most))
        }
        guard let place = request.place else { return gates }
        if let most = plans[place.plan]?.maxRunning {
            gates.append(Gate(subject: .plan(place.plan), most: most))
        }
        if let most = place.atOnce {
            gates.append(Gate(subject: .step(place.plan, place.step), most: most))
        }
        return gates
    }

    /// Whether one more job may run for all that a gate bounds.
    func isOpen(_ gate: Gate) -> Bool { usage.room(of: gate) > 0 }

    /// The first gate that keeps a job from running; nil when none does, or when it runs already.
    func closedGate(of job: Job) -> Gate? {
        if usage.holdings[job.id] != nil { return nil }
        return gates(of: job.request).first { !isOpen($0) }
    }

    /// Whether a job may begin: it has its place, and there were not fewer of them since.
    func isWithinLimits(_ job: Job) -> Bool {
        guard let holding = usage.holdings[job.id] else {
            return gates(of: job.request).allSatisfy(isOpen)
        }
        return holding.gates.allSatisfy { usage.room(of: $0) >= 0 }
    }

    /// How many jobs of a queue could begin at once, were there workers enough.
    func runnable(_ queue: ClusterName) -> Int {
        queues[queue]?.runnable { usage.room(of: $0) } ?? 0
    }

    /// What a full gate keeps waiting, for people.
    static func text(_ gate: Gate) -> String {
        let whose =
            switch gate.subject {
            case .submitter(let name): name.rawValue
            case .label(let key, let value): "label \(key)=\(value)"
            case .plan: "its plan"
            case .step(_, let step): "step \(step)"
            }
        return "\(whose) has its most of \(gate.most) jobs running"
    }

    // MARK: What is taken

    /// Notes whether a job has its place of the gates.
    ///
    /// Call it after every change of the job's attempts and of its end, and when it waits for no other job any
    /// more; the roamers' pool tells of those that are lent to one.
    mutating func recount(_ id: JobID, _ now: Instant) {
        let holds = isHolding(id)
        if let holding = usage.holdings[id] {
            if !holds { letGo(id, holding, now) }
        } else if holds, let job = jobs[id] {
            take(job, now)
        }
    }

    private func isHolding(_ id: JobID) -> Bool {
        guard let job = jobs[id] else { return false }
        if job.isActive { return true }
        // One that waits for others takes no place that they may need for another try.
        return job.ending == nil && pool.roamer(of: id) != nil && !prerequisites.isWaiting(id)
    }

    private mutating func take(_ job: Job, _ now: Instant) {
        let (share, weight) = share(of: job.request)
        let expected = expectedRun(job.queue)
        let holding = Usage.Holding(
            gates: gates(of: job.request), share: share, queue: job.queue, expected: expected,
            since: now)
        usage.holdings[job.id] = holding
        for gate in holding.gates { usage.held[gate.subject, default: 0] += 1 }
        // What waits behind a full gate needs no helper.
        if holding.gates.contains(where: { !isOpen($0) }) { touchWanting() }
        queues[job.queue, default: FairQueue()].begin(share, weight: weight, cost: expected)
    }

    private mutating func letGo(_ id: JobID, _ holding: Usage.Holding, _ now: Instant) {
        usage.holdings[id] = nil
        queues[holding.queue]?.end(
            holding.share, expected: holding.expected, took: now.since(holding.since))
        for gate in holding.gates {
            let wasFull = usage.room(of: gate) <= 0
            let left = usage.held[gate.subject, default: 0] - 1
            usage.held[gate.subject] = left > 0 ? left : nil
            guard wasFull else { continue }
            // What it kept waiting may be anywhere.
            for (name, queue) in queues where queue.isBounded(by: gate.subject) {
                unscheduled.insert(name)
            }
        }
        touchExpected(boundBy: holding.gates)
    }

    func expectedRun(_ queue: ClusterName) -> Duration {
        let seconds = min(demand[queue]?.run ?? Self.assumedRun, 1e7)
        return .milliseconds(Int64(seconds * 1_000))
    }

    /// Counts a job of a submitter as open, or as open no more.
    mutating func countOpen(_ job: Job, by change: Int) {
        let name = job.request.submittedBy
        let count = usage.open[name, default: 0] + change
        usage.open[name] = count > 0 ? count : nil
        usage.openWeight += job.request.weight * change
    }

    /// Puts every waiting job into its lane anew, as other limits hold now.
    ///
    /// What runs goes on. A roamer that was lent to a job which may not begin now is given back: it would
    /// keep the place of one that could.
    mutating func regate(_ now: Instant, _ effects: inout Effects) {
        let waiting = queues
        for name in queues.keys { queues[name] = FairQueue() }
        usage.holdings = [:]
        usage.held = [:]
        for id in waiting.values.flatMap(\.entries).map(\.job) {
            guard let job = jobs[id] else { continue }
            let (share, weight) = share(of: job.request)
            let lane = FairQueue.Lane(share: share, gates: lane(of: job).gates)
            queues[job.queue, default: FairQueue()].insert(
                QueueEntry(job), in: lane, weight: weight)
        }
        for name in nodes.keys {
            for key in nodes[name]?.attempts ?? [] { recount(key.job, now) }
        }
        for member in pool.reserved {
            // A job that still waits for others has no place, whatever is made ready for it.
            guard let id = pool.job(of: member.name), let job = jobs[id], job.ending == nil,
                !prerequisites.isWaiting(id)
            else { continue }
            if closedGate(of: job) == nil {
                recount(id, now)
            } else {
                releaseAssignment(member.name, "job \(id) has to wait", now, &effects)
            }
        }
        reviewAllExpected()
        touchAllQueues()
    }

    /// The lane of a waiting job; one that runs already needs no place of a gate for its second copy.
    func lane(of job: Job) -> FairQueue.Lane {
        FairQueue.Lane(
            share: share(of: job.request).share, gates: job.isActive ? [] : gates(of: job.request))
    }

    // MARK: Submissions

    /// Why a submitter may not have so many more jobs open; nil when they may.
    func refusal(toOpen count: Int, for name: SubmitterName) -> Refusal? {
        let open = usage.open[name, default: 0]
        guard let most = limits.limit(of: name)?.maxOpen, open + count > most else { return nil }
        let text = "\(name) may have \(most) jobs open at once, and has \(open)"
        return Refusal(.tooManyOpen, text, retryAfter: .seconds(5))
    }

    /// Why a submitter may not submit so many jobs now; notes the submission when it may.
    mutating func admit(_ name: SubmitterName, jobs count: Int, _ now: Instant) -> Refusal? {
        if let refusal = refusal(toOpen: count, for: name) { return refusal }
        guard let rate = limits.limit(of: name)?.rate else { return nil }
        // The generic cell rate algorithm: one instant tells how much is used up.
        let step = Duration.nanoseconds(rate.per.nanoseconds / Int64(max(rate.count, 1)))
        let used = max(usage.paced[name] ?? now, now)
        let free = used + step - rate.per
        if free > now {
            let text = "\(name) may submit \(rate.count) times in \(rate.per.components.seconds) s"
            return Refusal(.rateLimited, text, retryAfter: free.since(now))
        }
        if usage.paced.count > 1_000 { usage.paced = usage.paced.filter { $0.value > now } }
        usage.paced[name] = used + step
        return nil
    }

    // MARK: Checks

    /// What is wrong with what is counted as taken; nil when nothing is.
    func usageMistake() -> String? {
        var held: [Gate.Subject: Int] = [:]
        for (id, holding) in usage.holdings {
            if !isHolding(id) { return "\(id) is counted as running" }
            for gate in holding.gates { held[gate.subject, default: 0] += 1 }
        }
        if held != usage.held { return "what runs is counted wrongly" }
        var open: [SubmitterName: Int] = [:]
        var openWeight = 0
        for job in jobs.values {
            if isHolding(job.id), usage.holdings[job.id] == nil {
                return "\(job.id) is not counted as running"
            }
            guard job.ending == nil else { continue }
            open[job.request.submittedBy, default: 0] += 1
            openWeight += job.request.weight
        }
        guard open == usage.open, openWeight == usage.openWeight else {
            return "open jobs are counted wrongly"
        }
        return nil
    }
}
