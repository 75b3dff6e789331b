import FleetCore
import Testing

@testable import NodeAgent

@Suite struct TelemetryTests {
    @Test func memoryIsRead() {
        let facts = MemoryFacts(
            parsing: "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:   400 kB\n")
        #expect(facts.total == 1000 << 10)
        #expect(facts.used == 600 << 10)
        #expect(MemoryFacts(parsing: "MemTotal: x\n").total == nil)
        #expect(MemoryFacts(parsing: "MemTotal: 5 kB\nMemAvailable: 9 kB").used == nil)
    }

    @Test func processorUseIsRead() throws {
        let first = try #require(CPUTimes(parsing: "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1"))
        let second = try #require(CPUTimes(parsing: "cpu  150 0 150 800 200 0 0 0 0 0"))
        let use = try #require(second.use(since: first))
        #expect(abs(use - 100.0 / 300.0) < 0.001)
        #expect(first.use(since: first) == nil)
        #expect(first.use(since: second) == nil)
        #expect(CPUTimes(parsing: "") == nil)
        #expect(CPUTimes(parsing: "cpu 1 2") == nil)
    }

    @Test func thisMachineTells() throws {
        var telemetry = NodeTelemetry(folder: "/tmp")
        let sample = telemetry.sample()
        #expect(try #require(sample.memoryUsed) < #require(sample.memoryTotal))
        #expect(try #require(sample.diskFree) > 0)
        let facts = try NodeTelemetry.facts(version: "1")
        #expect(facts.processors > 0 && facts.memory > 1 << 20)
    }
}
