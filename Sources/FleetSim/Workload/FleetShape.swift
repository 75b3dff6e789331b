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
                let worker = WorkerSpec(image: "jessica/\(part.name):1", slots: part.slots)
                fleet.clusters.append(
                    ClusterSpec(
                        name: ClusterName(name), nodes: take(count),
                        // One cluster serves a kind; the others are asked for by name.
                        kinds: group == 0 ? [part.kind] : [], service: ServiceName("\(name)-api"),
                        template: TemplateName("\(name)-worker"),
                        scaling: ScalingSpec(releaseIdle: .seconds(60))))
                fleet.services.append(
                    ServiceSpec(name: ServiceName("\(name)-api"), replicas: count, worker: worker))
                fleet.templates.append(
                    TemplateSpec(
                        name: TemplateName("\(name)-worker"), startupTime: .seconds(5),
                        worker: worker))
            }
            group += 1
        }
        return fleet
    }

    private static let parts: [(name: String, kind: JobKind, nodes: Int, slots: Int)] = [
        ("vision", .image, 2, 1), ("video", .video, 2, 1), ("voice", .voice, 1, 1),
        ("audio", .audio, 1, 1), ("brain", .text, 2, 2), ("eyes", .vision, 1, 1),
        ("jessica", .personality, 1, 1), ("roamers", .custom, 5, 1),
    ]
}
