package import FleetCore

/// The fleets that are simulated.
package enum FleetShape {
    /// The user's fleet, repeated until it has `nodes` nodes: of every fifteen, ten dedicated ones
    /// in seven clusters and five roamers.
    package static func fleet(nodes: Int) -> FleetSpec {
        var fleet = FleetSpec()
        var left = max(nodes, 3)
        var number = 0
        var group = 0
        func take(_ count: Int) -> [NodeName] {
            (0..<count).map { _ in
                number += 1
                let digits = String(number)
                return NodeName(
                    "agx-" + String(repeating: "0", count: max(2 - digits.count, 0)) + digits)
            }
        }
        while left > 0 {
            for part in parts where left > 0 {
                let count = min(part.nodes, left)
                left -= count
                guard part.name != "roamers" else {
                    fleet.roamers += take(count)
                    continue
                }
                let name = group == 0 ? part.name : "\(part.name)-\(group)"
                let worker = WorkerSpec(
                    image: "jessica/\(part.name):1", slots: part.slots,
                    memory: part.memory << 30)
                fleet.clusters.append(
                    ClusterSpec(
                        name: ClusterName(name), nodes: take(count),
                        // One cluster serves a kind; the others are asked for by name.
                        kinds: group == 0 ? [part.kind] : [], service: ServiceName("\(name)-api"),
                        template: TemplateName("\(name)-worker"),
                        scaling: ScalingSpec(releaseIdle: .seconds(60))))
                fleet.services.append(
                    ServiceSpec(
                        name: ServiceName("\(name)-api"), replicas: count,
                        worker: part.kind == .vision ? containers : worker))
                fleet.templates.append(
                    TemplateSpec(
                        name: TemplateName("\(name)-worker"), startupTime: .seconds(5),
                        worker: worker))
            }
            group += 1
        }
        return fleet
    }

    /// One service gives each job a container of its own, more of them than a node has memory for.
    private static let containers = WorkerSpec(
        image: "jessica/looks:1", contract: .exec, slots: 4, memory: 9 << 30)

    /// The memory of a node by its place: boxes of 32 GB, and every fifth a smaller or a larger one.
    static func memory(ofNode place: Int) -> UInt64 {
        switch place % 15 {
        case 10: 16 << 30
        case 14: 64 << 30
        default: 32 << 30
        }
    }

    private static let parts:
        [(name: String, kind: JobKind, nodes: Int, slots: Int, memory: Int64)] = [
            ("vision", .image, 2, 1, 18), ("video", .video, 2, 1, 28), ("voice", .voice, 1, 1, 6),
            ("audio", .audio, 1, 1, 10), ("brain", .text, 2, 2, 12), ("eyes", .vision, 1, 1, 2),
            ("jessica", .personality, 1, 1, 8), ("roamers", .custom, 5, 1, 0),
        ]
}
