package import FleetCore

extension FleetStore {
    /// Whether there is nothing that a restore would replace.
    ///
    /// A controller that ran without a fleet leaves nothing but its term; what a restore that did not
    /// end has left counts as nothing.
    package func isEmpty() async throws(RedisStoreError) -> Bool {
        let replies = try await store.client.read([
            RedisCommand(
                "EXISTS", .text(keys.fleet), .text(keys.active), .text(keys.ended),
                .text(keys.firstEnds), .text(keys.nodes), .text(keys.plans), .text(keys.tokens),
                .text(keys.bans), .text(keys.webhooks), .text(keys.events)),
            RedisCommand("HEXISTS", .text(keys.meta), "restoring"),
        ])
        if let message = replies.lazy.compactMap(\.errorMessage).first {
            throw RedisStoreError(.rejected, "Redis cannot be read: \(message)")
        }
        return replies.first?.integer == 0 || replies.last?.integer == 1
    }

    /// Who holds the leader lease; nil for nobody.
    package func leader() async throws(RedisStoreError) -> String? {
        let reply = try await store.client.read(
            RedisCommand("GET", .text(store.keys.leader)))
        return reply.text
    }

    /// Replaces the record by that of an archive which was read to its end before.
    ///
    /// From the first write on the record is marked, and no controller takes it up, until the last one
    /// has been written; a restore that was cut off is simply done again. All that wrote before is fenced.
    /// Returns the new term.
    package func restore(
        _ summary: ArchiveSummary, from archive: ArchiveReader, renewal: Renewal, owner: String,
        version: String
    ) async throws -> UInt64 {
        let replaced = try await store.currentTerm()?.term ?? 0
        let floor = renewal.term(backup: summary.header.term, replaced: replaced)
        let marked = try await store.client.send(
            [
                RedisCommand(
                    "HSET", .text(keys.meta), "restoring", .text(owner), "term", .unsigned(floor))
            ], lane: .commits)
        if let message = marked.first?.errorMessage { throw RedisStoreError(.rejected, message) }
        let term = try await store.bumpTerm(owner: owner, version: version)
        try await clear(term: term)
        var writer = RestoreWriter(
            store: self, term: term, renewal: renewal, header: summary.header)
        let again = try await archive.read { try await writer.add($0) }
        guard again == summary else {
            throw ArchiveError("the archive was changed while it was read; run the restore again")
        }
        try await writer.finish(summary)
        return term
    }

    /// Deletes what there is, but for the term and for who did what.
    private func clear(term: UInt64) async throws(RedisStoreError) {
        var cursor = "0"
        repeat {
            let reply = try await store.client.read([
                RedisCommand(
                    "SCAN", .text(cursor), "MATCH", .text(pattern), "COUNT", 1_000)
            ]).first
            guard let parts = reply?.array, parts.count == 2, let next = parts[0].text else {
                throw RedisStoreError(
                    .rejected, reply?.errorMessage ?? "Redis does not list its keys")
            }
            let found = (parts[1].array ?? []).compactMap(\.text)
                .filter { ![keys.meta, keys.audit, store.keys.leader].contains($0) }
            if !found.isEmpty {
                var batch = FencedBatch()
                batch.del(found)
                try await store.commit(batch, term: term)
            }
            cursor = next
        } while cursor != "0"
    }

    /// All keys of ours; what a pattern would take for more than itself is escaped.
    private var pattern: String {
        var pattern = ""
        for character in store.keys.key("") {
            if "*?[]\\^-".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return pattern + "*"
    }
}

/// Writes the records of an archive in batches.
private struct RestoreWriter {
    let store: FleetStore
    let term: UInt64
    let renewal: Renewal
    let counters: Controller.Counters
    let header: ArchiveHeader
    private var change: FleetChange
    private var weight = 0

    /// What one batch has at most, a job counted with the bytes of its input.
    private static let weightLimit = 4 << 20
    private static let recordWeight = 2_000

    init(store: FleetStore, term: UInt64, renewal: Renewal, header: ArchiveHeader) {
        self.store = store
        self.term = term
        self.renewal = renewal
        self.header = header
        counters = renewal.counters(header.counters)
        change = FleetChange(counters: counters, clock: header.at)
    }

    mutating func add(_ record: ArchiveRecord) async throws {
        weight += Self.recordWeight
        switch record {
        case .header: break
        case .revision(let fleet):
            // A change has one.
            try await flush()
            change.fleet = fleet
            try await flush()
        case .token(let token): change.tokens.append(token)
        case .webhook(let webhook): change.webhooks.append(webhook)
        case .ban(let ban): change.bans.append(ban)
        case .node(let node): change.nodes.append(node)
        case .plan(let plan):
            change.plans.append(plan)
            weight += plan.jobs.count * 32
        case .job(let job):
            change.jobs.append(renewal.job(job))
            weight += job.request.input.utf8.count
        case .event(let event): change.events.append(event)
        }
        if weight >= Self.weightLimit { try await flush() }
    }

    /// Says in the record itself what was done, and lets a controller take it up.
    mutating func finish(_ summary: ArchiveSummary) async throws {
        try await flush()
        var last = FleetChange(counters: counters, clock: header.at)
        last.counters.event += 1
        last.events = [
            FleetEvent(
                sequence: last.counters.event, at: header.at, kind: .fleet,
                to: "\(header.revision)",
                reason:
                    "restored from a backup of term \(header.term), with \(summary.counts.jobs) jobs"
            )
        ]
        try await store.commit(try store.seal(last, term: term))
        var batch = FencedBatch()
        batch.hdel(store.keys.meta, ["restoring"])
        // A backup may be old; what it has of past jobs is kept from now on.
        batch.set(store.keys.restored, "1", expiry: FleetStore.jobRetention)
        try await store.store.commit(batch, term: term)
    }

    private mutating func flush() async throws {
        guard weight > 0 else { return }
        try await store.commit(try store.seal(change, term: term))
        change = FleetChange(counters: counters, clock: header.at)
        weight = 0
    }
}
