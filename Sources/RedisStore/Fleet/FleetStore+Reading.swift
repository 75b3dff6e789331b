package import FleetCore
import Foundation

/// What is looked up in the record: plans, jobs, and what the fleet was.
extension FleetStore {
    /// Jobs read in one pipeline.
    private static let readChunk = 1_000

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

    /// The latest revisions of the fleet, latest first.
    package func fleetHistory(limit: Int) async throws(RedisStoreError) -> [AppliedFleet] {
        let reply = try await store.client.read(
            RedisCommand(
                "LRANGE", .text(keys.fleetHistory), 0, .integer(Int64(max(limit, 1)) - 1)))
        return try decodeAll(reply, "a revision of the fleet")
    }

    /// What hashes have as their `record`.
    func records<Record: Decodable>(
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

    /// The records in a list.
    func decodeAll<Record: Decodable>(
        _ list: RedisValue, _ what: String
    ) throws(RedisStoreError) -> [Record] {
        var records: [Record] = []
        for item in list.array ?? [] {
            if let bytes = item.bytes { records.append(try decode(Record.self, bytes, what)) }
        }
        return records
    }

    /// A record as it was written.
    func decode<Record: Decodable>(
        _ type: Record.Type, _ bytes: [UInt8], _ what: String
    ) throws(RedisStoreError) -> Record {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw RedisStoreError(.protocolViolation, "\(what) in Redis cannot be read: \(error)")
        }
    }
}
