extension TopFleet.Reading {
    /// Reads parts of the fleet.
    static func fetch(
        _ client: APIClient, _ parts: Set<TopFleet.Part>
    ) async throws -> TopFleet.Reading {
        async let summary = parts.contains(.summary) ? summary(client) : nil
        async let clusters =
            parts.contains(.clusters) ? list(Cluster.self, Resource("clusters"), client) : nil
        async let nodes = parts.contains(.nodes) ? list(Node.self, Resource("nodes"), client) : nil
        async let jobs = parts.contains(.jobs) ? jobs(client) : nil
        return try await TopFleet.Reading(
            summary: summary, clusters: clusters, nodes: nodes, jobs: jobs)
    }

    private static let purpose = "show the fleet"

    private static func summary(_ client: APIClient) async throws -> Summary {
        try await client.get(Summary.self, Resource("summary"), purpose: purpose).model
    }

    private static func list<Model: Decodable & Sendable>(
        _ type: Model.Type, _ resource: Resource, _ client: APIClient, limit: Int? = nil
    ) async throws -> [Model] {
        try await client.list(type, resource, limit: limit, purpose: purpose).items.map(\.model)
    }

    private static func jobs(_ client: APIClient) async throws -> [Job] {
        async let active = list(
            Job.self, Resource("jobs", query: [("state", "active"), ("order", "oldest")]), client,
            limit: TopFleet.activeMax)
        async let ended = list(
            Job.self, Resource("jobs", query: [("state", "ended")]), client,
            limit: TopFleet.endedMax)
        // One that ends between the two reads is in both.
        let first = try await active
        let known = Set(first.map(\.id))
        return try await first + ended.filter { !known.contains($0.id) }
    }
}
