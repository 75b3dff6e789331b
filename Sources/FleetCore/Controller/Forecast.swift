import OrderedCollections

/// What is known of the demand on a cluster: how often jobs come, how long they run, and how long
/// help takes to arrive.
///
/// Moving averages, for the overflow rule `forecast` and for estimates; never for anything that must
/// be right.
struct Demand: Sendable {
    /// The mean run time of its jobs in seconds; nil when nothing is known.
    private(set) var run: Double?
    /// The mean time between two submissions in seconds.
    private(set) var gap: Double?
    /// The mean time from ASSIGNED to RUNNING of its helpers in seconds.
    private(set) var startup: Double?
    private var lastAt: Instant?

    /// A job was submitted.
    mutating func submitted(_ now: Instant) {
        if let lastAt { gap = Self.moved(gap, to: now.since(lastAt).inSeconds, by: 0.1) }
        lastAt = now
    }

    /// A job has run.
    mutating func ran(_ time: Duration) { run = Self.moved(run, to: time.inSeconds, by: 0.2) }

    /// A helper has become ready.
    mutating func helperStarted(_ time: Duration) {
        startup = Self.moved(startup, to: time.inSeconds, by: 0.3)
    }

    /// How many workers the demand keeps busy (erlangs): submissions a second times seconds of a run.
    func offered(_ now: Instant) -> Double {
        guard let gap, let lastAt, let run else { return 0 }
        let silence = now.since(lastAt).inSeconds
        // However long its jobs ran: they shall not keep a helper for hours.
        guard silence < Self.goneAfter else { return 0 }
        // When nothing comes any more the demand falls by itself.
        return run / max(gap, silence, 0.001)
    }

    /// Seconds without a submission after which there is no demand any more.
    private static let goneAfter = 900.0

    private static func moved(_ mean: Double?, to value: Double, by weight: Double) -> Double {
        mean.map { $0 * (1 - weight) + value * weight } ?? value
    }
}

extension Controller {
    /// Before anything is known, a job is taken for a short one rather than nothing said.
    static let assumedRun = 10.0

    /// When the job that waits last would start without more help, in seconds: the jobs ahead at
    /// the recent mean, over the slots there are and those that come.
    func forecastWait(_ cluster: ClusterName, _ load: Load) -> Double {
        let slots = load.slots + load.comingSlots
        guard slots > 0 else { return .infinity }
        let run = demand[cluster]?.run ?? Self.assumedRun
        return run * Double(load.waiting) / Double(slots)
    }

    /// How long help takes to arrive, in seconds: as measured, else as the template says.
    func helpTakes(_ cluster: ClusterSpec) -> Double {
        if let measured = demand[cluster.name]?.startup { return measured }
        let template = cluster.template.flatMap { self.template($0) }
        return template?.startupTime.inSeconds ?? policy.readyAtLeast.inSeconds
    }

    /// The rule `forecast`: help when the wait in line is twice as long as help takes to arrive, or
    /// sooner when more comes than the slots can keep up with.
    ///
    /// A lower bound was measured to make jobs wait longer, not shorter: help arrives when the line
    /// has gone, and roamers are busy with changing places. See docs/scheduling.md.
    func forecastWantsHelp(_ cluster: ClusterSpec, _ load: Load, _ now: Instant) -> Bool {
        let takes = helpTakes(cluster)
        let wait = forecastWait(cluster.name, load)
        if wait > takes * 2 { return true }
        let offered = demand[cluster.name]?.offered(now) ?? 0
        return wait * 4 > takes && offered > Double(load.slots + load.comingSlots)
    }

    /// Whether an idle helper is kept all the same: without it the demand would take up more than
    /// four tenths of the other slots.
    ///
    /// It was called at a higher demand than that, so it does not come and go.
    func isStillNeeded(_ cluster: ClusterSpec, _ now: Instant) -> Bool {
        guard cluster.scaling.overflow == .forecast else { return false }
        let load = load(of: cluster)
        let others = Double(Swift.max(load.slots - 1, 0))
        // With no other slot a helper is kept for a twentieth of its time, and not for ever.
        return (demand[cluster.name]?.offered(now) ?? 0) > Swift.max(others * 0.4, 0.05)
    }
}
