package import FleetCore

/// Where past jobs are found: which there are, and when they ended.
///
/// A job that ends is put into a sorted set, in one batch with its record. There it takes 120 bytes of Redis' memory;
/// so it is moved within seconds into a piece, where it takes 28. A job that is tried again is taken out of both.
extension FleetStore {
    /// Pieces read in one pipeline.
    private static let pieceChunk = 64
    /// Jobs that are looked at for each of the last ones, at most.
    private static let readPerFound = 20
    /// Jobs that are in no piece, read at once.
    private static let unfoldedChunk = 20_000

    /// A past job, and the second of its end.
    struct PastJob: Hashable, Sendable {
        let id: JobID
        let second: Int64
    }

    /// Past jobs whose ids begin with the same letters: a hash of the rest of their ids to the second of their end.
    struct Piece: Hashable, Sendable {
        let letters: String
        /// The last end of one of its jobs, or a later second.
        let last: Int64
    }

    /// Moves some of the jobs that have ended into pieces; how many.
    package func foldEnded() async throws(RedisStoreError) -> Int {
        let reply = try await store.client.read(
            RedisCommand(
                "EVAL", .text(PastScript.fold), 3, .text(keys.ended), .text(keys.firstEnds),
                .text(keys.lastEnds), .integer(Int64(Self.keepingChunk)), .text(keys.piece(""))))
        return Int(reply.integer ?? 0)
    }

    /// Deletes the records of some of the jobs in pieces that ended before an instant; how many.
    package func forgetJobs(endedBefore instant: Instant) async throws(RedisStoreError) -> Int {
        let reply = try await store.client.read(
            RedisCommand(
                "EVAL", .text(PastScript.forget), 4, .text(keys.firstEnds), .text(keys.lastEnds),
                .text(keys.restored), .text(keys.active), .integer(instant.wholeSeconds),
                .integer(Int64(Self.keepingChunk)), .text(keys.piece("")), .text(keys.job("")),
                .text(keys.hashOfJob(""))))
        return Int(reply.integer ?? 0)
    }

    /// Whether past jobs are kept whatever their age: a restore was not long ago.
    package func keepsAllJobs() async throws(RedisStoreError) -> Bool {
        try await store.client.read(RedisCommand("EXISTS", .text(keys.restored))).integer == 1
    }

    /// Takes a job that was tried again out of the past.
    func removeFromPast(_ id: JobID, in batch: inout FencedBatch) {
        batch.zrem(keys.ended, [id.rawValue])
        for letters in PastScript.letters {
            batch.hdel(
                keys.piece(String(id.rawValue.prefix(letters))),
                [String(id.rawValue.dropFirst(letters))])
        }
    }

    // MARK: Reading

    /// The ids of jobs that ended in a second or later, sorted.
    package func endedJobs(since second: Int64) async throws(RedisStoreError) -> [JobID] {
        // In this order: what is moved meanwhile is found twice, and not missed.
        var found = Set(try await unfolded(since: second).map(\.id))
        var rest = try await pieces(since: second)[...]
        while !rest.isEmpty {
            for job in try await jobs(in: rest.prefix(Self.pieceChunk)) where job.second >= second {
                found.insert(job.id)
            }
            rest = rest.dropFirst(Self.pieceChunk)
        }
        return found.sorted()
    }

    /// The ids of the jobs that ended last, at most `limit`, or of most of them: where many old jobs were tried again
    /// and have ended, they are in as many pieces, and not all of those are read.
    func latestEnded(limit: Int) async throws(RedisStoreError) -> [JobID] {
        let reply = try await store.client.read(
            RedisCommand(
                "ZREVRANGE", .text(keys.ended), 0, .integer(Int64(max(limit, 1)) - 1), "WITHSCORES")
        )
        var found: [JobID: Int64] = [:]
        for (id, second) in try Self.scored(reply) { found[JobID(id)] = second }
        func sorted() -> some Sequence<(key: JobID, value: Int64)> {
            found.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.prefix(limit)
        }
        var rest = try await pieces(since: .min)[...]
        var read = 0
        while let next = rest.first, read < limit * Self.readPerFound {
            // All that is in the rest ended no later than this.
            if found.count >= limit, found.values.allSatisfy({ $0 >= next.last }) { break }
            let jobs = try await jobs(in: rest.prefix(Self.pieceChunk))
            for job in jobs { found[job.id] = max(job.second, found[job.id] ?? .min) }
            found = Dictionary(uniqueKeysWithValues: sorted().map { ($0.key, $0.value) })
            read += jobs.count
            rest = rest.dropFirst(Self.pieceChunk)
        }
        return sorted().map(\.key)
    }

    /// Jobs that ended in a second or later and are in no piece yet.
    func unfolded(since second: Int64) async throws(RedisStoreError) -> [PastJob] {
        var found: Set<PastJob> = []
        var from = second
        var limit = Self.unfoldedChunk
        while true {
            let reply = try await store.client.read(
                RedisCommand(
                    "ZRANGEBYSCORE", .text(keys.ended), .integer(from), "+inf", "WITHSCORES",
                    "LIMIT", 0, .integer(Int64(limit))))
            let list = try Self.scored(reply)
            let before = found.count
            for (id, second) in list { found.insert(PastJob(id: JobID(id), second: second)) }
            guard list.count >= limit, let last = list.last else { return Array(found) }
            // Again from that second on, as more may have ended in it; with more at once if all did.
            from = last.1
            if found.count == before { limit *= 2 }
        }
    }

    /// The pieces that have a job which ended in a second or later, those of the last ends first.
    func pieces(since second: Int64) async throws(RedisStoreError) -> [Piece] {
        let reply = try await store.client.read(
            RedisCommand(
                "ZREVRANGEBYSCORE", .text(keys.lastEnds), "+inf", .integer(second), "WITHSCORES"))
        return try Self.scored(reply).map { Piece(letters: $0.0, last: $0.1) }
    }

    /// What is in some pieces, in one pipeline.
    func jobs(in pieces: some Sequence<Piece>) async throws(RedisStoreError) -> [PastJob] {
        let pieces = Array(pieces)
        let replies = try await store.client.read(
            pieces.map { RedisCommand("HGETALL", .text(keys.piece($0.letters))) },
            timeout: .seconds(30))
        var found: [PastJob] = []
        for (piece, reply) in zip(pieces, replies) {
            for (rest, second) in try Self.scored(reply) {
                found.append(PastJob(id: JobID(piece.letters + rest), second: second))
            }
        }
        return found
    }

    /// Names and the seconds after them, one after the other.
    private static func scored(
        _ reply: RedisValue
    ) throws(RedisStoreError) -> [(String, Int64)] {
        if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
        let list = reply.array ?? []
        var found: [(String, Int64)] = []
        for place in stride(from: 0, to: list.count - 1, by: 2) {
            guard let name = list[place].text,
                let second = list[place + 1].text.flatMap({ Double($0) })
                    .flatMap({ Int64(exactly: $0.rounded(.down)) })
            else { throw RedisStoreError(.protocolViolation, "Redis gave no list of seconds") }
            found.append((name, second))
        }
        return found
    }
}
