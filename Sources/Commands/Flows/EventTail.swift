/// The latest events.
enum EventTail {
    /// The last so many events that a filter leaves, oldest first.
    static func read(
        _ client: APIClient, last count: Int, _ filter: [(String, String?)] = []
    ) async throws -> [Fetched<Event>] {
        struct Page: Decodable, Sendable { var items: [Event] }
        // As many as the controller can say without reading its record.
        var resource = Resource("events", query: filter)
        resource.add([("tail", "\(min(max(count, 0), 10_000))"), ("limit", "10000")])
        let page = try await client.get(Page.self, resource, purpose: "list events")
        return zip(page.json["items"]?.elements ?? [], page.model.items).map {
            Fetched(json: $0, model: $1)
        }
    }
}
