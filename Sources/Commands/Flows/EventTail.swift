/// The latest events, found without reading all of them.
enum EventTail {
    /// The last so many events, oldest first.
    static func read(_ client: APIClient, last count: Int) async throws -> [Fetched<Event>] {
        let end = try await newest(client)
        let events = try await page(client, after: end - min(end, UInt64(max(0, count))), count)
        return events.sorted { $0.model.seq ?? 0 < $1.model.seq ?? 0 }
    }

    /// The number of the newest event, 0 when there is none: numbers rise, so it is halved down to.
    private static func newest(_ client: APIClient) async throws -> UInt64 {
        var none: UInt64 = 1 << 40
        var some: UInt64 = 0
        while none - some > 1 {
            let middle = some + (none - some) / 2
            // Is there an event of this number or a later one?
            let found = try await page(client, after: middle - 1, 1).first
            if let number = found?.model.seq, number > 0 {
                some = max(middle, UInt64(number))
            } else {
                none = middle
            }
            none = max(none, some + 1)
        }
        return some
    }

    private static func page(
        _ client: APIClient, after: UInt64, _ limit: Int
    ) async throws -> [Fetched<Event>] {
        struct Page: Decodable, Sendable { var items: [Event] }
        let resource = Resource("events", query: [("cursor", "\(after)"), ("limit", "\(limit)")])
        let page = try await client.get(Page.self, resource, purpose: "list events")
        return zip(page.json["items"]?.elements ?? [], page.model.items).map {
            Fetched(json: $0, model: $1)
        }
    }
}
