package import FleetCore

extension FleetStore {
    /// Past jobs looked at in one page.
    private static let pastChunk = 2_000
    private static let eventChunk = 5_000
    /// Inputs read from elsewhere at once.
    private static let inputsAtOnce = 16

    /// Writes the record as it was at one moment into an archive.
    ///
    /// `snapshot` is the machine at that moment, between two batches: all that lives, and what ended last.
    /// What it has not in memory is read from Redis beside the work, in bounded pieces: past jobs and plans
    /// from before the moment, events up to it, revisions. Of that only a job or plan that is asked for again
    /// can change, and `recalls`, which begin at the moment, have it as it was. So the archive shows the record
    /// at one moment, though writing it takes a while. Records that cannot be read are handed to `damaged` and
    /// left out. `whole` gives jobs of whose input the record has a short form all of it, if it shall be in
    /// the archive.
    @concurrent package func archive(
        _ snapshot: Controller.Snapshot, at moment: Instant, recalls: RecallNotes, term: UInt64,
        version: String, to path: String,
        whole: @escaping @Sendable (Job) async throws -> Job = { $0 },
        damaged: @Sendable (JobID) -> Void
    ) async throws -> ArchiveSummary {
        let header = ArchiveHeader(
            version: version, at: moment, fleet: snapshot.fleet.fleet,
            revision: snapshot.fleetRevision, term: term, counters: snapshot.counters)
        var writer = try ArchiveWriter.begin(path: path, header: header)
        let history = try await fleetHistory(limit: .max)
        for fleet in history.reversed() where fleet.revision <= snapshot.fleetRevision {
            try writer.add(fleet)
        }
        for token in snapshot.tokens { try writer.add(token) }
        for webhook in snapshot.webhooks { try writer.add(webhook) }
        for ban in snapshot.bans { try writer.add(ban) }
        for node in snapshot.nodes { try writer.add(node) }
        try await addPlans(snapshot, moment, recalls, to: &writer)
        try await addJobs(snapshot, moment, recalls, to: &writer, whole: whole, damaged: damaged)
        try await addEvents(through: snapshot.counters.event, to: &writer)
        try await checkWritten(snapshot, term)
        return try writer.finish()
    }

    private func addPlans(
        _ snapshot: Controller.Snapshot, _ moment: Instant, _ recalls: RecallNotes,
        to writer: inout ArchiveWriter
    ) async throws {
        let inMemory = Set(snapshot.plans.map(\.id))
        for plan in snapshot.plans { try writer.add(plan) }
        var last: PlanID?
        while true {
            try Task.checkCancellation()
            // A plan may have as many as 10,000 steps.
            let ids = try await planIDs(after: last, limit: 200)
            guard let final = ids.last else { return }
            last = final
            let found = try await plans(ids.filter { !inMemory.contains($0) })
            let recalled = recalls.plans
            for plan in found where plan.submittedAt < moment {
                try writer.add(recalled[plan.id] ?? plan)
            }
        }
    }

    private func addJobs(
        _ snapshot: Controller.Snapshot, _ moment: Instant, _ recalls: RecallNotes,
        to writer: inout ArchiveWriter, whole: @escaping @Sendable (Job) async throws -> Job,
        damaged: @Sendable (JobID) -> Void
    ) async throws {
        let inMemory = Set(snapshot.jobs.map(\.id))
        for job in snapshot.jobs {
            try Task.checkCancellation()
            try writer.add(job.request.stored == nil ? job : await whole(job))
        }
        var pages = try await pastPages(limit: Self.pastChunk)
        var recalled: Set<JobID> = []
        var isOver = false
        while !isOver {
            let before = pages.reached
            let page = try await nextPage(&pages)
            isOver = page == nil
            try Task.checkCancellation()
            let found = try await readable((page ?? []).filter { !inMemory.contains($0) })
            // Looked for after the page was read, which may have them as they are now, or not at all.
            let new = recalls.jobs.values.filter { !recalled.contains($0.id) }
            recalled.formUnion(new.map(\.id))
            let missed = new.filter {
                !inMemory.contains($0.id) && !pages.hadRead($0.id, at: before)
            }
            .sorted { $0.id < $1.id }
            let jobs = (found.jobs.filter { !recalled.contains($0.id) } + missed)
                .filter { $0.submittedAt < moment }
            for job in try await Self.whole(jobs, by: whole) { try writer.add(job) }
            for id in found.damaged { damaged(id) }
        }
    }

    private static func whole(
        _ jobs: [Job], by whole: @escaping @Sendable (Job) async throws -> Job
    ) async throws -> [Job] {
        try await withThrowingTaskGroup(of: (place: Int, job: Job).self) { group in
            var found = jobs
            var asked = 0
            for (place, job) in jobs.enumerated() where job.request.stored != nil {
                if asked >= inputsAtOnce, let next = try await group.next() {
                    found[next.place] = next.job
                }
                asked += 1
                group.addTask { (place, try await whole(job)) }
            }
            for try await next in group { found[next.place] = next.job }
            return found
        }
    }

    private func addEvents(through last: UInt64, to writer: inout ArchiveWriter) async throws {
        var after: UInt64 = 0
        while after < last {
            try Task.checkCancellation()
            let events = try await events(after: after, limit: Self.eventChunk)
            guard let final = events.last else { return }
            for event in events where event.sequence <= last { try writer.add(event) }
            after = final.sequence
        }
    }

    /// What was in memory must be in the record too, and the record still ours.
    private func checkWritten(
        _ snapshot: Controller.Snapshot, _ term: UInt64
    ) async throws {
        let reply = try await store.client.read([
            RedisCommand("HMGET", .text(keys.meta), "term", "event")
        ]).first
        let fields = (reply?.array ?? []).map { $0.text.flatMap { UInt64($0) } ?? 0 }
        guard fields.count == 2, fields[0] == term else {
            throw RedisStoreError(.fenced, "another controller has taken over")
        }
        guard fields[1] >= snapshot.counters.event else {
            throw RedisStoreError(
                .unavailable(outcomeUnknown: false), "the store did not keep up; try again")
        }
    }
}
