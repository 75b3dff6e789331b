import FleetCore

extension World {
    /// An operator does something.
    func operate(_ operation: PlannedOperation) {
        let name = hosts[operation.node % hosts.count].name
        let roamer =
            fleet.roamers.isEmpty ? name : fleet.roamers[operation.node % fleet.roamers.count]
        note("client") { "\(operation.kind.rawValue) \(name) or \(roamer)" }
        switch operation.kind {
        case .cordon: request { .cordon($0, name, true) }
        case .drain: request { .drain($0, name, deadline: .seconds(5)) }
        case .drainBriefly:
            request { .drain($0, name, deadline: nil) }
            plan(
                .call { world in world.request { .undrain($0, name) } },
                after: .seconds(operation.count))
        case .assignCluster:
            assign(
                roamer, .cluster(fleet.clusters[operation.count % fleet.clusters.count].name),
                .manual)
        case .assignImage:
            assign(roamer, .image("desk:1"), .fixed(.seconds(operation.count)))
        case .assignTemplate:
            assign(
                roamer, .template(fleet.templates[operation.count % fleet.templates.count].name),
                .untilIdle)
        case .release: request { .release($0, roamer) }
        case .apply: request { .apply($0, changed(operation.count)) }
        }
    }

    private func assign(
        _ name: NodeName, _ target: AssignmentRequest.Target, _ mode: AssignmentRequest.Mode
    ) {
        let what = AssignmentRequest(target: target, mode: mode)
        request { .assign($0, name, what) }
    }

    /// The fleet with one thing changed, as by a new cluster.yaml.
    private func changed(_ count: Int) -> FleetSpec {
        var spec = fleet
        let cluster = (count / 10) % spec.clusters.count
        switch count % 10 {
        case 0: spec.clusters[cluster].scaling.overflow = .backlog
        case 1: spec.clusters[cluster].scaling.maxRoamers = 1
        case 2: spec.services[cluster].worker.image += ".2"
        case 3: spec.services[cluster].worker.slots += 1
        case 4: spec.clusters.remove(at: cluster)
        case 5:
            // A dedicated node joins the roamers.
            if let name = spec.clusters[cluster].nodes.popLast() { spec.roamers.append(name) }
        case 6:
            if let name = spec.roamers.popLast() { spec.clusters[cluster].nodes.append(name) }
        case 7:
            // A node moves from one cluster to the next, and its old pod makes room for the new one.
            let next = (cluster + 1) % spec.clusters.count
            if next != cluster, let name = spec.clusters[cluster].nodes.popLast() {
                spec.clusters[next].nodes.insert(name, at: 0)
            }
        case 8:
            spec.limits =
                spec.limits.isEmpty
                ? [LimitSpec(subject: .everySubmitter, weight: 2, maxRunning: 2)] : []
        default: spec.services[cluster].replicas = max(0, spec.services[cluster].replicas - 1)
        }
        return spec
    }
}
