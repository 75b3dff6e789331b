import Crypto
import FleetCore
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import ControlPlane

@Suite("What the metrics say of the installation")
struct InstallationGaugesTests {
    /// The value of a series; nil when it is absent.
    private func value(_ series: String, _ plane: Plane) async -> Double? {
        await plane.api.metrics().split(separator: "\n")
            .first { $0.hasPrefix(series + " ") }
            .flatMap { Double($0.dropFirst(series.utf8.count + 1)) }
    }

    @Test("When certificates end, and how much room the disk has")
    func endings() async throws {
        try await Plane.with { plane, _ in
            for name in ["authority", "controller"] {
                let ends = await value(
                    #"jessica_certificate_expiry_timestamp_seconds{certificate="\#(name)"}"#, plane)
                #expect(ends == Date.distantFuture.timeIntervalSince1970)
            }
            let free = await value(#"jessica_state_disk_bytes{kind="free"}"#, plane)
            let total = await value(#"jessica_state_disk_bytes{kind="total"}"#, plane)
            #expect(free ?? 0 > 0 && total ?? 0 >= free ?? 0)
        }
    }

    @Test("Who waits to be admitted, and who is banned")
    func people() async throws {
        try await Plane.with { plane, _ in
            #expect(await value("jessica_enrolments_waiting", plane) == 0)
            #expect(await value("jessica_nodes_banned", plane) == 0)
            _ = plane.api.enrolment.room.enter(
                WaitingRoom.Guest(
                    node: "agx-09", key: P256.Signing.PrivateKey().publicKey, address: "a",
                    version: nil, at: plane.loop.clock.now))
            _ = try await plane.call(.post, "/api/v1/nodes/agx-01/ban")
            #expect(await value("jessica_enrolments_waiting", plane) == 1)
            #expect(await value("jessica_nodes_banned", plane) == 1)
        }
    }

    @Test("Of backups the latest, also one that an earlier controller has made")
    func backups() async throws {
        let series = "jessica_backup_last_success_timestamp_seconds"
        try await Plane.with { plane, _ in
            #expect(await value(series, plane) == nil)
            let (status, made) = try await plane.call(.post, "/api/v1/backups")
            #expect(status == .created)
            let at = try #require(Plane.text(made["at"]).flatMap { RFC3339.milliseconds($0) })
            #expect(await value(series, plane) == Double(at) / 1_000)
            let next = BackupDesk(
                loop: plane.loop, store: plane.store, inputs: plane.api.inputs,
                scratch: plane.directory + "/next.part",
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            #expect(next.latest == nil)
            try await next.look()
            #expect(next.latest == Double(at) / 1_000)
        }
    }
}
