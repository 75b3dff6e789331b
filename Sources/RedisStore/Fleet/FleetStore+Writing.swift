import FleetCore
import Foundation

/// How a change becomes a batch: each record in its place, with the lists that lead to it.
extension FleetStore {
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
            // Without an expiry, which takes memory: what keeps the pieces of the past deletes it.
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
        // It may have ended again in this very batch.
        if job.retriedAt != nil { removeFromPast(job.id, in: &batch) }
        if let ending = job.ending {
            batch.zadd(keys.ended, [(job.id.rawValue, Double(ending.at.wholeSeconds))])
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
}
