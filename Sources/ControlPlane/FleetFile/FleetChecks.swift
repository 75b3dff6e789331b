import FleetCore
import Settings

/// Checks the parts of a fleet against each other.
struct FleetChecks {
    var mistakes: MistakeList

    mutating func run(_ draft: inout FleetDraft) {
        ownership(draft)
        kinds(draft)
        references(draft)
        replicas(&draft)
    }

    /// A node belongs to one cluster or to the roamers, and there are not too many.
    private mutating func ownership(_ draft: FleetDraft) {
        var claims: [(node: FleetPlaced<String>, owner: String)] = []
        for cluster in draft.clusters {
            claims += cluster.nodes.map { ($0, "in cluster \(cluster.name)") }
        }
        claims += draft.roamers.map { ($0, "a roamer") }
        if claims.count > FleetFile.nodeLimit {
            let past = claims[FleetFile.nodeLimit].node
            mistakes.add(
                line: past.line, key: past.key,
                "the fleet has \(claims.count) nodes, at most \(FleetFile.nodeLimit) are allowed")
            return
        }
        let ordered = claims.enumerated().sorted {
            ($0.element.node.line, $0.offset) < ($1.element.node.line, $1.offset)
        }
        var owners: [String: (owner: String, line: Int)] = [:]
        for (_, claim) in ordered {
            let node = claim.node
            if let first = owners[node.value] {
                mistakes.add(
                    line: node.line, key: node.key,
                    "\(node.value) is already \(first.owner) (line \(first.line))")
            } else {
                owners[node.value] = (claim.owner, node.line)
            }
        }
    }

    /// A kind of job is served by one cluster, so that its way is clear.
    private mutating func kinds(_ draft: FleetDraft) {
        var owners: [JobKind: (cluster: String, line: Int)] = [:]
        for cluster in draft.clusters {
            for kind in cluster.kinds {
                if let first = owners[kind.value] {
                    mistakes.add(
                        line: kind.line, key: kind.key,
                        "\(kind.value.rawValue) is already served by cluster \(first.cluster) (line \(first.line))"
                    )
                } else {
                    owners[kind.value] = (cluster.name, kind.line)
                }
            }
        }
    }

    private mutating func references(_ draft: FleetDraft) {
        let services = draft.services.map(\.name)
        let templates = draft.templates.map(\.name)
        for cluster in draft.clusters {
            check(cluster.service, among: services, "service")
            check(cluster.template, among: templates, "template")
        }
    }

    private mutating func check(_ name: FleetPlaced<String>?, among names: [String], _ what: String)
    {
        guard let name, !names.contains(name.value) else { return }
        let hint = Suggestion.hint(for: name.value, among: names)
        mistakes.add(
            line: name.line, key: name.key, "there is no \(what) \(name.value)\(hint)")
    }

    /// A service runs on no more nodes than its cluster has; unsaid, on all of them.
    private mutating func replicas(_ draft: inout FleetDraft) {
        for index in draft.services.indices {
            let service = draft.services[index]
            let users = draft.clusters.filter { $0.service?.value == service.name }
            guard let smallest = users.min(by: { $0.nodes.count < $1.nodes.count }) else {
                continue
            }
            let nodes = smallest.nodes.count
            if let replicas = service.replicas, replicas.value > nodes {
                let count = nodes == 1 ? "1 node" : "\(nodes) nodes"
                mistakes.add(
                    line: replicas.line, key: replicas.key,
                    "\(replicas.value) replicas, but cluster \(smallest.name) has \(count) (line \(smallest.line))"
                )
            }
            draft.services[index].replicasByDefault = nodes
        }
    }
}
