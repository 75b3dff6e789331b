import FleetCore
import OrderedCollections
import Settings

extension APIServer {
    /// The Prometheus text of everything we count.
    func metrics() async -> String {
        var text = MetricsText()
        let health = loop.health
        let link = counters.snapshot
        text.gauge(
            "jessica_build_info", "The running version.",
            [(["version": Version.number], 1)])
        text.gauge(
            "jessica_store_up", "Whether the store answers.", [([:], health.isHealthy ? 1 : 0)])
        text.counter(
            "jessica_commits_total", "Batches stored.", [([:], Double(health.commits))])
        text.counter(
            "jessica_link_frames_total", "Messages of and to agents.",
            link.received.map { (["direction": "in", "type": $0.0], Double($0.1)) }
                + link.sent.map { (["direction": "out", "type": $0.0], Double($0.1)) })
        text.counter(
            "jessica_link_refused_total", "Peers and messages refused on the link.",
            link.refused.map { (["reason": $0.0], Double($0.1)) })
        text.gauge(
            "jessica_link_sessions", "Agents connected.", [([:], Double(sessions.count))])
        text.gauge("jessica_stream_readers", "Who follows events.", [([:], Double(feed.readers))])
        writeWebhooks(to: &text)
        writeInstallation(to: &text)
        let gauges = await loop.read { controller, now in FleetGauges(controller, at: now) }
        meters.write(to: &text, clusters: gauges.clusters)
        gauges.write(to: &text)
        return text.text
    }

    private func writeWebhooks(to text: inout MetricsText) {
        let statuses = webhooks.statuses
        text.counter(
            "jessica_webhook_deliveries_total",
            "Tries of deliveries to webhooks, by how they ended.",
            statuses.flatMap { status in
                [
                    ("delivered", status.delivered), ("failed", status.failed),
                    ("dropped", status.dropped),
                ].map { outcome, count in
                    (["webhook": status.record.name.rawValue, "outcome": outcome], Double(count))
                }
            })
        text.gauge(
            "jessica_webhook_lag_events", "Events that a webhook is behind.",
            statuses.map { (["webhook": $0.record.name.rawValue], Double(webhooks.lag($0))) })
    }
}

/// What the metrics show of the machine.
private struct FleetGauges: Sendable {
    var depth: [(String, Int)] = []
    var head: [(String, Instant)] = []
    var workers: [(String, Int)] = []
    var lastSeen: [(String, Instant)] = []
    /// Every queue: the clusters' and the roamers' own.
    var clusters: [String] { depth.map(\.0) }
    var jobs: [(String, Int)] = []
    var up: [(String, Bool)] = []
    var roamers: [(String, String)] = []
    var telemetry: [(String, Telemetry)] = []
    var webhooks: [(String, isFailing: Bool)] = []
    var bans = 0

    init(_ controller: Controller, at now: Instant) {
        for cluster in controller.fleet.clusters {
            let load = controller.load(of: cluster)
            workers.append((cluster.name.rawValue, load.dedicated + load.helping))
        }
        for queue in controller.fleet.clusters.map(\.name) + [Controller.roamerQueue] {
            depth.append((queue.rawValue, controller.depth(queue)))
            if let next = controller.queued(queue, limit: 1).first,
                let job = controller.jobs[next]
            {
                head.append((queue.rawValue, job.retriedAt ?? job.submittedAt))
            }
        }
        let counts = APIServer.Counts(controller)
        jobs = counts.jobs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        for node in controller.nodes.values.sorted(by: { $0.record.name < $1.record.name }) {
            let name = node.record.name.rawValue
            up.append((name, node.state == .ready))
            if let seen = node.record.lastSeen { lastSeen.append((name, seen)) }
            if let roamer = node.record.roamer { roamers.append((name, roamer.state.rawValue)) }
            if let sample = node.currentTelemetry(at: now) { telemetry.append((name, sample)) }
        }
        webhooks = controller.webhooks.values.sorted { $0.name < $1.name }
            .map { ($0.name.rawValue, isFailing: $0.failingSince != nil) }
        bans = controller.bans.count
    }

    func write(to text: inout MetricsText) {
        text.gauge(
            "jessica_queue_depth", "Jobs that wait.",
            depth.map { (["cluster": $0.0], Double($0.1)) })
        text.gauge(
            "jessica_queue_head_timestamp_seconds",
            "When the job that is next in line was submitted; absent when none waits.",
            head.map { (["cluster": $0.0], $0.1.since(.zero).inSeconds) })
        text.gauge(
            "jessica_cluster_workers", "Workers that can take jobs, helping roamers included.",
            workers.map { (["cluster": $0.0], Double($0.1)) })
        text.gauge(
            "jessica_jobs", "Jobs in memory by state.",
            jobs.map { (["state": $0.0], Double($0.1)) })
        text.gauge(
            "jessica_node_up", "Whether a node is heard.",
            up.map { (["node": $0.0], $0.1 ? 1 : 0) })
        text.gauge(
            "jessica_node_last_seen_timestamp_seconds", "When a node was heard last.",
            lastSeen.map { (["node": $0.0], $0.1.since(.zero).inSeconds) })
        text.gauge(
            "jessica_roamer_state", "The state a roamer is in.",
            roamers.flatMap { name, state in
                RoamerState.allCases.map {
                    (["node": name, "state": $0.rawValue], $0.rawValue == state ? 1 : 0)
                }
            })
        text.gauge(
            "jessica_webhook_failing", "Whether a webhook has not taken what it was sent last.",
            webhooks.map { (["webhook": $0.0], $0.isFailing ? 1 : 0) })
        text.gauge(
            "jessica_nodes_banned", "Names of nodes whose earlier certificates are void.",
            [([:], Double(bans))])
        writeTelemetry(to: &text)
    }

    /// What the machines measured; a number that is not known has no line.
    private func writeTelemetry(to text: inout MetricsText) {
        func gauge(_ name: String, _ help: String, _ value: (Telemetry) -> Double?) {
            text.gauge(
                name, help,
                telemetry.compactMap { node, sample in
                    value(sample).map { (["node": node], $0) }
                })
        }
        text.gauge(
            "jessica_node_memory_bytes", "Memory of a node.",
            telemetry.flatMap { name, sample in
                [
                    ("used", sample.memoryUsed), ("total", sample.memoryTotal),
                    ("swap_used", sample.swapUsed), ("swap_total", sample.swapTotal),
                ].compactMap { kind, bytes in
                    bytes.map { (["node": name, "kind": kind], Double($0)) }
                }
            })
        gauge("jessica_node_cpu_utilization_ratio", "Processor use of a node.") { $0.cpu }
        gauge("jessica_node_gpu_utilization_ratio", "GPU use of a node.") { $0.gpu }
        gauge("jessica_node_power_watts", "What the whole board of a node draws.") { $0.power }
        text.gauge(
            "jessica_node_temperature_celsius", "Temperatures of a node.",
            telemetry.flatMap { name, sample in
                sample.temperatures.map { (["node": name, "sensor": $0.name], $0.value) }
            })
    }
}
