import Foundation

/// The lists of each view.
struct TopLists {
    let fleet: TopFleet
    /// How wide they may be: narrow terminals get fewer columns.
    let width: Int
    let now: Date

    /// The lists of a view, unfiltered and in the controller's order.
    func sections(_ view: TopView) -> [TopSection] {
        switch view {
        case .overview: [clusters, roamers, jobs(fleet.jobs.filter { !$0.isEnded })]
        case .nodes: [nodes]
        case .jobs: [jobs(fleet.jobs)]
        case .roamers: [roamers]
        case .events: [events]
        }
    }

    /// A column, from which width on it is shown, and its cell for a thing.
    private struct Column<Thing> {
        var column: Table.Column
        var from = 0
        var cell: (Thing) -> TopCell

        init(_ column: Table.Column, from: Int = 0, _ cell: @escaping (Thing) -> TopCell) {
            self.column = column
            self.from = from
            self.cell = cell
        }
    }

    private func section<Thing>(
        _ things: [Thing], _ columns: [Column<Thing>], empty: String,
        target: (Thing) -> TopTarget
    ) -> TopSection {
        let shown = columns.filter { $0.from <= width }
        return TopSection(
            columns: shown.map(\.column),
            rows: things.map { thing in
                TopRow(target: target(thing), cells: shown.map { $0.cell(thing) })
            }, empty: empty)
    }

    private func number(_ header: String) -> Table.Column { .init(header, isNumber: true) }

    private var clusters: TopSection {
        func count(_ value: Int?) -> TopCell {
            TopCell(value.map { Double($0) }, value.map(String.init) ?? "-")
        }
        return section(
            fleet.clusters,
            [
                Column(.init("CLUSTER", shrinksTo: 7)) { TopCell($0.name) },
                Column(number("READY")) {
                    TopCell(
                        $0.ready.map { Double($0) },
                        "\($0.ready.map(String.init) ?? "-")/\($0.nodes?.count ?? 0)")
                },
                Column(number("QUEUED")) { count($0.queued) },
                Column(number("RUNNING")) { count($0.running) },
                Column(.init("KINDS", shrinksTo: 5), from: 60) {
                    TopCell($0.kinds?.joined(separator: ","))
                },
                Column(.init("ROAMERS", shrinksTo: 7), from: 60) { TopCell($0.roamers?.text) },
            ], empty: "no cluster yet; `jctl apply -f cluster.yaml` makes them"
        ) { .cluster($0.name) }
    }

    private var nodes: TopSection {
        section(
            fleet.nodes,
            [
                Column(.init("NODE", shrinksTo: 8)) { TopCell($0.name) },
                Column(.init("STATE", shrinksTo: 5, isState: true)) { TopCell($0.condition) },
                Column(.init("JOBS")) { node in
                    TopCell(
                        node.running.map { Double($0) },
                        "\(node.running ?? 0)/\(node.slots.map(String.init) ?? "-")")
                },
                Column(number("CPU")) { .measured($0.telemetry?.cpu, "%") },
                Column(number("GPU")) { .measured($0.telemetry?.gpu, "%") },
                Column(number("MEM"), from: 60) { node in
                    TopCell(
                        node.telemetry?.memoryUsed?.number, node.memory.map { "\($0)G" } ?? "-")
                },
                Column(number("TEMP"), from: 60) { .measured($0.telemetry?.temperature, "C") },
                Column(number("POWER"), from: 60) { .measured($0.telemetry?.power, "W") },
                Column(.init("POD", shrinksTo: 8), from: 72) { TopCell(Self.pod($0)) },
                Column(.init("CLUSTER", shrinksTo: 7), from: 90) { TopCell(Self.cluster($0)) },
                Column(number("SEEN"), from: 100) { .age($0.lastSeenAt, now: now) },
            ], empty: "no node yet; agents appear here when they connect"
        ) { .node($0.name) }
    }

    private static func cluster(_ node: Node) -> String? {
        node.cluster ?? node.roamer?.assignment?.cluster
    }

    /// What runs on it: its service, or what a roamer has become.
    private static func pod(_ node: Node) -> String {
        if let pods = node.pods, !pods.isEmpty {
            let words = pods.map { pod in
                let name = pod.service ?? pod.name ?? "-"
                return pod.state == "ready" ? name : "\(name) \(pod.state ?? "unknown")"
            }
            return words.joined(separator: ",")
        }
        guard let roamer = node.roamer else { return "-" }
        return [roamer.template, roamer.state].compactMap { $0 }.joined(separator: " ")
    }

    private func jobs(_ jobs: [Job]) -> TopSection {
        section(
            jobs,
            [
                // Ids begin with their time: only their ends tell jobs of the same minute apart.
                Column(.init("JOB")) { TopCell(width >= 60 ? $0.id : "…" + $0.id.suffix(9)) },
                Column(.init("KIND", shrinksTo: 5), from: 60) { TopCell($0.kind) },
                Column(.init("STATE", shrinksTo: 9, isState: true)) { TopCell($0.state) },
                Column(.init("NODE", shrinksTo: 6)) { TopCell($0.node) },
                Column(number("AGE")) { .age($0.submittedAt, now: now) },
                Column(number("TOOK"), from: 100) {
                    .age($0.startedAt, to: $0.finishedAt, now: now)
                },
                Column(.init("WHY", shrinksTo: 12), from: 60) { TopCell(JobText.detail($0)) },
            ], empty: "no job waits or runs"
        ) { .job($0.id) }
    }

    private var roamers: TopSection {
        section(
            fleet.nodes.filter(\.isRoamer),
            [
                Column(.init("ROAMER", shrinksTo: 8)) { TopCell($0.name) },
                Column(.init("STATE", shrinksTo: 6, isState: true)) {
                    TopCell($0.roamer?.state ?? $0.condition)
                },
                Column(.init("FOR", shrinksTo: 6)) { TopCell($0.roamer?.assignment?.target) },
                Column(.init("UNTIL", shrinksTo: 6), from: 60) {
                    TopCell($0.roamer?.assignment?.limit)
                },
                Column(number("SINCE")) { .age($0.roamer?.since ?? $0.since, now: now) },
                Column(.init("NOW", shrinksTo: 8), from: 60) { node in
                    let words = [
                        node.roamer?.progress?.text, node.roamer?.reason,
                        node.condition == "ready" ? nil : "node \(node.condition)",
                    ]
                    return TopCell(words.compactMap { $0 }.joined(separator: ", "))
                },
            ], empty: "no roamer"
        ) { .node($0.name) }
    }

    private var events: TopSection {
        section(
            fleet.events,
            [
                Column(.init("TIME")) { TopCell($0.at?.clock.prefix(8).description) },
                Column(.init("TYPE", shrinksTo: 5), from: 60) { TopCell($0.type) },
                Column(.init("SUBJECT", shrinksTo: 10)) { TopCell(EventText.subject($0)) },
                Column(.init("CHANGE", shrinksTo: 12)) { TopCell(EventText.change($0)) },
            ], empty: "nothing has happened yet"
        ) { .event($0.seq ?? 0) }
    }
}
