package import FleetCore

/// Holds the invariants against a recorded history: the events of a simulated fleet or of a real
/// one, in order.
///
/// A history may begin in the middle: what a job or node was before its first event is believed.
package struct HistoryChecker: Sendable {
    /// What was broken, in order.
    package private(set) var violations: [(invariant: Invariant, text: String)] = []
    /// Events seen.
    package private(set) var count = 0

    private struct JobTrack {
        var state: JobState
        /// Attempts begun and not known to have ended, by number, with their nodes.
        var lastAttempt = 0
        var results = 0
    }
    private var jobs: [JobID: JobTrack] = [:]
    private var plans: [PlanID: String] = [:]
    private var roamers: [NodeName: RoamerState] = [:]
    private var nodes: [NodeName: NodeState] = [:]
    private var lastSequence: UInt64?
    private var lastAt: Instant?

    /// Creates a checker that has seen nothing.
    package init() {}

    /// How many jobs have not ended by now.
    package var openJobs: [JobID] {
        jobs.filter { !$0.value.state.isFinal }.keys.sorted()
    }

    /// Takes the next event.
    package mutating func take(_ event: FleetEvent) {
        count += 1
        if let last = lastSequence, event.sequence != last + 1 {
            violate(.events, "event \(event.sequence) follows \(last)")
        }
        if let last = lastAt, event.at < last {
            violate(.events, "event \(event.sequence) is earlier than the one before it")
        }
        lastSequence = event.sequence
        lastAt = event.at
        switch event.kind {
        case .job: job(event)
        case .plan: plan(event)
        case .roamer: roamer(event)
        case .node: node(event)
        // A node may leave the pool and come back as a new roamer.
        case .fleet: roamers = [:]
        case .pod, .assignment, .token, .webhook: break
        }
    }

    /// Forgets jobs that have ended, so that a long history fits into memory.
    package mutating func forgetEnded() {
        jobs = jobs.filter { !$0.value.state.isFinal }
        plans = plans.filter { $0.value == "running" }
    }

    private mutating func violate(_ invariant: Invariant, _ text: String) {
        if violations.count < 100 { violations.append((invariant, text)) }
    }

    private mutating func job(_ event: FleetEvent) {
        guard let id = event.job, let to = event.to.flatMap({ JobState(rawValue: $0) }) else {
            return violate(.events, "event \(event.sequence) names no job or no state")
        }
        let from = event.from.flatMap { JobState(rawValue: $0) }
        guard var track = jobs[id] else {
            jobs[id] = JobTrack(
                state: to, lastAttempt: event.attempt ?? 0, results: to == .succeeded ? 1 : 0)
            return
        }
        if from != track.state {
            violate(
                .events,
                "\(id): from \(event.from ?? "nothing") where it was \(track.state.rawValue)")
        }
        if track.state.isFinal, event.reason != "asked for again" {
            violate(.resultOnce, "\(id) had \(track.state.rawValue) and is \(to.rawValue)")
        }
        // A second copy is announced by an event of its own, which changes nothing.
        if to != track.state, !track.state.successors.contains(to) {
            violate(.transitions, "\(id): from \(track.state.rawValue) to \(to.rawValue)")
        }
        if to == .succeeded {
            track.results += 1
            if track.results > 1 { violate(.resultOnce, "\(id) has \(track.results) results") }
        }
        track.lastAttempt = max(track.lastAttempt, event.attempt ?? 0)
        track.state = to
        jobs[id] = track
    }

    private mutating func plan(_ event: FleetEvent) {
        guard let id = event.plan, let to = event.to else {
            return violate(.events, "event \(event.sequence) names no plan or no state")
        }
        if let known = plans[id], known != event.from {
            violate(.events, "plan \(id): from \(event.from ?? "nothing") where it was \(known)")
        }
        if let from = event.from, from != "running", event.reason != "asked for again" {
            violate(.resultOnce, "plan \(id) had \(from) and is \(to)")
        }
        plans[id] = to
    }

    private mutating func roamer(_ event: FleetEvent) {
        guard let name = event.node, let to = event.to.flatMap({ RoamerState(rawValue: $0) })
        else { return violate(.events, "event \(event.sequence) names no roamer or no state") }
        let from = event.from.flatMap { RoamerState(rawValue: $0) }
        if let known = roamers[name], known != from {
            violate(
                .events, "\(name): from \(event.from ?? "nothing") where it was \(known.rawValue)")
        }
        if let from, from != to, !from.successors.contains(to) {
            violate(.transitions, "\(name): from \(from.rawValue) to \(to.rawValue)")
        }
        roamers[name] = to
    }

    private mutating func node(_ event: FleetEvent) {
        guard let name = event.node else {
            return violate(.events, "event \(event.sequence) names no node")
        }
        guard let to = event.to.flatMap({ NodeState(rawValue: $0) }) else { return }
        let from = event.from.flatMap { NodeState(rawValue: $0) }
        // A new controller begins with its own idea of who is heard.
        if from == .suspect, to == .suspect { return }
        if let from, from == .lost, to == .suspect {
            violate(.transitions, "\(name): from lost to suspect")
        }
        nodes[name] = to
    }
}
