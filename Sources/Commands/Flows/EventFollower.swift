import Foundation

/// Events of the past and those to come, of everything or of one job or node.
struct EventFollower {
    let session: Session
    let job: String?
    let node: String?
    let type: String?
    let output: OutputOptions

    private static let pageSize = 1000
    private var filter: [(String, String?)] { [("job", job), ("node", node), ("type", type)] }

    /// The stored events, oldest first: those of the last `since` seconds, the newest `limit`.
    func past(since: Double?, limit: Int) async throws -> [Fetched<Event>] {
        let client = try session.client()
        if since == nil, limit > 0 {
            let latest = try await EventTail.read(client, last: limit, filter)
            // Fewer may be only what the controller has at hand.
            if latest.count == limit { return latest }
        }
        let start = since.map { session.context.now().addingTimeInterval(-$0) }
        var resource = Resource("events", query: filter)
        resource.add([("limit", "\(Self.pageSize)"), ("since", start?.formatted(.iso8601))])
        var events = try await client.list(Event.self, resource, purpose: "list events").items
        if let start {
            events = events.filter { ($0.model.at?.date).map { $0 >= start } ?? true }
        }
        events.sort { $0.model.seq ?? 0 < $1.model.seq ?? 0 }
        return limit > 0 ? Array(events.suffix(limit)) : events
    }

    /// Prints the newest `limit` stored events of the last `since` seconds, oldest first; 0 is all.
    func showPast(since: Double?, limit: Int) async throws {
        let past = try await past(since: since, limit: limit)
        let printer = Printer(session: session, options: output)
        printer.list(past.map(\.json), next: .null, empty: "no events") {
            EventText.table(past.map(\.model))
        }
    }

    /// Prints events as they happen, until ^C.
    func follow(after: String?) async throws {
        let (client, start) = (try session.client(), session.context.now())
        let stream = EventStream(client: client, session: session, topics: topics, after: after)
        try await stream.run(missed: { last in try await catchUp(client, &last, from: start) }) {
            for event in $0 where event.type != "resync" {
                guard let json = try? JSONParser.parse(event.data.utf8),
                    let model = try? JSONDecoder().decode(Event.self, from: Data(event.data.utf8))
                else {
                    session.note("skipped an event that cannot be read")
                    continue
                }
                if isWanted(model, event.type) { show(Fetched(json: json, model: model)) }
            }
        }
    }

    /// Prints what the stream left out behind the event `last`, as far as it is kept, and says so.
    ///
    /// It is what has happened since `start` before the first event, when `last` is empty, and when the record is not
    /// as far as `last`: it is another one, or has lost some.
    private func catchUp(
        _ client: APIClient, _ last: inout String, from start: Date
    ) async throws {
        // The stream goes on behind this one: the last that was wanted may be too old for it again.
        let latest = try await EventTail.read(client, last: 1).last?.model.seq
        let oldest = try await client.list(
            Event.self, Resource("events"), limit: 1, purpose: "list events"
        ).items.first?.model
        let isOther = Int(last).map { $0 > latest ?? 0 } ?? false
        if isOther {
            session.note("the controller's record was made anew, or has lost its latest events")
            last = "0"
        }
        var resource = Resource("events", query: filter)
        let place: (String, String?) =
            last.isEmpty || isOther ? ("since", start.formatted(.iso8601)) : ("after", last)
        resource.add([("limit", "\(Self.pageSize)"), place])
        let missed = try await client.list(Event.self, resource, purpose: "list events").items
        for event in missed { show(event) }
        if let oldest, let since = oldest.at, Self.isLater(oldest, than: last, start) {
            session.note("fell behind; events from before \(since.text) are gone")
        } else {
            session.note("fell behind, and caught up: \(missed.count) events")
        }
        if let end = [latest, missed.last?.model.seq].compactMap({ $0 }).max() { last = "\(end)" }
    }

    /// Whether there was an event between the one that was heard last and the oldest that is kept.
    private static func isLater(_ oldest: Event, than last: String, _ start: Date) -> Bool {
        guard let heard = Int(last) else { return (oldest.at?.date).map { $0 > start } ?? false }
        guard let seq = oldest.seq, seq > heard else { return false }
        return seq - 1 > heard
    }

    /// Prints one event.
    func show(_ event: Fetched<Event>) {
        switch output.output {
        case .table, .wide: session.out(EventText.line(event.model))
        case .json, .jsonl: session.out(event.json.compact)
        case .yaml: session.out("---\n" + event.json.yaml)
        case .name: session.out(SafeText.line(event.json.identity ?? "-"))
        }
    }

    private var topics: [String] {
        if let job { return ["job:\(job)"] }
        if let node { return ["node:\(node)"] }
        // The same as of the past: of plans, tokens and webhooks, too, as far as they are for the caller.
        return ["all"]
    }

    /// What goes on between events is no event.
    private func isWanted(_ event: Event, _ streamType: String) -> Bool {
        let actual = event.type ?? streamType
        if actual == JobProgress.type || actual == NodeLive.type { return false }
        return (type == nil || actual == type) && (node == nil || event.node == node)
            && (job == nil || event.job == job)
    }
}
