import FleetCore
import Settings

extension FleetReader {
    /// Reads one entry of `clusters`.
    mutating func cluster(_ entry: YamlEntry, into draft: inout FleetDraft) {
        let key = "clusters.\(entry.key)"
        let field = FleetField(key: key, line: entry.line, value: entry.value)
        checkName(entry, key: key)
        let fields = fields(
            of: field, allowed: ["nodes", "kinds", "service", "template", "scaling"])
        var cluster = ClusterDraft(name: entry.key, line: entry.line, key: key)
        if let field = fields["nodes"] { cluster.nodes = nodes(field) }
        if let field = fields["kinds"] {
            cluster.kinds = kinds(field)
        } else if let kind = ClusterDraft.kinds(byName: entry.key) {
            cluster.kinds = [FleetPlaced(value: kind, line: entry.line, key: "\(key).kinds")]
        }
        if let field = fields["service"] {
            cluster.service = name(field)
        }
        if let field = fields["template"] {
            cluster.template = name(field)
        }
        if let field = fields["scaling"] { cluster.scaling = scaling(field) }
        draft.clusters.append(cluster)
    }

    /// A list of nodes, none twice.
    mutating func nodes(_ field: FleetField) -> [FleetPlaced<String>] {
        var lines: [String: Int] = [:]
        return texts(field, limit: FleetFile.nodeLimit, check: FleetText.dnsLabel).filter { node in
            guard let first = lines.updateValue(node.line, forKey: node.value) else { return true }
            mistakes.add(
                line: node.line, key: node.key, "\(node.value) is already listed (line \(first))")
            return false
        }
    }

    private mutating func name(_ field: FleetField) -> FleetPlaced<String>? {
        text(field, check: FleetText.dnsLabel)
            .map { FleetPlaced(value: $0, line: field.line, key: field.key) }
    }

    private mutating func kinds(_ field: FleetField) -> [FleetPlaced<JobKind>] {
        let words = JobKind.allCases.map(\.rawValue)
        var lines: [String: Int] = [:]
        var kinds: [FleetPlaced<JobKind>] = []
        for item in texts(field, limit: 100, check: { FleetText.choice($0, among: words) }) {
            guard let kind = JobKind(rawValue: item.value) else { continue }
            if let first = lines.updateValue(item.line, forKey: item.value) {
                mistakes.add(
                    line: item.line, key: item.key,
                    "\(item.value) is already listed (line \(first))")
                continue
            }
            kinds.append(FleetPlaced(value: kind, line: item.line, key: item.key))
        }
        return kinds
    }

    private mutating func scaling(_ field: FleetField) -> ScalingSpec {
        let fields = fields(
            of: field,
            allowed: ["backlog_factor", "overflow", "max_roamers", "release_idle", "backup"])
        var scaling = ScalingSpec()
        if let field = fields["backlog_factor"] {
            scaling.backlogFactor = int(field, in: 1...1_000_000) ?? scaling.backlogFactor
        }
        if let field = fields["overflow"] {
            scaling.overflow = choice(field, OverflowPolicy.self) ?? scaling.overflow
        }
        if let field = fields["max_roamers"] {
            scaling.maxRoamers = int(field, in: 0...FleetFile.nodeLimit) ?? scaling.maxRoamers
        }
        if let field = fields["release_idle"] {
            scaling.releaseIdle =
                duration(field, in: .milliseconds(1)...(.seconds(30 * 86_400)))
                ?? scaling.releaseIdle
        }
        if let field = fields["backup"] { scaling.backup = bool(field) ?? scaling.backup }
        return scaling
    }
}
