package import FleetCore

/// What a new leader takes up of the record.
extension FleetStore {
    /// Plans that a new leader takes up beside those alive.
    private static let planHistory: Int64 = 1_000

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
            RedisCommand("SMEMBERS", .text(keys.nodes)),
            RedisCommand("SMEMBERS", .text(keys.activePlans)),
            RedisCommand("ZREVRANGE", .text(keys.plans), 0, .integer(Self.planHistory - 1)),
            RedisCommand("HVALS", .text(keys.tokens)),
            RedisCommand("HVALS", .text(keys.webhooks)),
            RedisCommand("HVALS", .text(keys.bans)),
        ])
        guard replies.count == 9 else {
            throw RedisStoreError(.protocolViolation, "Redis gave \(replies.count) of 9 replies")
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
            Set(names(replies[4]) + names(replies[5])).sorted().map { PlanID($0) })
        // Of a plan that is alive, what has ended counts too.
        let planned = snapshot.plans.lazy.filter { $0.ending == nil }.flatMap(\.jobs)
        let wanted = Set(names(replies[2]).map { JobID($0) })
            .union(try await latestEnded(limit: history)).union(planned)
        snapshot.jobs = try await jobs(wanted.sorted())
        snapshot.tokens = try decodeAll(replies[6], "a token")
        snapshot.webhooks = try decodeAll(replies[7], "a webhook")
        snapshot.bans = try decodeAll(replies[8], "a ban")
        snapshot.nodes = try await records(names(replies[3]).map(keys.node), "a node")
        return Loaded(snapshot: snapshot, fleet: fleet, clock: clock)
    }

    private func names(_ value: RedisValue) -> [String] {
        (value.array ?? []).compactMap(\.text).sorted()
    }
}
