package import FleetCore

/// Something that somebody did or was refused, for those who look into it later.
package struct AuditRecord: Hashable, Sendable {
    /// When.
    package var at: Instant
    /// Who: a submitter, `local` for the socket, `-` for who could not say.
    package var who: String
    /// What they may do; empty for who could not say.
    package var role: String
    /// Where they are: an address, or `socket`.
    package var from: String
    /// What they did: a method and a path.
    package var action: String
    /// How it was answered.
    package var status: Int
    /// Why it was refused: a short, stable word; nil when it was done.
    package var code: String?
    /// The id under which the controller's log tells of it.
    package var request: String
    /// What it chose, where the action alone does not say; nil where it does.
    package var detail: String?

    /// Notes something.
    package init(
        at: Instant, who: String, role: String, from: String, action: String, status: Int,
        code: String? = nil, request: String, detail: String? = nil
    ) {
        self.at = at
        self.who = who
        self.role = role
        self.from = from
        self.action = action
        self.status = status
        self.code = code
        self.request = request
        self.detail = detail
    }
}

/// The trail of what was done: a stream.
extension FleetStore {
    /// The most records, whatever their age.
    package static let auditMax = 200_000

    /// Appends records.
    package func append(_ records: [AuditRecord]) async throws(RedisStoreError) {
        guard !records.isEmpty else { return }
        var commands = records.map { record in
            var words: [RedisArgument] = [
                .text(keys.audit), "*", "at", .integer(record.at.nanoseconds),
                "who", .text(record.who), "role", .text(record.role), "from", .text(record.from),
                "action", .text(record.action), "status", .integer(Int64(record.status)),
                "request", .text(record.request),
            ]
            if let code = record.code { words += ["code", .text(code)] }
            if let detail = record.detail { words += ["detail", .text(detail)] }
            return RedisCommand("XADD", words)
        }
        commands.append(
            RedisCommand(
                "XTRIM", .text(keys.audit), "MAXLEN", "~", .integer(Int64(Self.auditMax))))
        let replies = try await store.client.send(commands, lane: .reads)
        for reply in replies {
            if let message = reply.errorMessage { throw RedisStoreError(.rejected, message) }
        }
    }

    /// The id before that of an entry of a stream; Redis 6.0 knows no other way to leave that one out.
    private static func before(_ id: String) -> String {
        let parts = id.split(separator: "-").compactMap { UInt64($0) }
        guard parts.count == 2 else { return "0-0" }
        if parts[1] > 0 { return "\(parts[0])-\(parts[1] - 1)" }
        return parts[0] > 0 ? "\(parts[0] - 1)-\(UInt64.max)" : "0-0"
    }

    /// The latest records before a place and since an instant, latest first, each with its own place.
    package func audit(
        before place: String?, since: Instant?, limit: Int
    ) async throws(RedisStoreError) -> [(place: String, record: AuditRecord)] {
        let reply = try await store.client.read(
            RedisCommand(
                "XREVRANGE", .text(keys.audit), .text(place.map(Self.before) ?? "+"),
                .text(since.map { "\(max(0, $0.nanoseconds / 1_000_000))" } ?? "-"), "COUNT",
                .integer(Int64(max(limit, 1)))))
        return (reply.array ?? []).compactMap { entry in
            guard let (place, fields) = entry.streamEntry else { return nil }
            let record = AuditRecord(
                at: Instant(nanoseconds: fields["at"].flatMap { Int64($0) } ?? 0),
                who: fields["who"] ?? "-", role: fields["role"] ?? "",
                from: fields["from"] ?? "-", action: fields["action"] ?? "-",
                status: fields["status"].flatMap { Int($0) } ?? 0, code: fields["code"],
                request: fields["request"] ?? "-", detail: fields["detail"])
            return (place, record)
        }
    }
}
