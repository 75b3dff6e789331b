import FleetCore
import HTTPTypes
import Hummingbird
import NIOCore
import RedisStore

extension APIServer {
    /// Streams open at once.
    private static let streamLimit = 1_000
    /// Stored events read for one page.
    ///
    /// A filter may leave few of them; the next page goes on behind.
    private static let readLimit = 50_000

    func addEvents(_ api: RouterGroup<Context>) {
        api.get("/events") { request, _ in try await events(request, of: nil) }
        api.get("/jobs/:id/events") { request, context in
            let id = JobID(try name(context, "id"))
            _ = try await find(id)
            return try await events(request, of: id)
        }
        api.get("/stream") { request, _ in try await stream(request) }
    }

    private func events(_ request: Request, of job: JobID?) async throws -> Response {
        let query = request.uri.queryParameters
        let limit = try limit(request, standard: 1_000, most: 10_000)
        let after = try sequence(query["cursor"] ?? query["after"]) ?? 0
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
        let events: [FleetEvent]
        if let kept = feed.events(after: after) {
            events = kept
        } else {
            events = (try? await store.events(after: after, limit: Self.readLimit)) ?? feed.all
        }
        let chosen = events.filter {
            (job == nil || $0.job == job) && (node == nil || $0.node == node)
                && (plan == nil || $0.plan == plan) && (type == nil || $0.kind == type)
        }
        let page = chosen.prefix(limit)
        let isRead = chosen.count <= limit
        let last = isRead ? (events.count >= Self.readLimit ? events.last : nil) : page.last
        let next = last.map { "\($0.sequence)" }
        return try JSONAnswer.response(Page(items: page.map { EventView($0) }, next: next))
    }

    private func sequence(_ text: Substring?) throws -> UInt64? {
        guard let text else { return nil }
        guard let number = UInt64(text) else {
            throw APIError.invalid("`\(text.prefix(40))` is not the number of an event")
        }
        return number
    }

    /// Which events a reader wants.
    private struct Topics: Sendable {
        var kinds: Set<FleetEvent.Kind> = []
        var jobs: Set<JobID> = []
        var plans: Set<PlanID> = []
        var nodes: Set<NodeName> = []

        init(_ text: String) throws {
            for topic in text.split(separator: ",").map(String.init) {
                switch topic {
                case "jobs": kinds.insert(.job)
                case "plans": kinds.insert(.plan)
                case "tokens": kinds.insert(.token)
                case "nodes": kinds.insert(.node)
                case "roamers": kinds.formUnion([.roamer, .assignment])
                case "pods": kinds.insert(.pod)
                case "fleet": kinds.insert(.fleet)
                case "all": kinds.formUnion(FleetEvent.Kind.allCases)
                case _ where topic.hasPrefix("job:"): jobs.insert(JobID(String(topic.dropFirst(4))))
                case _ where topic.hasPrefix("plan:"):
                    plans.insert(PlanID(String(topic.dropFirst(5))))
                case _ where topic.hasPrefix("node:"):
                    nodes.insert(NodeName(String(topic.dropFirst(5))))
                default:
                    throw APIError.invalid(
                        "no topic is named `\(topic)`: jobs, plans, nodes, roamers, pods, fleet, tokens, all, job:ID, plan:ID, node:NAME"
                    )
                }
            }
        }

        func wants(_ event: FleetEvent) -> Bool {
            if kinds.contains(event.kind) { return true }
            if let job = event.job, jobs.contains(job) { return true }
            if let plan = event.plan, plans.contains(plan) { return true }
            if let node = event.node, nodes.contains(node) { return true }
            return false
        }
    }

    private func stream(_ request: Request) async throws -> Response {
        let topics = try Topics(request.uri.queryParameters["topics"].map(String.init) ?? "all")
        guard feed.readers < Self.streamLimit else {
            throw APIError(
                .serviceUnavailable, "too_many_streams", "too many streams are open", retryAfter: 5)
        }
        let last = request.header("Last-Event-ID").flatMap { UInt64($0) }
        let feed = feed
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                // Followed before the past is read, so that nothing falls between.
                let (reader, items) = feed.follow()
                defer { feed.unfollow(reader) }
                var sent = last ?? feed.all.last?.sequence ?? 0
                try await writer.write(ByteBuffer(string: ": welcome\n\n"))
                if let last {
                    guard let missed = feed.events(after: last) else {
                        let text = "event: resync\ndata: {\"reason\":\"events were missed\"}\n\n"
                        try await writer.write(ByteBuffer(string: text))
                        try await writer.finish(nil)
                        return
                    }
                    for event in missed where topics.wants(event) {
                        try await writer.write(Self.encode(event))
                    }
                    sent = missed.last?.sequence ?? last
                }
                for await item in items {
                    switch item {
                    case .ping: try await writer.write(ByteBuffer(string: ": ping\n\n"))
                    case .event(let event):
                        guard event.sequence > sent else { continue }
                        sent = event.sequence
                        if topics.wants(event) { try await writer.write(Self.encode(event)) }
                    }
                }
                try await writer.write(
                    ByteBuffer(string: "event: resync\ndata: {\"reason\":\"fell behind\"}\n\n"))
                try await writer.finish(nil)
            })
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
