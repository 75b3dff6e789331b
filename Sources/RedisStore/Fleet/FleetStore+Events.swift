package import FleetCore

/// What happened: a stream.
extension FleetStore {
    /// Appends an event; its number is its place.
    ///
    /// All have the same fields in the same order, empty where there is nothing: Redis then has their names once for
    /// about a hundred events.
    func write(_ event: FleetEvent, to batch: inout FencedBatch) {
        batch.xadd(
            keys.events, id: "\(event.sequence)-1", keepingAbout: eventMax,
            [
                ("type", .text(event.kind.rawValue)), ("at", .integer(event.at.nanoseconds)),
                ("job", .text(event.job?.rawValue ?? "")),
                ("plan", .text(event.plan?.rawValue ?? "")),
                ("attempt", .text(event.attempt.map { "\($0)" } ?? "")),
                ("node", .text(event.node?.rawValue ?? "")),
                ("from", .text(event.from ?? "")), ("to", .text(event.to ?? "")),
                ("reason", .text(event.reason ?? "")),
                ("lasted", .text(event.lasted.map { "\($0.nanoseconds)" } ?? "")),
            ])
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

    private static func event(_ entry: RedisValue) -> FleetEvent? {
        guard let (id, all) = entry.streamEntry,
            let sequence = id.split(separator: "-").first.flatMap({ UInt64($0) })
        else { return nil }
        let fields = all.filter { !$0.value.isEmpty }
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
