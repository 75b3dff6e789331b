import Foundation

/// The controller's event stream, which outlives the connections that carry it.
struct EventStream {
    let client: APIClient
    let session: Session
    var topics: [String]
    /// The sequence number to go on after; nil starts with what comes.
    var after: String?
    /// Told when the stream is lost (false) and back (true); nil says both on stderr.
    var changed: (@Sendable (Bool) -> Void)?
    /// How long a lost connection is tried again before the command gives up, in seconds.
    var patience = 300.0
    /// Whether the controller may be away at the beginning too.
    var isPatientAtFirst = false

    /// Calls `handle` with the events as they come (several at once in a rush) until it throws or the task is cancelled; `connected` is
    /// called each time a connection stands, since events may have been missed before.
    ///
    /// `missed` is called when the controller cannot say any more what came after an event, whose number it gets
    /// (empty before the first), and changes it to that of the event to go on after; empty goes on with what comes.
    func run(
        connected: () async throws -> Void = {},
        missed: (inout String) async throws -> Void = { $0 = "" },
        handle: ([ServerSentEvent]) async throws -> Void
    ) async throws {
        var lastID = after ?? ""
        var failures = 0
        var hasConnected = isPatientAtFirst
        var lostAt: Date?
        while true {
            do {
                try await connect(&lastID) {
                    hasConnected = true
                    try await connected()
                } received: {
                    // Only a stream that brings something is back; one that just ends is not.
                    if lostAt != nil { tell(true) }
                    (failures, lostAt) = (0, nil)
                } missed: {
                    try await missed(&$0)
                } handle: {
                    try await handle($0)
                }
            } catch let error as CommandError where error.isPassing && hasConnected {
                // A stream that stood once may be lost and come back: the controller restarts.
            }
            let now = session.context.now()
            if lostAt == nil {
                tell(false)
                lostAt = now
            }
            guard now.timeIntervalSince(lostAt ?? now) < patience else {
                throw CommandError(.unreachable, "cannot follow events", why: "the stream is lost")
            }
            try await session.context.pause(.milliseconds(min(5000, 250 << min(failures, 5))))
            failures += 1
        }
    }

    private func tell(_ isBack: Bool) {
        if let changed { return changed(isBack) }
        session.note(isBack ? "connected again" : "the event stream ended; connecting again")
    }

    private func connect(
        _ lastID: inout String, connected: () async throws -> Void, received: () -> Void,
        missed: (inout String) async throws -> Void,
        handle: ([ServerSentEvent]) async throws -> Void
    ) async throws {
        var headers = [("Accept", "text/event-stream")]
        if !lastID.isEmpty { headers.append(("Last-Event-ID", lastID)) }
        let call = APIClient.Call(
            resource: Resource("stream", query: [("topics", topics.joined(separator: ","))]),
            headers: headers, purpose: "follow events")
        var id = lastID
        defer { lastID = id }
        var parser = SSEParser(lastID: id)
        try await client.stream(call) { _ in
            try await connected()
        } take: { chunk in
            received()
            let earlier = id
            let events: [ServerSentEvent]
            do {
                events = try parser.feed(chunk)
            } catch {
                // Connecting again would bring the same event again.
                throw CommandError(.failed, "cannot follow events", why: "one is beyond 1 MiB")
            }
            id = parser.lastID
            if !events.isEmpty { try await handle(events) }
            if let end = events.firstIndex(where: { $0.type == "resync" }) {
                // What is missing came after the last that was heard, and before the id of this one.
                id = events[..<end].last?.id ?? earlier
                try await missed(&id)
            }
        }
    }
}
