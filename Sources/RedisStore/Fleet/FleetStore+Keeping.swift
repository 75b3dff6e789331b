package import FleetCore

/// How history goes that is too old, and how past records stay short: in pieces, beside the work.
extension FleetStore {
    /// What one call takes away at most.
    package static let keepingChunk = 200

    /// Deletes some of the events from before an instant, but for the latest `sparing`; how many.
    package func forgetEvents(
        before instant: Instant, sparing: Int
    ) async throws(RedisStoreError) -> Int {
        try await forgetEntries(of: keys.events, before: instant, sparing: sparing)
    }

    /// Deletes some of what is in the trail of what was done from before an instant; how many.
    package func forgetAudit(before instant: Instant) async throws(RedisStoreError) -> Int {
        try await forgetEntries(of: keys.audit, before: instant, sparing: 0)
    }

    private func forgetEntries(
        of stream: String, before instant: Instant, sparing: Int
    ) async throws(RedisStoreError) -> Int {
        let reply = try await store.client.read(
            RedisCommand(
                "EVAL", .text(KeepingScript.forgetEntries), 1, .text(stream),
                .integer(instant.nanoseconds), .integer(Int64(sparing)),
                .integer(Int64(Self.keepingChunk))))
        return Int(reply.integer ?? 0)
    }

    /// How many events are kept, and since when; nil when there are none.
    package func eventSpan() async throws(RedisStoreError) -> (count: Int, since: Instant)? {
        let count = try await store.client.read(RedisCommand("XLEN", .text(keys.events)))
        guard let first = try await events(after: 0, limit: 1).first else { return nil }
        return (Int(count.integer ?? 0), first.at)
    }

    /// The number of the last event from before an instant; 0 when there is none.
    ///
    /// Events are in the order of their times, so a few are looked at, not all.
    package func lastEvent(before instant: Instant) async throws(RedisStoreError) -> UInt64 {
        guard let first = try await events(after: 0, limit: 1).first, first.at < instant,
            let last = try await latestEvents(limit: 1).first
        else { return 0 }
        if last.at < instant { return last.sequence }
        // The event `low` is older; from `high` on none is.
        var (low, high) = (first.sequence, last.sequence)
        while low < high, high - low > 1 {
            let middle = low + (high - low) / 2
            // After a restore numbers may be missing.
            guard let event = try await events(after: middle - 1, limit: 1).first else { break }
            if event.at < instant { low = event.sequence } else { high = middle }
        }
        return low
    }

    // MARK: Long records

    /// The record of a past job that takes more memory than it should.
    package struct LongRecord: Sendable {
        /// The job's id.
        package let id: JobID
        /// The job; nil when it is not kept any more, or its record is damaged.
        package let job: Job?
        fileprivate let bytes: [UInt8]
    }

    /// Some of the past jobs whose records are long.
    package func longRecords(limit: Int) async throws(RedisStoreError) -> [LongRecord] {
        let reply = try await store.client.read(
            RedisCommand("SRANDMEMBER", .text(keys.long), .integer(Int64(limit))))
        let ids = (reply.array ?? []).compactMap(\.text)
        if ids.isEmpty { return [] }
        let replies = try await store.client.read(
            ids.map { RedisCommand("GET", .text(keys.job($0))) })
        var records: [LongRecord] = []
        for (id, reply) in zip(ids, replies) {
            if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
            let bytes = reply.bytes ?? []
            records.append(LongRecord(id: JobID(id), job: unpacked(bytes, of: id), bytes: bytes))
        }
        return records
    }

    /// How long a past job's record is.
    package func length(of job: Job) throws(RedisStoreError) -> Int {
        try pack(job).count
    }

    /// Whether a past job's record is as short as it should be.
    package func isShort(_ job: Job) throws(RedisStoreError) -> Bool {
        try length(of: job) <= PackedRecord.goal
    }

    /// Puts a shorter form in the place of a long record, or with nil says that there is none; false when the
    /// record has changed since it was read.
    package func shorten(
        _ record: LongRecord, to job: Job?
    ) async throws(RedisStoreError) -> Bool {
        var shorter: [UInt8] = []
        if let job { shorter = try pack(job) }
        let reply = try await store.client.read(
            RedisCommand(
                "EVAL", .text(KeepingScript.shorten), 2, .text(keys.job(record.id.rawValue)),
                .text(keys.long), .text(record.id.rawValue), .bytes(record.bytes),
                .bytes(shorter)))
        return reply.integer == 1
    }
}
