import DockerEngine
import FleetCore
import Foundation
import Telemetry
import Testing

@testable import NodeAgent

@Suite struct TelemetryTests {
    @Test func thisMachineTells() async throws {
        let sensors = MachineSensors { _ in }
        let sample = try await DockerEngine.with(socketPath: "/none.sock", logger: quiet) {
            var telemetry = NodeTelemetry(
                folder: "/tmp", sampler: sensors.sampler(), ledger: ContainerLedger(),
                idle: IdleMemory(margin: nil),
                checks: SelfChecks(
                    engine: $0, models: nil, joins: NetworkJoins(engine: $0, logger: quiet)))
            return telemetry.sample()
        }
        let off = Date(timeIntervalSince1970: Double(try #require(sample.wallClock)) / 1_000)
        #expect(abs(off.timeIntervalSinceNow) < 60)
        #expect(try #require(sample.memoryUsed) < #require(sample.memoryTotal))
        #expect(try #require(sample.diskFree) > 0)
        let facts = try NodeTelemetry.facts(version: "1", reserve: 0)
        #expect(facts.processors > 0 && facts.memory > 1 << 20)
    }
}
