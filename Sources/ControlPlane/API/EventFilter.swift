import FleetCore

/// Which events somebody wants, and may see.
struct EventFilter {
    var job: JobID?
    var node: NodeName?
    var plan: PlanID?
    var kind: FleetEvent.Kind?
    var since = Instant.zero
    let caller: Caller

    /// Whether it may leave hardly any of what happened.
    var isNarrow: Bool { job != nil || node != nil || plan != nil || kind != nil }

    func takes(_ event: FleetEvent) -> Bool {
        (job == nil || event.job == job) && (node == nil || event.node == node)
            && (plan == nil || event.plan == plan) && (kind == nil || event.kind == kind)
            && event.at >= since && caller.maySee(event.kind)
    }
}
