import FleetCore
import Logging
import RedisStore

/// Keeps the record in Redis from growing without end, in small pieces beside the work.
///
/// Events, the trail of what was done, and past jobs go when their time is over. Past jobs whose record is
/// long have their input moved to the object store, as larger inputs are when they are submitted.
struct RecordKeeper: Sendable {
    let store: FleetStore
    let inputs: InputStore
    let clock: AnchoredClock
    /// How long events are kept.
    let keepEvents: Duration
    /// How long it is kept who did what.
    let keepAudit: Duration
    let logger: Logger

    private static let every = Duration.seconds(10)
    private static let between = Duration.milliseconds(5)
    /// Records shortened at once.
    private static let atOnce = 16

    /// Works until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                var isCut = false
                await always {
                    let since = try await forget(at: clock.now)
                    if let since, !isCut {
                        logger.notice(
                            "events are deleted before their time: there are too many",
                            metadata: ["limit": "\(store.eventMax)", "since": "\(since.rfc3339)"])
                    }
                    isCut = since != nil
                }
            }
            // By itself: after a restore there may be much of it, and the object store may be slow.
            group.addTask { await always { try await shorten() } }
        }
    }

    /// Does something again and again.
    private func always(_ body: () async throws -> Void) async {
        var isHindered = false
        while !Task.isCancelled {
            do {
                try await body()
                isHindered = false
            } catch {
                if !isHindered, !Task.isCancelled {
                    logger.notice(
                        "record is not tidied for now", metadata: ["error": "\(error)"])
                }
                isHindered = true
            }
            try? await Task.sleep(for: Self.every, clock: .continuous)
        }
    }

    /// Deletes what is too old now; since when there are events, if their number does not allow all of their
    /// time.
    @discardableResult
    func forget(at now: Instant) async throws -> Instant? {
        // The latest are in memory anyway, and show what a quiet fleet did last.
        try await repeating {
            try await store.forgetEvents(before: now - keepEvents, sparing: EventFeed.kept)
        }
        try await repeating { try await store.forgetAudit(before: now - keepAudit) }
        try await repeating { try await store.foldEnded() }
        try await repeating {
            try await store.forgetJobs(endedBefore: now - FleetStore.jobRetention)
        }
        guard let span = try await store.eventSpan(), span.count >= store.eventMax,
            span.since > now - keepEvents
        else { return nil }
        return span.since
    }

    /// Goes on until a piece finds no more, and lets Redis do other work between two.
    private func repeating(_ piece: () async throws -> Int) async throws {
        while try await piece() == FleetStore.keepingChunk {
            try await Task.sleep(for: Self.between, clock: .continuous)
        }
    }

    // MARK: Past jobs

    /// Shortens the long records of past jobs.
    func shorten() async throws {
        while true {
            let records = try await store.longRecords(limit: Self.atOnce)
            let done = try await withThrowingTaskGroup(of: Bool.self) { group in
                for record in records { group.addTask { try await shorten(record) } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            // One that changed meanwhile is looked at the next time.
            if records.isEmpty || done < records.count { return }
            try Task.checkCancellation()
        }
    }

    private func shorten(_ record: FleetStore.LongRecord) async throws -> Bool {
        guard let job = record.job, let shorter = try shortened(job) else {
            return try await store.shorten(record, to: nil)
        }
        if job.request.stored == nil { try await inputs.put(job.request.input, of: job.id) }
        return try await store.shorten(record, to: shorter)
    }

    /// A past job with as much of its input as lets its record be short; nil where that would not help.
    private func shortened(_ job: Job) throws -> Job? {
        guard job.ending != nil, !job.isActive else { return nil }
        let input = job.request.input
        let stored = job.request.stored ?? InputStore.stored(input)
        var last: Job?
        for form in Abridged.forms(of: input) {
            let shorter = job.holding(input: form, of: stored)
            if try store.isShort(shorter) { return shorter }
            last = shorter
        }
        guard let last, try store.length(of: last) < store.length(of: job) else { return nil }
        return last
    }
}
