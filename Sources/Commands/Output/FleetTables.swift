/// Clusters, services and templates as tables.
enum FleetTables {
    /// Clusters with their load.
    static func clusters(_ clusters: [Cluster]) -> Table {
        func number(_ value: Int?) -> String { value.map(String.init) ?? "-" }
        return Table(
            columns: [
                .init("NAME"), .init("KINDS", shrinksTo: 8), .init("NODES", isNumber: true),
                .init("READY", isNumber: true), .init("BUSY", isNumber: true),
                .init("QUEUED", isNumber: true), .init("RUNNING", isNumber: true),
                .init("ROAMERS", shrinksTo: 7), .init("MEMBERS", isWide: true),
            ],
            rows: clusters.map { cluster in
                [
                    cluster.name, (cluster.kinds ?? []).joined(separator: ","),
                    number(cluster.nodes?.count), number(cluster.ready), number(cluster.busy),
                    number(cluster.queued), number(cluster.running), cluster.roamers?.text ?? "-",
                    cluster.nodes?.text ?? "-",
                ]
            })
    }

    /// Services.
    static func services(_ services: [Workload]) -> Table {
        workloads(services, third: "REPLICAS") { $0.replicas.map(String.init) ?? "-" }
    }

    /// Templates.
    static func templates(_ templates: [Workload]) -> Table {
        workloads(templates, third: "STARTUP") { Humane.duration($0.startupSeconds) }
    }

    private static func workloads(
        _ workloads: [Workload], third: String, _ value: (Workload) -> String
    ) -> Table {
        Table(
            columns: [
                .init("NAME", shrinksTo: 10), .init("IMAGE", shrinksTo: 16), .init("CONTRACT"),
                .init(third, isNumber: true), .init("SLOTS", isNumber: true),
                .init("MEMORY", isNumber: true), .init("CLUSTERS", shrinksTo: 8),
            ],
            rows: workloads.map {
                [
                    $0.name, $0.image ?? "-", $0.contract ?? "-", value($0),
                    $0.slots.map(String.init) ?? "-", $0.memoryText,
                    $0.users.isEmpty ? "-" : $0.users.joined(separator: ","),
                ]
            })
    }
}
