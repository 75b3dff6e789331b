import Foundation

@testable import Commands

/// Fleets for `top`, and keys pressed on them.
enum TopSamples {
    static func decoded<Model: Decodable>(_ type: Model.Type, _ json: String...) throws -> [Model] {
        try json.map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
    }

    static func event(
        _ number: Int, _ type: String, job: String? = nil, node: String? = nil, to: String,
        reason: String? = nil
    ) throws -> Event {
        let json = JSONValue.dictionary([
            ("seq", .int(number)), ("at", .string("2026-11-23T12:00:00.000Z")),
            ("type", .string(type)), ("job", job.map { .string($0) }),
            ("node", node.map { .string($0) }), ("to", .string(to)),
            ("reason", reason.map { .string($0) }),
        ])
        return try JSONDecoder().decode(Event.self, from: Data(json.compact.utf8))
    }

    /// The fleet of the other tests: two nodes, two roamers, a cluster, a job that runs and one that waits.
    static func reading() throws -> TopFleet.Reading {
        try TopFleet.Reading(
            summary: decoded(Summary.self, Samples.summary).first,
            clusters: decoded(Cluster.self, Samples.cluster),
            nodes: decoded(
                Node.self, Samples.node, Samples.cordoned, Samples.roamer, Samples.idleRoamer),
            jobs: decoded(Job.self, Samples.running, Samples.queued))
    }

    /// So many nodes, the first the busiest.
    static func nodes(_ count: Int) throws -> [Node] {
        try (0..<count).map { number in
            let name = "n" + String(repeating: "0", count: 4 - "\(number)".count) + "\(number)"
            let json = """
                {"name":"\(name)","role":"dedicated","cluster":"vision","state":"ready",\
                "telemetry":{"cpu":\(Double(count - number) / Double(count) * 100)}}
                """
            return try JSONDecoder().decode(Node.self, from: Data(json.utf8))
        }
    }

    static func model(
        _ columns: Int = 80, _ rows: Int = 24, _ reading: TopFleet.Reading? = nil
    ) throws -> TopModel {
        var model = TopModel(size: TopSize(columns: columns, rows: rows), now: FakeTime.noon)
        _ = model.take(.read(try reading ?? self.reading()), at: FakeTime.noon)
        _ = model.take(.heard(true), at: FakeTime.noon)
        return model
    }
}

extension TopModel {
    /// Presses keys; answers what they ask for.
    @discardableResult
    mutating func press(_ keys: TopKey...) -> [TopAction] {
        keys.flatMap { take(.key($0), at: now) }
    }

    /// Types a text.
    @discardableResult
    mutating func type(_ text: String) -> [TopAction] {
        text.flatMap { take(.key(.character($0)), at: now) }
    }

    /// What is on the screen, without colours.
    var screen: [String] { TopRenderer(style: .none).lines(self) }

    /// The same as one text.
    var text: String { screen.joined(separator: "\n") }

    /// The line of the selected row.
    var marked: String? { screen.first { $0.hasPrefix("> ") } }
}
