import Foundation

/// The lists `get` knows.
enum Listings {
    static func jobs(_ filter: FilterOptions, _ name: String?, now: Date) -> Listing<Job> {
        let query: [(String, String?)] = [
            ("state", filter.state?.lowercased()), ("cluster", filter.cluster),
            ("kind", filter.kind), ("node", filter.node), ("q", filter.search.search),
            ("since", filter.search.sinceTime(now: now)), ("submitter", filter.search.submitter),
            ("plan", filter.search.plan),
        ]
        let labels = filter.search.labels.map { ("label", Optional($0)) }
        return Listing(
            noun: "jobs", resource: Resource("jobs", query: query + labels), topics: ["jobs"],
            limit: name == nil ? filter.pageLimit : nil, one: name.map { Resource("jobs", $0) },
            table: { JobTables.jobs($0, now: $1) })
    }

    static func plans(_ filter: FilterOptions, _ name: String?) -> Listing<WorkPlan> {
        Listing(
            noun: "plans",
            resource: Resource(
                "plans",
                query: [
                    ("state", filter.state?.lowercased()), ("submitter", filter.search.submitter),
                ]), topics: ["plans", "jobs"], limit: name == nil ? filter.pageLimit : nil,
            one: name.map { Resource("plans", $0) }, table: { PlanTables.plans($0, now: $1) })
    }

    static func tokens(_ name: String?) -> Listing<Token> {
        Listing(
            noun: "tokens", resource: Resource("tokens"), topics: ["tokens"],
            keep: { name == nil || $0.name == name }, table: { PlanTables.tokens($0, now: $1) })
    }

    static func nodes(_ filter: FilterOptions, _ name: String?) -> Listing<Node> {
        Listing(
            noun: "nodes", resource: Resource("nodes"), topics: ["nodes", "roamers"],
            one: name.map { Resource("nodes", $0) }, keep: { keeps($0, filter) },
            table: { NodeTables.nodes($0, now: $1) })
    }

    static func roamers(_ filter: FilterOptions, _ name: String?) -> Listing<Node> {
        Listing(
            noun: "roamers", resource: Resource("roamers"), topics: ["roamers", "nodes"],
            one: name.map { Resource("nodes", $0) }, keep: { keeps($0, filter) },
            table: { NodeTables.roamers($0, now: $1) })
    }

    static func clusters(_ filter: FilterOptions, _ name: String?) -> Listing<Cluster> {
        Listing(
            noun: "clusters", resource: Resource("clusters"),
            topics: ["jobs", "nodes", "roamers", "fleet"],
            one: name.map { Resource("clusters", $0) },
            keep: {
                (filter.cluster == nil || $0.name == filter.cluster)
                    && (filter.kind == nil || $0.kinds?.contains(filter.kind ?? "") == true)
            }, table: { clusters, _ in FleetTables.clusters(clusters) })
    }

    static func services(_ filter: FilterOptions, _ name: String?) -> Listing<Workload> {
        workloads("services", filter, name, FleetTables.services)
    }

    static func templates(_ filter: FilterOptions, _ name: String?) -> Listing<Workload> {
        workloads("templates", filter, name, FleetTables.templates)
    }

    private static func workloads(
        _ noun: String, _ filter: FilterOptions, _ name: String?,
        _ table: @escaping @Sendable ([Workload]) -> Table
    ) -> Listing<Workload> {
        Listing(
            noun: noun, resource: Resource(noun), topics: ["fleet", "pods"],
            keep: { workload in
                (filter.cluster.map { workload.users.contains($0) } ?? true)
                    && (name == nil || workload.name == name)
            }, table: { workloads, _ in table(workloads) })
    }

    private static func keeps(_ node: Node, _ filter: FilterOptions) -> Bool {
        let states = [node.state, node.roamer?.state].compactMap { $0?.lowercased() }
        let clusters = [node.cluster, node.roamer?.assignment?.cluster]
        let wanted = filter.state?.lowercased()
        let marks = node.condition.split(separator: ",").dropFirst().map(String.init)
        return (wanted.map { states.contains($0) || marks.contains($0) } ?? true)
            && (filter.cluster.map { clusters.contains($0) } ?? true)
            && (filter.node.map { node.name == $0 } ?? true)
    }
}
