import FleetCore
import HTTPTypes
import Hummingbird
import NIOCore
import RedisStore

extension APIServer {
    /// Stored events read for one page of a filtered list.
    ///
    /// A filter may leave few of them; the next page goes on behind.
    private static let readLimit = 50_000

    func addEvents(_ api: RouterGroup<Context>) {
        api.get("/events") { request, context in
            try await events(request, of: nil, for: context.caller)
        }
        api.get("/jobs/:id/events") { request, context in
            let id = JobID(try name(context, "id"))
            _ = try await find(id)
            return try await events(request, of: id, for: context.caller)
        }
        api.get("/stream") { request, context in try await stream(request, context) }
    }

    private func events(
        _ request: Request, of job: JobID?, for caller: Caller
    ) async throws -> Response {
        let query = request.uri.queryParameters
        let filters = job == nil ? ["after", "job", "node", "plan", "since", "tail", "type"] : []
        try request.requireKnown(filters + ["cursor", "limit"])
        let limit = try limit(request, standard: 1_000, most: 10_000)
        let cursor = query["cursor"] ?? query["after"]
        let since = try query["since"].map {
            try RFC3339.instant(String($0.prefix(64)), of: "since")
        }
        let tail = try request.number("tail", in: 0...10_000)
        guard tail == nil || cursor == nil else {
            throw APIError.impossible("`tail` begins at the end, and `cursor` elsewhere; give one")
        }
        let from = try sequence(cursor)
        let after =
            if let since, from == nil, tail == nil { try await place(before: since) } else {
                from ?? 0
            }
        let start = since ?? .zero
        let job = try job ?? name(request, query: "job").map { JobID($0) }
        let node = try name(request, query: "node").map { NodeName($0) }
        let plan = try name(request, query: "plan").map { PlanID($0) }
        let type = try query["type"].map { text in
            guard let type = FleetEvent.Kind(rawValue: String(text)) else {
                throw APIError.unknown(
                    "type of event", text, among: FleetEvent.Kind.allCases.map(\.rawValue))
            }
            return type
        }
        let hasFilter = job != nil || node != nil || plan != nil || type != nil
        // One more than a page says whether there is another.
        let most = hasFilter ? Self.readLimit : limit + 1
        let events: [FleetEvent]
        if tail != nil {
            events = feed.all
        } else if let kept = feed.events(after: after) {
            events = kept
        } else {
            events = try await record { try await store.events(after: after, limit: most) }
        }
        let chosen = events.filter {
            (job == nil || $0.job == job) && (node == nil || $0.node == node)
                && (plan == nil || $0.plan == plan) && (type == nil || $0.kind == type)
                && $0.at >= start
                && caller.maySee($0.kind)
        }
        if let tail {
            let items = chosen.suffix(min(tail, limit)).map { EventView($0) }
            return try JSONAnswer.response(Page(items: items, next: nil))
        }
        let page = chosen.prefix(limit)
        let isRead = chosen.count <= limit
        let last = isRead ? (events.count >= most ? events.last : nil) : page.last
        let next = last.map { "\($0.sequence)" }
        return try JSONAnswer.response(Page(items: page.map { EventView($0) }, next: next))
    }

    /// The number of the last event from before an instant.
    private func place(before since: Instant) async throws -> UInt64 {
        if let place = feed.last(before: since) { return place }
        return try await record { try await store.lastEvent(before: since) }
    }

    private func sequence(_ text: Substring?) throws -> UInt64? {
        guard let text else { return nil }
        guard let number = UInt64(text) else {
            throw APIError.invalid("`\(text.prefix(40))` is not the number of an event")
        }
        return number
    }

    private func stream(_ request: Request, _ context: Context) async throws -> Response {
        try request.requireKnown(["topics"])
        let wanted = request.uri.queryParameters["topics"].map(String.init) ?? "all"
        let topics = try Topics(wanted, for: context.caller)
        let last = request.header("Last-Event-ID").flatMap { UInt64($0) }
        let reader = try follow(context.caller, after: last)
        reader.lasts(while: context.isStillLetIn)
        live.follow(topics, with: reader)
        // A peer that goes away is known at once, one that takes nothing is cut off.
        if let channel = context.channel {
            reader.cuts { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { [weak reader] _ in reader?.end() }
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                var piece: ByteBuffer? = ByteBuffer(string: ": welcome\n\n")
                var isCurrent = true
                while true {
                    if let piece {
                        reader.beginWriting()
                        try await writer.write(piece)
                        reader.endWriting()
                    }
                    guard isCurrent, let item = await reader.next() else { break }
                    (piece, isCurrent) = try Self.text(item, topics)
                }
                try await writer.finish(nil)
            })
    }

    /// Follows events for a caller; refused when too many do, or the caller does too often.
    func follow(_ caller: Caller, after sequence: UInt64? = nil) throws -> EventReader {
        do throws(EventFeed.NoRoom) {
            return try feed.follow(caller.name, after: sequence)
        } catch {
            throw APIError(error, of: caller.name)
        }
    }

    /// What is written of an item, and whether more can follow.
    private static func text(
        _ item: EventReader.Item, _ topics: Topics
    ) throws -> (ByteBuffer?, Bool) {
        switch item {
        case .ping: return (ByteBuffer(string: ": ping\n\n"), true)
        case .live(let frames):
            return (frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }, true)
        case .events(let events):
            var text: ByteBuffer?
            for kept in events where topics.wants(kept.event) {
                var frame = try kept.frame.get { try encode(kept.event) }
                // One alone is the same bytes for all readers.
                if text == nil { text = frame } else { text?.writeBuffer(&frame) }
            }
            return (text, true)
        case .behind:
            let text = "event: resync\ndata: {\"reason\":\"events were missed\"}\n\n"
            return (ByteBuffer(string: text), false)
        }
    }

    private static func encode(_ event: FleetEvent) throws -> ByteBuffer {
        var text = ByteBuffer(
            string: "id: \(event.sequence)\nevent: \(event.kind.rawValue)\ndata: ")
        var json = try JSONAnswer.encode(EventView(event))
        text.writeBuffer(&json)
        text.writeString("\n")
        return text
    }
}
