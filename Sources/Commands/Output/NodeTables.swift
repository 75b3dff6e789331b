import Foundation

/// Nodes and roamers as tables.
enum NodeTables {
    /// Every node with its load.
    static func nodes(_ nodes: [Node], now: Date) -> Table {
        Table(
            columns: [
                .init("NAME", shrinksTo: 8), .init("ROLE"), .init("CLUSTER", shrinksTo: 7),
                .init("STATE", shrinksTo: 8, isState: true), .init("JOBS"),
                .init("CPU", isNumber: true, isVolatile: true),
                .init("GPU", isNumber: true, isVolatile: true),
                .init("MEMORY", isNumber: true, isVolatile: true),
                .init("TEMP", isNumber: true, isVolatile: true),
                .init("POWER", isNumber: true, isWide: true, isVolatile: true),
                .init("SEEN", isNumber: true, isVolatile: true),
                .init("ADDRESS", isWide: true), .init("VERSION", isWide: true),
            ],
            rows: nodes.map { node in
                let telemetry = node.telemetry
                return [
                    node.name, node.role ?? "-",
                    node.cluster ?? node.roamer?.assignment?.cluster ?? "-", node.condition,
                    "\(node.running ?? 0)/\(node.slots.map(String.init) ?? "-")",
                    Humane.whole(telemetry?.cpu?.number, "%"),
                    Humane.whole(telemetry?.gpu?.number, "%"), node.memory.map { "\($0)G" } ?? "-",
                    Humane.whole(telemetry?.temperature?.number, "C"),
                    Humane.whole(telemetry?.power?.number, "W"),
                    Humane.span(node.lastSeenAt, nil, now: now), node.address ?? "-",
                    node.agentVersion ?? node.version ?? "-",
                ]
            })
    }

    /// The pool: who helps whom, since when, and how far they are.
    static func roamers(_ nodes: [Node], now: Date) -> Table {
        Table(
            columns: [
                .init("NAME"), .init("STATE", isState: true),
                .init("ASSIGNMENT", shrinksTo: 10), .init("UNTIL", shrinksTo: 5),
                .init("TEMPLATE", isWide: true), .init("IMAGE", isWide: true),
                .init("SINCE", isNumber: true, isVolatile: true),
                .init("PROGRESS", shrinksTo: 12, wraps: true),
            ],
            rows: nodes.map { node in
                let roamer = node.roamer
                let assignment = roamer?.assignment
                let progress = [roamer?.progress?.text, roamer?.reason, trouble(node)]
                return [
                    node.name, roamer?.state ?? "-", assignment?.target ?? "-",
                    assignment?.limit ?? "-", roamer?.template ?? assignment?.template ?? "-",
                    assignment?.image ?? "-",
                    Humane.span(roamer?.since ?? node.since, nil, now: now),
                    progress.compactMap { $0 }.joined(separator: ", "),
                ]
            })
    }

    /// Agents that wait to be admitted, with what the fleet knows of their names.
    static func waiting(_ agents: [WaitingAgent], now: Date) -> Table {
        Table(
            columns: [
                .init("NODE", shrinksTo: 8), .init("KEY"), .init("ADDRESS", shrinksTo: 12),
                .init("VERSION", isWide: true),
                .init("WAITS", isNumber: true, isVolatile: true),
                .init("KNOWN AS", shrinksTo: 12, wraps: true),
                .init("FINGERPRINT", isWide: true),
            ],
            rows: agents.map { agent in
                [
                    agent.node, agent.digits ?? "-", agent.address ?? "-", agent.version ?? "-",
                    Humane.span(agent.since, nil, now: now), agent.standing, agent.key ?? "-",
                ]
            })
    }

    /// What is wrong with the node itself, if something is.
    private static func trouble(_ node: Node) -> String? {
        node.condition == "ready" ? nil : "node \(node.condition)"
    }

    /// A node's pods.
    static func pods(_ pods: [Node.Pod], now: Date) -> Table {
        Table(
            columns: [
                .init("POD"), .init("SERVICE"), .init("STATE", isState: true),
                .init("SINCE", isNumber: true), .init("IMAGE", shrinksTo: 16),
                .init("REASON", shrinksTo: 12, wraps: true),
            ],
            rows: pods.map { pod in
                [
                    pod.name ?? "-", pod.service ?? "-", pod.state ?? "-",
                    Humane.span(pod.since, nil, now: now), pod.image ?? "-", pod.reason ?? "",
                ]
            })
    }

    /// What containers of each image were seen to take on a node.
    static func peaks(_ peaks: [Node.Peak]) -> Table {
        Table(
            columns: [.init("IMAGE", shrinksTo: 20), .init("MEMORY", isNumber: true)],
            rows: peaks.map { [$0.image ?? "-", Humane.bytes($0.bytes?.number)] })
    }

    /// What the containers of a node use.
    static func containers(_ containers: [Node.Container]) -> Table {
        Table(
            columns: [
                .init("CONTAINER"), .init("CPU", isNumber: true), .init("MEMORY", isNumber: true),
            ],
            rows: containers.map {
                [
                    $0.name ?? "-", Humane.whole($0.cpu?.number, "%"),
                    Humane.bytes($0.memory?.number),
                ]
            })
    }
}
