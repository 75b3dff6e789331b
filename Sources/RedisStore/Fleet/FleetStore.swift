package import FleetCore
import Foundation

/// The fleet's record in Redis: loaded once by each leader, changed in fenced batches.
package struct FleetStore: Sendable {
    /// How long an ended job is kept.
    package static let jobRetention = Duration.seconds(30 * 86_400)
    /// About how many events are kept at most, whatever their age: what protects Redis' memory.
    package static let usualEventMax = 1_000_000
    /// Plans that a new leader takes up beside those alive.
    private static let planHistory: Int64 = 1_000
    /// Jobs read in one pipeline.
    private static let readChunk = 1_000
    /// Ids of ended jobs read at once.
    private static let idChunk = 20_000

    /// The store underneath.
    package let store: FencedStore
    /// About how many events this one keeps at most.
    package let eventMax: Int
    let keys: FleetKeys

    /// Creates the record's view of a store.
    package init(store: FencedStore, eventMax: Int = FleetStore.usualEventMax) {
        self.store = store
        self.eventMax = eventMax
        keys = FleetKeys(space: store.keys)
    }

    /// Whether Redis answered last time, and what it said when not.
    package var health: RedisHealth { store.client.health }

    // MARK: Writing

    /// Turns a change into a batch in its place; throws `invalidArgument` above the limits.
    package func seal(
        _ change: FleetChange, term: UInt64
    ) throws(RedisStoreError) -> SealedBatch {
        var batch = FencedBatch()
        for job in change.jobs { try write(job, to: &batch) }
        for plan in change.plans { try write(plan, to: &batch) }
        for request in change.accepted { write(request, to: &batch) }
        for node in change.nodes { try write(node, to: &batch) }
        if !change.goneNodes.isEmpty {
            batch.del(change.goneNodes.map { keys.node($0.rawValue) })
            batch.srem(keys.nodes, change.goneNodes.map(\.rawValue))
        }
        for token in change.tokens {
            batch.hset(keys.tokens, [(token.name.rawValue, .bytes(try encode(token)))])
        }
        if !change.goneTokens.isEmpty {
            batch.hdel(keys.tokens, change.goneTokens.map(\.rawValue))
        }
        for ban in change.bans {
            batch.hset(keys.bans, [(ban.node.rawValue, .bytes(try encode(ban)))])
        }
        for webhook in change.webhooks {
            batch.hset(keys.webhooks, [(webhook.name.rawValue, .bytes(try encode(webhook)))])
        }
        if !change.goneWebhooks.isEmpty {
            batch.hdel(keys.webhooks, change.goneWebhooks.map(\.rawValue))
        }
        if let fleet = change.fleet { try write(fleet, to: &batch) }
        for event in change.events { write(event, to: &batch) }
        batch.hset(
            keys.meta,
            [
                ("event", .integer(Int64(clamping: change.counters.event))),
                ("assignment", .integer(Int64(clamping: change.counters.assignment))),
                ("cleaning", .integer(Int64(clamping: change.counters.cleaning))),
                ("clock", .integer(change.clock.nanoseconds)),
            ])
        return try store.seal(batch, term: term)
    }

    /// Commits a sealed change; see ``FencedStore/commit(_:timeout:)-(SealedBatch,_)``.
    package func commit(_ batch: SealedBatch) async throws(RedisStoreError) {
        try await store.commit(batch)
    }

    private func write(_ job: Job, to batch: inout FencedBatch) throws(RedisStoreError) {
        let key = keys.job(job.id.rawValue)
        // What an older version wrote must not come back when this one's record has expired.
        batch.del([keys.hashOfJob(job.id.rawValue)])
        if job.ending != nil, !job.isActive {
            // Without an expiry, which takes memory: what keeps the list of ended jobs deletes it.
            let record = try pack(job)
            batch.set(key, .bytes(record))
            if record.count > PackedRecord.goal { batch.sadd(keys.long, [job.id.rawValue]) }
        } else {
            batch.set(key, .bytes(try encode(job)))
        }
        let entry = QueueEntry(job)
        if job.state == .queued, job.stopping == nil {
            batch.zadd(
                keys.queue(job.queue.rawValue),
                [(member: job.id.rawValue, score: Double(entry.score.nanoseconds) / 1e9)])
        } else {
            batch.zrem(keys.queue(job.queue.rawValue), [job.id.rawValue])
        }
        if let ending = job.ending {
            batch.zadd(keys.ended, [(job.id.rawValue, Double(ending.at.wholeSeconds))])
        } else if job.retriedAt != nil {
            batch.zrem(keys.ended, [job.id.rawValue])
        }
        if job.ending == nil || job.isActive {
            batch.sadd(keys.active, [job.id.rawValue])
        } else {
            batch.srem(keys.active, [job.id.rawValue])
        }
    }

    private func write(_ plan: Plan, to batch: inout FencedBatch) throws(RedisStoreError) {
        let record = try encode(plan)
        let id = plan.id.rawValue
        batch.zadd(keys.plans, [(id, Double(plan.submittedAt.wholeSeconds))])
        guard let ending = plan.ending else {
            batch.set(keys.plan(id), .bytes(record))
            batch.sadd(keys.activePlans, [id])
            return
        }
        batch.set(
            keys.plan(id), .bytes(PackedRecord.pack(record, id: id)), expiry: Self.jobRetention)
        batch.srem(keys.activePlans, [id])
        // A plan may run for long; twice the time leaves none out of the list that has a record.
        let horizon = ending.at.wholeSeconds - Self.jobRetention.components.seconds * 2
        batch.append(
            RedisCommand("ZREMRANGEBYSCORE", .text(keys.plans), "-inf", .text("(\(horizon)")))
    }

    private func write(
        _ node: NodeRecord, to batch: inout FencedBatch
    ) throws(RedisStoreError) {
        batch.sadd(keys.nodes, [node.name.rawValue])
        batch.hset(
            keys.node(node.name.rawValue),
            [
                ("incarnation", .text(node.incarnation?.description ?? "")),
                ("roamer", .text(node.roamer?.state.rawValue ?? "")),
                ("record", .bytes(try encode(node))),
            ])
    }

    private func write(
        _ fleet: AppliedFleet, to batch: inout FencedBatch
    ) throws(RedisStoreError) {
        batch.hset(
            keys.fleet,
            [
                ("revision", .integer(Int64(clamping: fleet.revision))),
                ("at", .integer(fleet.at.wholeSeconds)),
                ("source", .text(fleet.source)),
                ("record", .bytes(try encode(fleet))),
            ])
        batch.lpush(keys.fleetHistory, .bytes(try encode(fleet)), keeping: 100)
    }

    private func write(_ event: FleetEvent, to batch: inout FencedBatch) {
        var fields: [(name: String, value: RedisArgument)] = [
            ("type", .text(event.kind.rawValue)), ("at", .integer(event.at.nanoseconds)),
        ]
        func add(_ name: String, _ value: String?) {
            if let value { fields.append((name, .text(value))) }
        }
        add("job", event.job?.rawValue)
        add("plan", event.plan?.rawValue)
        add("attempt", event.attempt.map { "\($0)" })
        add("node", event.node?.rawValue)
        add("from", event.from)
        add("to", event.to)
        add("reason", event.reason)
        add("lasted", event.lasted.map { "\($0.nanoseconds)" })
        batch.xadd(
            keys.events, id: "\(event.sequence)-1", keepingAbout: eventMax, fields)
    }

    /// The record of a past job.
    func pack(_ job: Job) throws(RedisStoreError) -> [UInt8] {
        PackedRecord.pack(try encode(job), id: job.id.rawValue)
    }

    private func encode(_ value: some Encodable) throws(RedisStoreError) -> [UInt8] {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return [UInt8](try encoder.encode(value))
        } catch {
            throw RedisStoreError(.invalidArgument, "cannot encode a record: \(error)")
        }
    }

    // MARK: Reading

    /// Everything a new leader takes up.
    package struct Loaded: Sendable {
        /// The machine's state.
        package var snapshot: Controller.Snapshot
        /// The fleet as applied; nil before the first.
        package var fleet: AppliedFleet?
        /// The predecessor's clock.
        package var clock: Instant
    }

    /// Loads the record; `history` bounds the ended jobs taken up.
    package func load(history: Int) async throws(RedisStoreError) -> Loaded {
        let replies = try await store.client.read([
            RedisCommand(
                "HMGET", .text(keys.meta), "event", "assignment", "cleaning", "clock", "restoring"),
            RedisCommand("HGET", .text(keys.fleet), "record"),
            RedisCommand("SMEMBERS", .text(keys.active)),
            RedisCommand(
                "ZREVRANGE", .text(keys.ended), 0, .integer(Int64(max(history, 1)) - 1)),
            RedisCommand("SMEMBERS", .text(keys.nodes)),
            RedisCommand("SMEMBERS", .text(keys.activePlans)),
            RedisCommand("ZREVRANGE", .text(keys.plans), 0, .integer(Self.planHistory - 1)),
            RedisCommand("HVALS", .text(keys.tokens)),
            RedisCommand("HVALS", .text(keys.webhooks)),
            RedisCommand("HVALS", .text(keys.bans)),
        ])
        guard replies.count == 10 else {
            throw RedisStoreError(.protocolViolation, "Redis gave \(replies.count) of 10 replies")
        }
        if let message = replies.lazy.compactMap(\.errorMessage).first {
            throw RedisStoreError(.rejected, "Redis cannot be read: \(message)")
        }
        var snapshot = Controller.Snapshot()
        let meta = (replies[0].array ?? []).map { $0.text ?? "" }
        var clock = Instant.zero
        if meta.count == 5 {
            guard meta[4].isEmpty else {
                throw RedisStoreError(
                    .rejected,
                    "a restore was begun and did not end: the record is half written; run `spark-controller restore` again"
                )
            }
            clock = Instant(nanoseconds: Int64(meta[3]) ?? 0)
            snapshot.counters.event = UInt64(meta[0]) ?? 0
            snapshot.counters.assignment = UInt64(meta[1]) ?? 0
            snapshot.counters.cleaning = UInt64(meta[2]) ?? 0
        }
        var fleet: AppliedFleet?
        if let bytes = replies[1].bytes {
            let applied = try decode(AppliedFleet.self, bytes, "the fleet")
            snapshot.fleet = applied.spec
            snapshot.fleetRevision = applied.revision
            fleet = applied
        }
        snapshot.plans = try await plans(
            Set(names(replies[5]) + names(replies[6])).sorted().map { PlanID($0) })
        // Of a plan that is alive, what has ended counts too.
        let planned = snapshot.plans.lazy.filter { $0.ending == nil }.flatMap(\.jobs)
        let wanted = Set((names(replies[2]) + names(replies[3])).map { JobID($0) })
            .union(planned)
        snapshot.jobs = try await jobs(wanted.sorted())
        for value in replies[7].array ?? [] {
            if let bytes = value.bytes {
                snapshot.tokens.append(try decode(TokenRecord.self, bytes, "a token"))
            }
        }
        for value in replies[8].array ?? [] {
            if let bytes = value.bytes {
                snapshot.webhooks.append(try decode(WebhookRecord.self, bytes, "a webhook"))
            }
        }
        for value in replies[9].array ?? [] {
            if let bytes = value.bytes {
                snapshot.bans.append(try decode(NodeBan.self, bytes, "a ban"))
            }
        }
        snapshot.nodes = try await records(names(replies[4]).map(keys.node), "a node")
        return Loaded(snapshot: snapshot, fleet: fleet, clock: clock)
    }

    /// Plans by their ids, those that are not kept any more left out.
    package func plans(_ ids: [PlanID]) async throws(RedisStoreError) -> [Plan] {
        var plans: [Plan] = []
        for start in stride(from: 0, to: ids.count, by: Self.readChunk) {
            let part = ids[start..<min(start + Self.readChunk, ids.count)]
            let replies = try await store.client.read(
                part.map { RedisCommand("GET", .text(keys.plan($0.rawValue))) },
                timeout: .seconds(30))
            for (id, reply) in zip(part, replies) {
                if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
                guard let bytes = reply.bytes else { continue }
                guard let json = PackedRecord.unpack(bytes, id: id.rawValue) else {
                    throw RedisStoreError(
                        .protocolViolation, "plan \(id) in Redis cannot be unpacked")
                }
                plans.append(try decode(Plan.self, json, "plan \(id)"))
            }
        }
        return plans
    }

    /// The ids of the latest plans, latest first, from behind `after`; at most `limit`.
    package func planIDs(
        after last: PlanID?, limit: Int
    ) async throws(RedisStoreError) -> [PlanID] {
        var first: Int64 = 0
        if let last {
            let reply = try await store.client.read(
                RedisCommand("ZREVRANK", .text(keys.plans), .text(last.rawValue)))
            // One that is not there any more was the oldest.
            guard let rank = reply.integer else { return [] }
            first = rank + 1
        }
        let reply = try await store.client.read(
            RedisCommand(
                "ZREVRANGE", .text(keys.plans), .integer(first),
                .integer(first + Int64(max(limit, 1)) - 1)))
        return (reply.array ?? []).compactMap(\.text).map { PlanID($0) }
    }

    /// A job that is no longer in memory; nil when it is not kept either.
    package func job(_ id: JobID) async throws(RedisStoreError) -> Job? {
        try await jobs([id]).first
    }

    /// Jobs by their ids, in no order; those that are not kept any more are left out.
    package func jobs(_ ids: [JobID]) async throws(RedisStoreError) -> [Job] {
        let found = try await readable(ids)
        if let id = found.damaged.first {
            throw RedisStoreError(.protocolViolation, "job \(id) in Redis cannot be read")
        }
        return found.jobs
    }

    /// Jobs by their ids as far as they can be read, and the ids of those whose record is damaged.
    package func readable(
        _ ids: [JobID]
    ) async throws(RedisStoreError) -> (jobs: [Job], damaged: [JobID]) {
        var jobs: [Job] = []
        var damaged: [JobID] = []
        for start in stride(from: 0, to: ids.count, by: Self.readChunk) {
            let part = Array(ids[start..<min(start + Self.readChunk, ids.count)])
            let replies = try await store.client.read(
                part.map { RedisCommand("GET", .text(keys.job($0.rawValue))) },
                timeout: .seconds(30))
            var missing: [JobID] = []
            for (id, reply) in zip(part, replies) {
                // A server that cannot answer now has not lost anything.
                if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
                guard let bytes = reply.bytes else {
                    missing.append(id)
                    continue
                }
                if let job = unpacked(bytes, of: id.rawValue) {
                    jobs.append(job)
                } else {
                    damaged.append(id)
                }
            }
            // Written by an older version; an id that has no record at all is history.
            jobs += try await records(missing.map { keys.hashOfJob($0.rawValue) }, "a job")
        }
        return (jobs, damaged)
    }

    /// The job of a record; nil when it is damaged.
    func unpacked(_ record: [UInt8], of id: String) -> Job? {
        PackedRecord.unpack(record, id: id).flatMap { try? decode(Job.self, $0, "a job") }
    }

    /// The ids of jobs that ended in a second or later, sorted.
    package func endedJobs(since second: Int64) async throws(RedisStoreError) -> [JobID] {
        var found: Set<String> = []
        var from = second
        var limit = Self.idChunk
        while true {
            let reply = try await store.client.read(
                RedisCommand(
                    "ZRANGEBYSCORE", .text(keys.ended), .text("\(from)"), "+inf", "WITHSCORES",
                    "LIMIT", 0, .integer(Int64(limit))))
            let list = (reply.array ?? []).map { $0.text ?? "" }
            let before = found.count
            for index in stride(from: 0, to: list.count - 1, by: 2) { found.insert(list[index]) }
            guard list.count >= limit * 2, let last = list.last.flatMap({ Double($0) }) else {
                return found.sorted().map { JobID($0) }
            }
            // Again from that second on, as more may have ended in it; with more at once if all did.
            from = Int64(exactly: last.rounded(.down)) ?? from
            if found.count == before { limit *= 2 }
        }
    }

    /// Events after a number, oldest first.
    package func events(
        after sequence: UInt64, limit: Int
    ) async throws(RedisStoreError) -> [FleetEvent] {
        // An event's id ends in -1, so this is the first place behind it; `(` needs Redis 6.2.
        let reply = try await store.client.read(
            RedisCommand(
                "XRANGE", .text(keys.events), .text("\(sequence)-2"), "+", "COUNT",
                .integer(Int64(max(limit, 1)))))
        return (reply.array ?? []).compactMap(Self.event)
    }

    /// The latest events, oldest first.
    package func latestEvents(limit: Int) async throws(RedisStoreError) -> [FleetEvent] {
        let reply = try await store.client.read(
            RedisCommand(
                "XREVRANGE", .text(keys.events), "+", "-", "COUNT", .integer(Int64(max(limit, 1)))))
        return (reply.array ?? []).reversed().compactMap(Self.event)
    }

    /// The latest revisions of the fleet, latest first.
    package func fleetHistory(limit: Int) async throws(RedisStoreError) -> [AppliedFleet] {
        let reply = try await store.client.read(
            RedisCommand(
                "LRANGE", .text(keys.fleetHistory), 0, .integer(Int64(max(limit, 1)) - 1)))
        var history: [AppliedFleet] = []
        for item in reply.array ?? [] {
            if let bytes = item.bytes {
                history.append(try decode(AppliedFleet.self, bytes, "a revision of the fleet"))
            }
        }
        return history
    }

    private func records<Record: Decodable>(
        _ keys: [String], _ what: String
    ) async throws(RedisStoreError) -> [Record] {
        var records: [Record] = []
        for start in stride(from: 0, to: keys.count, by: Self.readChunk) {
            let part = keys[start..<min(start + Self.readChunk, keys.count)]
            let replies = try await store.client.read(
                part.map { RedisCommand("HGET", .text($0), "record") }, timeout: .seconds(30))
            for reply in replies {
                if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
                // An id whose record has expired is history.
                if let bytes = reply.bytes { records.append(try decode(Record.self, bytes, what)) }
            }
        }
        return records
    }

    private func names(_ value: RedisValue) -> [String] {
        (value.array ?? []).compactMap(\.text).sorted()
    }

    private func decode<Record: Decodable>(
        _ type: Record.Type, _ bytes: [UInt8], _ what: String
    ) throws(RedisStoreError) -> Record {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw RedisStoreError(.protocolViolation, "\(what) in Redis cannot be read: \(error)")
        }
    }

    private static func event(_ entry: RedisValue) -> FleetEvent? {
        guard let (id, fields) = entry.streamEntry,
            let sequence = id.split(separator: "-").first.flatMap({ UInt64($0) })
        else { return nil }
        guard let kind = fields["type"].flatMap({ FleetEvent.Kind(rawValue: $0) }),
            let at = fields["at"].flatMap({ Int64($0) })
        else { return nil }
        return FleetEvent(
            sequence: sequence, at: Instant(nanoseconds: at), kind: kind,
            job: fields["job"].map { JobID($0) }, plan: fields["plan"].map { PlanID($0) },
            attempt: fields["attempt"].flatMap { Int($0) },
            node: fields["node"].map { NodeName($0) }, from: fields["from"], to: fields["to"],
            reason: fields["reason"],
            lasted: fields["lasted"].flatMap { Int64($0) }.map { .nanoseconds($0) })
    }
}

extension RedisValue {
    /// The id and the fields of an entry of a stream; nil when it is none.
    var streamEntry: (id: String, fields: [String: String])? {
        guard let parts = array, parts.count == 2, let id = parts[0].text,
            let list = parts[1].array
        else { return nil }
        var fields: [String: String] = [:]
        for index in stride(from: 0, to: list.count - 1, by: 2) {
            if let name = list[index].text, let value = list[index + 1].text {
                fields[name] = value
            }
        }
        return (id, fields)
    }
}

extension Instant {
    /// Whole seconds since the clock's origin.
    var wholeSeconds: Int64 { nanoseconds / 1_000_000_000 }
}
