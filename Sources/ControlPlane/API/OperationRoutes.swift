import FleetCore
import HTTPTypes
import Hummingbird
import NIOCore
import OrderedCollections

/// The version of every binary of this build.
package enum Version {
    /// Semantic version.
    package static let number = "0.1.0"
}

extension APIServer {
    func addOperations(_ router: Router<Context>) {
        router.get("/healthz") { _, _ in "ok\n" }
        router.get("/readyz") { _, _ in
            try requireStore()
            return "ready\n"
        }
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: await metrics())))
        }
        router.get("/api/v1/version") { _, _ in
            try JSONAnswer.response(["version": Version.number, "api": "v1"])
        }
        router.get("/api/v1/summary") { _, _ in try JSONAnswer.response(await summary()) }
    }

    private struct Summary: Encodable, Sendable {
        struct Store: Encodable, Sendable {
            var healthy: Bool
            var error: String?
            var commitSeconds: Double?
        }
        var version: String
        var uptimeSeconds: Double
        var term: UInt64
        var store: Store
        var jobs: [String: Int]
        var nodes: [String: Int]
        var roamers: [String: Int]
    }

    private func summary() async -> Summary {
        let health = loop.health
        let counts = await loop.read { controller, _ in Counts(controller) }
        var nodes = counts.nodes
        nodes["total"] = counts.nodes.values.reduce(0, +)
        return Summary(
            version: Version.number,
            uptimeSeconds: (ContinuousClock.now - startedAt).inSeconds.rounded(),
            term: loop.term,
            store: .init(
                healthy: health.isHealthy, error: health.error,
                commitSeconds: health.latency?.inSeconds),
            jobs: counts.jobs, nodes: nodes, roamers: counts.roamers)
    }

    /// Counts by state.
    struct Counts: Sendable {
        var jobs: [String: Int] = [:]
        var nodes: [String: Int] = [:]
        var roamers: [String: Int] = [:]

        init(_ controller: Controller) {
            for state in JobState.allCases { jobs[state.rawValue] = 0 }
            for state in NodeState.allCases { nodes[state.rawValue] = 0 }
            for job in controller.jobs.values { jobs[job.state.rawValue, default: 0] += 1 }
            for node in controller.nodes.values {
                nodes[node.state.rawValue, default: 0] += 1
                if let roamer = node.record.roamer {
                    roamers[roamer.state.rawValue.lowercased(), default: 0] += 1
                }
            }
        }
    }
}
