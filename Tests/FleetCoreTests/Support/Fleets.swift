import FleetCore

extension FleetSpec {
    private static func cluster(
        _ name: String, _ kind: JobKind, _ nodes: ClosedRange<Int>, slots: Int = 1
    ) -> (ClusterSpec, ServiceSpec, TemplateSpec) {
        let names = nodes.map { NodeName("agx-\(String(100 + $0).dropFirst())") }
        let worker = WorkerSpec(image: "jessica/\(name):1", slots: slots)
        return (
            ClusterSpec(
                name: ClusterName(name), nodes: names, kinds: [kind],
                service: ServiceName("\(name)-api"), template: TemplateName("\(name)-worker")),
            ServiceSpec(name: ServiceName("\(name)-api"), replicas: names.count, worker: worker),
            TemplateSpec(
                name: TemplateName("\(name)-worker"), startupTime: .seconds(5), worker: worker)
        )
    }

    private static func make(
        _ parts: [(ClusterSpec, ServiceSpec, TemplateSpec)], roamers: ClosedRange<Int>
    ) -> FleetSpec {
        FleetSpec(
            clusters: parts.map(\.0),
            roamers: roamers.map { NodeName("agx-\(String(100 + $0).dropFirst())") },
            services: parts.map(\.1), templates: parts.map(\.2))
    }

    /// The user's fleet: fifteen nodes, seven clusters, five roamers.
    static let full = make(
        [
            cluster("vision", .image, 1...2), cluster("video", .video, 3...4),
            cluster("voice", .voice, 5...5), cluster("audio", .audio, 6...6),
            cluster("brain", .text, 7...8, slots: 2), cluster("eyes", .vision, 9...9),
            cluster("jessica", .personality, 10...10),
        ], roamers: 11...15)

    /// Two clusters: two nodes for images, one for eyes; two roamers.
    static let small = make(
        [cluster("vision", .image, 1...2), cluster("eyes", .vision, 3...3)], roamers: 4...5)

    /// The same with another rule for the first cluster.
    func scaling(_ change: (inout ScalingSpec) -> Void) -> FleetSpec {
        var fleet = self
        change(&fleet.clusters[0].scaling)
        return fleet
    }
}
