import FleetCore

/// What a scheduling policy cost: how long jobs waited, and how long roamers were away from the pool.
struct PolicyLedger {
    /// Seconds from submission to the first start, of every job.
    private(set) var waits: [Double] = []
    /// Seconds roamers spent in any state but IDLE and QUARANTINED.
    private(set) var roamerSeconds = 0.0
    /// How often a roamer was lent.
    private(set) var assignments = 0
    private var submitted: [JobID: Instant] = [:]

    mutating func take(_ event: FleetEvent) {
        switch event.kind {
        case .job:
            guard let job = event.job else { return }
            if event.to == JobState.queued.rawValue, event.from == nil {
                submitted[job] = event.at
            } else if event.to == JobState.running.rawValue, let at = submitted[job] {
                submitted[job] = nil
                waits.append(event.at.since(at).inSeconds)
            }
        case .roamer:
            switch event.from {
            case RoamerState.idle.rawValue, RoamerState.quarantined.rawValue, nil: break
            default: roamerSeconds += event.lasted?.inSeconds ?? 0
            }
            if event.to == RoamerState.assigned.rawValue { assignments += 1 }
        case .node, .pod, .assignment, .fleet, .plan, .token, .webhook: break
        }
    }

    mutating func add(_ other: PolicyLedger) {
        waits += other.waits
        roamerSeconds += other.roamerSeconds
        assignments += other.assignments
    }
}
