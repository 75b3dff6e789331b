import FleetCore
import Telemetry
import Testing

@testable import NodeAgent

@Suite struct TelemetryTests {
    @Test func thisMachineTells() throws {
        let sensors = MachineSensors { _ in }
        var telemetry = NodeTelemetry(
            folder: "/tmp", sampler: sensors.sampler(), ledger: ContainerLedger(),
            idle: IdleMemory(margin: nil))
        let sample = telemetry.sample()
        #expect(try #require(sample.memoryUsed) < #require(sample.memoryTotal))
        #expect(try #require(sample.diskFree) > 0)
        let facts = try NodeTelemetry.facts(version: "1")
        #expect(facts.processors > 0 && facts.memory > 1 << 20)
    }
}
