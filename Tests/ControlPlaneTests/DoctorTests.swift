import FleetCore
import Foundation
import Hummingbird
import HummingbirdTesting
import RedisStore
import Testing

@testable import ControlPlane

@Suite("The doctor")
struct DoctorTests {
    private static let good = """
        # Server
        redis_version:7.0.15
        used_memory:12345678
        maxmemory:0
        maxmemory_policy:noeviction
        aof_enabled:1
        aof_last_write_status:ok
        """

    @Test("A Redis that keeps everything is fine")
    func goodStore() {
        let findings = StoreFindings.judge(info: Self.good, sync: "always", commit: 0.00123)
        #expect(
            findings == [.ok("store", "Redis 7.0.15, 12 MB of memory, the last batch took 1.2 ms")])
    }

    @Test(
        "A Redis that may lose something is told of",
        arguments: [
            ("aof_enabled:1", "aof_enabled:0", "warning", "appendonly"),
            ("aof_last_write_status:ok", "aof_last_write_status:err", "failed", "disk"),
            (
                "maxmemory:0\nmaxmemory_policy:noeviction",
                "maxmemory:99999999\nmaxmemory_policy:allkeys-lru", "failed", "noeviction"
            ),
            ("maxmemory:0", "maxmemory:13000000", "warning", "maxmemory"),
        ])
    func badStore(from: String, to: String, status: String, action: String) {
        let info = Self.good.replacingOccurrences(of: from, with: to)
        let findings = StoreFindings.judge(info: info, sync: "always", commit: nil)
        #expect(findings.map(\.status.rawValue) == [status])
        #expect(findings.first?.action?.contains(action) == true)
    }

    @Test("An answer that is no INFO is no reason to worry, nor to end")
    func strangeStore() {
        for text in ["", ":::\n:", "used_memory:-5\nmaxmemory:99999999999999999999"] {
            let findings = StoreFindings.judge(info: text, sync: "always", commit: nil)
            #expect(findings.map(\.status) == [.ok])
        }
    }

    @Test(
        "A Redis that answers before its log is on disk is told of",
        arguments: ["everysec", "no"])
    func lazyStore(sync: String) {
        let findings = StoreFindings.judge(info: Self.good, sync: sync, commit: nil)
        #expect(findings.map(\.status) == [.warning])
        #expect(findings.first?.message.contains("appendfsync \(sync)") == true)
        #expect(findings.first?.action == "set `appendfsync always`")
        // One that has no log at all has the worse fault.
        let without = Self.good.replacingOccurrences(of: "aof_enabled:1", with: "aof_enabled:0")
        let worse = StoreFindings.judge(info: without, sync: sync, commit: nil)
        #expect(worse.map(\.action) == ["set `appendonly yes` and `appendfsync always`"])
    }

    @Test("A Redis that does not tell its settings is no reason to worry")
    func silentStore() {
        let findings = StoreFindings.judge(info: Self.good, sync: nil, commit: nil)
        #expect(findings.map(\.status) == [.ok, .ok])
        #expect(findings.last?.message.contains("cannot be told") == true)
    }

    @Test("Redis itself is asked how it writes its log")
    func asksStore() async throws {
        try await Plane.with { plane, _ in
            let client = plane.store.store.client
            func store() async throws -> [String?] {
                try await diagnose(plane)
                    .filter { $0["name"] == .string("store") }.map { Plane.text($0["status"]) }
            }
            #expect(try await store() == ["ok"])
            _ = try await client.read(RedisCommand("CONFIG", "SET", "appendfsync", "everysec"))
            #expect(try await store() == ["warning"])
            // A user who may not ask.
            _ = try await client.read(RedisCommand("ACL", "SETUSER", "default", "-config"))
            #expect(try await store() == ["ok", "ok"])
        }
    }

    @Test(
        arguments: [
            (400_000_000, "failed"), (4_000_000_000, "warning"), (40_000_000_000, "ok"),
        ] as [(UInt64, String)])
    func disk(free: UInt64, status: String) {
        #expect(MachineFindings.disk(free: free, in: "/x").status.rawValue == status)
    }

    @Test func noDisk() { #expect(MachineFindings.disk("/nowhere/at/all").status == .failed) }

    @Test(arguments: [(-1.0, "failed"), (10, "warning"), (90, "ok")])
    func certificate(days: Double, status: String) {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let finding = MachineFindings.certificate(
            "x", ends: now.addingTimeInterval(days * 86_400), now: now, action: "renew it")
        #expect(finding.status.rawValue == status)
    }

    @Test("Certificates of nodes are told of when they end soon, else in one line")
    func certificates() {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let good = (node: "agx-01", ends: now.addingTimeInterval(90 * 86_400))
        let ending = (node: "agx-02", ends: now.addingTimeInterval(9 * 86_400))
        #expect(
            MachineFindings.certificates([good], now: now).map(\.message) == [
                "those of 1 nodes are good"
            ])
        let findings = MachineFindings.certificates([good, ending], now: now)
        #expect(findings.map(\.subject) == ["agx-02"])
        #expect(findings.first?.action?.contains("certify agx-02") == true)
        #expect(MachineFindings.certificates([], now: now).isEmpty)
    }

    @Test("A storage that is named and not in use is told of when it is applied, and by the doctor")
    func storage() async throws {
        let (mine, other) = (
            StorageSpec(endpoint: "http://a:9000", bucket: "b"),
            StorageSpec(endpoint: "http://a:9000", bucket: "c")
        )
        let installed = Installation(
            folder: "/x", authorityEnds: .distantFuture, certificateEnds: .distantFuture,
            storage: mine)
        #expect(installed.mismatch(mine) == nil)
        #expect(installed.mismatch(other)?.contains("names bucket c at http://a:9000") == true)
        #expect(installed.mismatch(nil)?.contains("names the controller's state folder") == true)
        try await Plane.with { plane, _ in
            func warning() async throws -> JSONValue? {
                let (_, json) = try await plane.call(.get, "/api/v1/diagnosis")
                guard case .array(let items)? = json["items"] else { return nil }
                return items.first {
                    $0["name"] == .string("objects") && $0["status"] == .string("warning")
                }
            }
            #expect(try await warning() == nil)
            let file = """
                fleet: test
                storage: {endpoint: "http://a:9000", bucket: jessica}
                clusters: {}
                roamers: {nodes: [agx-11]}
                """
            let (status, json) = try await plane.call(.post, "/api/v1/fleet", file)
            #expect(status == .ok, "\(json)")
            #expect(Plane.text(json["notes"]?[0])?.contains("restart the controller") == true)
            #expect(try await warning() != nil)
        }
    }

    @Test("The hosts that the fleet's file names are looked up, each once")
    func hosts() {
        var fleet = Plane.fleet
        fleet.registry = "spark:5000"
        fleet.storage = StorageSpec(endpoint: "http://store.lan:9000", bucket: "b")
        fleet.models = ModelSource(source: "spark:/mnt/models", mount: "/mnt/spark-models")
        #expect(MachineFindings.hosts(of: fleet).map(\.host) == ["spark", "store.lan"])
        fleet.registry = "[::1]:5000"
        fleet.models = ModelSource(source: "/srv/models", mount: "/srv/models")
        #expect(MachineFindings.hosts(of: fleet).map(\.host) == ["::1", "store.lan"])
        fleet.registry = ""
        fleet.storage = nil
        #expect(MachineFindings.hosts(of: fleet).isEmpty)
    }

    @Test("What is wrong with boxes is told with what to do, and once where it is the same on many")
    func troubles() async throws {
        try await Plane.with { plane, _ in
            for node: NodeName in ["agx-01", "agx-02", "agx-11"] {
                try await plane.connect(node)
                let now = plane.loop.clock.now.nanoseconds / 1_000_000
                let sample = Telemetry(
                    wallClock: node == "agx-02" ? now - 90_000 : now,
                    troubles: [
                        .init(name: "docker", message: "Docker is gone", action: "start it")
                    ])
                plane.loop.post(.message(node, SessionID(1), .telemetry(sample)))
            }
            let findings = await plane.loop.read { FleetFindings.look($0, at: $1) }
            let docker = try #require(findings.first { $0.message == "Docker is gone" })
            #expect(docker.subject == "agx-01 and 2 more")
            #expect(docker.status == .failed && docker.action == "start it")
            let clock = try #require(findings.first { $0.message.contains("clock") })
            #expect(["90", "91"].contains { clock.message == "its clock is \($0) s behind" })
            #expect(clock.subject == "agx-02")
        }
    }

    @Test func clock() {
        #expect(MachineFindings.clock(ahead: 0.5).status == .ok)
        let set = MachineFindings.clock(ahead: -3_600)
        #expect(set.status == .warning && set.message.contains("3600.0 s back"))
    }

    @Test(
        arguments: [
            (5, "5 B"), (999, "999 B"), (1_500, "1.5 kB"), (12_345_678, "12 MB"),
            (4_200_000_000, "4.2 GB"), (3_000_000_000_000, "3.0 TB"),
        ] as [(UInt64, String)])
    func bytes(count: UInt64, text: String) { #expect(humaneBytes(count) == text) }

    private func diagnose(_ plane: Plane) async throws -> [JSONValue] {
        let application = Application(router: plane.api.router(tokens: nil))
        return try await application.test(.router) { client in
            try await client.execute(uri: "/api/v1/diagnosis", method: .get) { response in
                let json = try JSONDecoder().decode(
                    JSONValue.self, from: Data(response.body.readableBytesView))
                guard case .array(let items)? = json["items"] else { return [] }
                return items
            }
        }
    }

    @Test("It sees a node that is away, one that has another version, and what is fine")
    func fleet() async throws {
        try await Plane.with { plane, _ in
            try await plane.connect("agx-01")
            _ = await plane.submit("a")
            let items = try await diagnose(plane)
            func find(_ name: String, _ subject: String? = nil) -> JSONValue? {
                items.first {
                    $0["name"] == .string(name) && $0["subject"] == subject.map { .string($0) }
                }
            }
            for name in ["store", "disk", "objects"] {
                #expect(find(name)?["status"] == .string("ok"), "\(name)")
            }
            // Nobody has made it whole here.
            #expect(find("catalogue")?["status"] == .string("warning"))
            #expect(find("certificate", "authority")?["status"] == .string("ok"))
            #expect(find("node", "agx-02")?["status"] == .string("failed"))
            #expect(
                find("node", "agx-01")?["message"]
                    == .string("its agent is 1, the controller 0.1.0"))
            #expect(find("cluster", "vision")?["status"] == .string("failed"))
        }
    }

    @Test("Without a fleet it says how to get one")
    func noFleet() async throws {
        try await Plane.with(fleet: nil) { plane, _ in
            let fleet = try await diagnose(plane).first { $0["name"] == .string("fleet") }
            #expect(fleet?["action"] == .string("jctl apply -f cluster.yaml"))
        }
    }
}
