import FleetCore
import HTTPTypes
import Hummingbird
import NIOCore
import RedisStore

extension APIServer {
    /// Stored events read at once for a filtered list: the store has others to serve, too.
    private static let readLimit = 10_000
    /// How long a page of a filtered list is looked for; the next one goes on where that got.
    private static let lookTime = Duration.milliseconds(200)

    func addEvents(_ api: RouterGroup<Context>) {
        api.get("/events") { request, context in
            try request.requireKnown([
                "after", "job", "node", "plan", "since", "tail", "type", "cursor", "limit",
            ])
            return try await events(request, try filter(request, for: context.caller))
        }
        api.get("/jobs/:id/events") { request, context in
            let job = try await find(JobID(try name(context, "id")))
            try request.requireKnown(["cursor", "limit"])
            let filter = EventFilter(job: job.id, since: job.submittedAt, caller: context.caller)
            return try await events(request, filter)
        }
        api.get("/stream") { request, context in try await stream(request, context) }
    }

    private func filter(_ request: Request, for caller: Caller) throws -> EventFilter {
        let query = request.uri.queryParameters
        var filter = EventFilter(caller: caller)
        filter.job = try name(request, query: "job").map { JobID($0) }
        filter.node = try name(request, query: "node").map { NodeName($0) }
        filter.plan = try name(request, query: "plan").map { PlanID($0) }
        filter.kind = try query["type"].map { text in
            guard let kind = FleetEvent.Kind(rawValue: String(text)) else {
                throw APIError.unknown(
                    "type of event", text, among: FleetEvent.Kind.allCases.map(\.rawValue))
            }
            return kind
        }
        if let since = query["since"] {
            filter.since = try RFC3339.instant(String(since.prefix(64)), of: "since")
        }
        return filter
    }

    private func events(_ request: Request, _ filter: EventFilter) async throws -> Response {
        let query = request.uri.queryParameters
        let limit = try limit(request, standard: 1_000, most: 10_000)
        let cursor = query["cursor"] ?? query["after"]
        if let tail = try request.number("tail", in: 0...10_000) {
            guard cursor == nil else {
                throw APIError.impossible(
                    "`tail` begins at the end, and `cursor` elsewhere; give one")
            }
            let items = feed.all.filter(filter.takes).suffix(min(tail, limit))
            return try JSONAnswer.response(Page(items: items.map { EventView($0) }, next: nil))
        }
        let from = try sequence(cursor)
        let place = if let from { from } else { try await place(before: filter.since) }
        let (found, next) = try await page(after: place, limit: limit, filter)
        return try JSONAnswer.response(
            Page(items: found.map { EventView($0) }, next: next.map { "\($0)" }))
    }

    /// The first events behind a place that a filter takes, and where to go on; nil at the end.
    private func page(
        after place: UInt64, limit: Int, _ filter: EventFilter
    ) async throws -> ([FleetEvent], next: UInt64?) {
        // One more than a page says whether there is another.
        let most = filter.isNarrow ? Self.readLimit : limit + 1
        let end = ContinuousClock.now + Self.lookTime
        var place = place
        var found: [FleetEvent] = []
        while true {
            let after = place
            let kept = feed.events(after: after)
            let read =
                if let kept { kept } else {
                    try await record { try await store.events(after: after, limit: most) }
                }
            found += read.filter(filter.takes)
            if found.count > limit {
                let page = Array(found.prefix(limit))
                return (page, page.last?.sequence)
            }
            // What is at hand reaches to the end.
            guard kept == nil, let last = read.last else { return (found, nil) }
            place = last.sequence
            if end <= .now { return (found, place) }
        }
    }

    /// The number of the last event from before an instant; 0 when all are wanted.
    private func place(before since: Instant) async throws -> UInt64 {
        if since == .zero { return 0 }
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
        let reader = try follow(with: context, after: last)
        live.follow(topics, with: reader)
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                // So one that hears nothing can go on from there when it comes back.
                var piece: ByteBuffer? = Self.mark(reader.place)
                var isCurrent = true
                while true {
                    if let piece { try await writer.write(piece) }
                    guard isCurrent, let item = await reader.next() else { break }
                    (piece, isCurrent) = try Self.text(item, topics)
                }
                try await writer.finish(nil)
            })
    }

    /// Follows events for as long as a caller is let in and the connection is there; refused when too many do, or the
    /// caller does too often.
    func follow(with context: Context, after sequence: UInt64? = nil) throws -> EventReader {
        let reader: EventReader
        do throws(EventFeed.NoRoom) {
            reader = try feed.follow(context.caller.name, after: sequence)
        } catch {
            throw APIError(error, of: context.caller.name)
        }
        reader.lasts(while: context.isStillLetIn)
        context.channel?.closeFuture.whenComplete { [weak reader] _ in reader?.end() }
        return reader
    }

    /// Tells a client behind which event it goes on: a block without data is no event.
    private static func mark(_ place: UInt64) -> ByteBuffer {
        ByteBuffer(string: "id: \(place)\n\n")
    }

    /// What is written of an item, and whether more can follow.
    static func text(
        _ item: EventReader.Item, _ topics: Topics
    ) throws -> (ByteBuffer?, Bool) {
        switch item {
        case .ping(let place): return (mark(place), true)
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
        case .behind(let latest):
            // With the number of one that is gone a client would be answered so again.
            let text = """
                id: \(latest)
                event: resync
                data: {"reason":"events were missed"}


                """
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
