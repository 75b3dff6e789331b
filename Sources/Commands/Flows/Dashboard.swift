import Foundation

/// The fleet on one screen, as text.
struct Dashboard: Sendable {
    var summary: Summary
    var clusters: [Cluster]
    var nodes: [Node]
    var waiting: [Job]

    /// Gets everything the screen shows.
    static func fetch(_ client: APIClient) async throws -> Dashboard {
        let purpose = "show the fleet"
        async let summary = client.get(Summary.self, Resource("summary"), purpose: purpose)
        async let clusters = client.list(Cluster.self, Resource("clusters"), purpose: purpose)
        async let nodes = client.list(Node.self, Resource("nodes"), purpose: purpose)
        async let waiting = client.list(
            Job.self, Resource("jobs", query: [("state", "queued"), ("order", "oldest")]),
            limit: 20, purpose: purpose)
        return try await Dashboard(
            summary: summary.model, clusters: clusters.items.map(\.model),
            nodes: nodes.items.map(\.model), waiting: waiting.items.map(\.model))
    }

    /// At most `height` lines of at most `width` columns.
    func lines(width: Int, height: Int, style: Style, now: Date) -> [String] {
        let roamers = nodes.filter(\.isRoamer)
        let dedicated = nodes.filter { !$0.isRoamer }
        var lines = SummaryText.lines(summary).map { $0.truncated(to: width) }
        lines.append("")
        let left = clusterTable.lines(width: width * 9 / 20, style: .none)
        let right = roamerTable(roamers, now).lines(width: width - width * 9 / 20 - 2, style: .none)
        lines += Self.beside(left, right, column: width * 9 / 20)
        lines.append("")
        lines += Self.grid(dedicated.map(Self.tile), width: width)
        lines.append("")
        let room = max(0, height - lines.count - 1)
        lines += queue(room: room, width: width, now)
        return lines.prefix(height).map { Self.heading($0, style) }
    }

    private var clusterTable: Table {
        func number(_ value: Int?) -> String { value.map(String.init) ?? "-" }
        return Table(
            columns: [
                .init("CLUSTER", shrinksTo: 7), .init("READY", isNumber: true),
                .init("QUEUED", isNumber: true), .init("RUNNING", isNumber: true),
            ],
            rows: clusters.map {
                [
                    $0.name, "\(number($0.ready))/\($0.nodes?.count ?? 0)", number($0.queued),
                    number($0.running),
                ]
            })
    }

    private func roamerTable(_ roamers: [Node], _ now: Date) -> Table {
        Table(
            columns: [
                .init("ROAMER"), .init("STATE", shrinksTo: 6), .init("FOR", shrinksTo: 4),
                .init("SINCE", isNumber: true), .init("AT", shrinksTo: 3),
            ],
            rows: roamers.map {
                [
                    $0.name, $0.roamer?.state ?? $0.condition,
                    $0.roamer?.assignment?.target ?? "-",
                    Humane.span($0.roamer?.since ?? $0.since, nil, now: now),
                    $0.roamer?.progress?.text ?? "",
                ]
            })
    }

    private static func tile(_ node: Node) -> String {
        let jobs = "\(node.running ?? 0)/\(node.slots.map(String.init) ?? "-")"
        let gpu = node.telemetry?.gpu?.number.map { " g" + Humane.whole($0, "%") } ?? ""
        let heat = node.telemetry?.temperature?.number.map { " " + Humane.whole($0, "C") } ?? ""
        return SafeText.line("\(node.name) \(node.condition) \(jobs)\(gpu)\(heat)")
    }

    private static func grid(_ tiles: [String], width: Int) -> [String] {
        let perLine = max(1, (width + 2) / 27)
        let column = (width - 2 * (perLine - 1)) / perLine
        return stride(from: 0, to: tiles.count, by: perLine).map { start in
            tiles[start..<min(start + perLine, tiles.count)].map { padded($0, column) }
                .joined(separator: "  ").trimmingTrailingSpaces()
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        let cut = text.truncated(to: width)
        return cut + String(repeating: " ", count: max(0, width - cut.displayWidth))
    }

    private static func beside(_ left: [String], _ right: [String], column: Int) -> [String] {
        (0..<max(left.count, right.count)).map { row in
            let first = padded(row < left.count ? left[row] : "", column)
            return (first + "  " + (row < right.count ? right[row] : "")).trimmingTrailingSpaces()
        }
    }

    private func queue(room: Int, width: Int, _ now: Date) -> [String] {
        guard !waiting.isEmpty else { return ["no job waits"] }
        let rows = waiting.prefix(max(0, room - 1)).map {
            [
                $0.id, $0.kind ?? "-", Humane.span($0.submittedAt, nil, now: now),
                JobText.waiting($0),
            ]
        }
        let table = Table(
            columns: [
                .init("WAITING"), .init("KIND", shrinksTo: 6), .init("AGE", isNumber: true),
                .init("WHY", shrinksTo: 12),
            ], rows: rows)
        let total = max(summary.jobs?["queued"] ?? 0, waiting.count)
        let rest = total - rows.count
        return table.lines(width: width, style: .none) + (rest > 0 ? ["and \(rest) more"] : [])
    }

    private static func heading(_ line: String, _ style: Style) -> String {
        let isHeading = ["CLUSTER", "WAITING"].contains { line.hasPrefix($0) }
        return isHeading ? style.paint(line, .strong) : line
    }
}
