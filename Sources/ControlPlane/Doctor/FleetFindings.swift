import FleetCore
import Foundation
import OrderedCollections

/// What is found of the fleet.
enum FleetFindings {
    /// Free space of a node below which images no longer fit, in bytes.
    private static let littleDisk: UInt64 = 5_000_000_000
    /// How far the clock of a node may be off, in seconds.
    private static let skew = 5.0

    /// Looks at everything the controller knows.
    ///
    /// `ahead` says how far the wall clock is ahead of the clock that the controller goes by, in seconds.
    static func look(
        _ controller: Controller, at now: Instant, wallClockAhead ahead: Double = 0
    ) -> [Finding] {
        guard controller.fleetRevision > 0 else {
            return [
                .warning(
                    "fleet", "no cluster.yaml is in force", action: "jctl apply -f cluster.yaml")
            ]
        }
        let nodes = controller.nodes.values.filter { !$0.retired }
            .sorted { $0.record.name < $1.record.name }
        var findings = gathered(nodes.flatMap { node($0, now, ahead) })
        let heard = nodes.count { $0.state == .ready }
        if heard == nodes.count {
            findings.insert(.ok("nodes", "all \(nodes.count) are heard"), at: 0)
        }
        for cluster in controller.fleet.clusters {
            let load = controller.load(of: cluster)
            if load.waiting > 0, load.dedicated + load.helping == 0 {
                findings.append(
                    .failed(
                        "cluster", "\(load.waiting) jobs wait and no worker is ready",
                        subject: cluster.name.rawValue,
                        action: "jctl get nodes --cluster \(cluster.name)"))
            }
        }
        return findings
    }

    /// What is the same on many nodes, once.
    private static func gathered(_ findings: [Finding]) -> [Finding] {
        var subjects: OrderedDictionary<Finding, [String]> = [:]
        for var finding in findings {
            let subject = finding.subject ?? ""
            finding.subject = nil
            subjects[finding, default: []].append(subject)
        }
        return subjects.flatMap { finding, nodes in
            let shown = nodes.count < 3 ? nodes : ["\(nodes[0]) and \(nodes.count - 1) more"]
            return shown.map { subject in
                var finding = finding
                finding.subject = subject
                return finding
            }
        }
    }

    private static func node(
        _ node: Controller.Node, _ now: Instant, _ ahead: Double
    ) -> [Finding] {
        let name = node.record.name.rawValue
        let look = "jctl describe node \(name)"
        switch node.state {
        case .lost:
            return [.failed("node", "lost: \(node.reason)", subject: name, action: seek(node))]
        case .suspect:
            return [
                .warning("node", "suspect: \(node.reason)", subject: name, action: seek(node))
            ]
        case .ready: break
        }
        var findings: [Finding] = []
        if node.record.agentVersion != Version.number {
            findings.append(
                .warning(
                    "node",
                    "its agent is \(node.record.agentVersion), the controller \(Version.number)",
                    subject: name, action: "install the same version on both"))
        }
        if let sample = node.currentTelemetry(at: now) {
            if let free = sample.diskFree, free < littleDisk {
                findings.append(
                    .warning(
                        "node", "\(humaneBytes(free)) are free on its disk", subject: name,
                        action: "docker system df on it; images need room"))
            }
            findings += sample.troubles.map {
                .failed("node", $0.message, subject: name, action: $0.action)
            }
            if let wall = sample.wallClock, let at = node.telemetryAt {
                let here = at.since(.zero).inSeconds + ahead
                findings += clock(ahead: Double(wall) / 1_000 - here, name)
            }
        } else if node.since < now - .seconds(30) {
            findings.append(
                .warning(
                    "node", "it measures nothing", subject: name,
                    action: "the agent's log says why"))
        }
        if let roamer = node.record.roamer, roamer.state == .quarantined {
            findings.append(
                .failed("node", "quarantined: \(roamer.reason)", subject: name, action: look))
        }
        for worker in node.workers.values {
            guard let error = worker.error else { continue }
            findings.append(
                .warning(
                    "node", "\(worker.id): \(error.message)", subject: name, action: look))
        }
        return findings
    }

    /// What it means that the clock of a node is so many seconds ahead of the controller's.
    private static func clock(ahead seconds: Double, _ name: String) -> [Finding] {
        guard abs(seconds) > skew else { return [] }
        let shown = seconds.magnitude.rounded().formatted(.number.grouping(.never))
        return [
            .warning(
                "node", "its clock is \(shown) s \(seconds > 0 ? "ahead" : "behind")",
                subject: name,
                action: "run an NTP client on it: certificates and signed URLs go by the clock")
        ]
    }

    private static func seek(_ node: Controller.Node) -> String {
        node.record.lastSeen == nil
            ? "install the agent there (`jctl node join`), or admit it (`jctl node ls-pending`)"
            : "is the box on, and on the network? `systemctl status fleet-agent` on it"
    }
}
