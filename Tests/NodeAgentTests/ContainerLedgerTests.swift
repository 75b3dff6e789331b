import FleetCore
import Testing

@testable import NodeAgent

@Suite("Which containers run")
struct ContainerLedgerTests {
    private func fact(_ id: String, isRunning: Bool = true) -> ContainerFact {
        ContainerFact(id: id, purpose: .other, isRunning: isRunning)
    }

    private func running(_ ledger: ContainerLedger) -> [String] { ledger.running.map(\.id) }

    @Test("One that is started between two lists is known at once, and until it ends")
    func short() {
        let ledger = ContainerLedger()
        ledger.listBegins()
        ledger.listed([fact("pod"), fact("old", isRunning: false)])
        #expect(running(ledger) == ["pod"])
        ledger.started(fact("short"))
        #expect(running(ledger) == ["pod", "short"])
        ledger.ended("short")
        #expect(running(ledger) == ["pod"])
    }

    @Test("A list that began before it was started does not hide it; the next one decides")
    func race() {
        let ledger = ContainerLedger()
        ledger.listBegins()
        ledger.started(fact("new"))
        ledger.started(fact("gone"))
        ledger.removing(volumes: ["v"])
        ledger.removed("gone")
        ledger.listed([fact("pod")])
        #expect(running(ledger) == ["pod", "new"])
        ledger.listBegins()
        ledger.listed([fact("pod"), fact("new", isRunning: false)])
        #expect(running(ledger) == ["pod"])
        #expect(ledger.removed == ["gone"] && ledger.volumes == ["v"])
        ledger.isClean()
        #expect(ledger.removed.isEmpty && ledger.volumes.isEmpty)
    }

    @Test("Volumes are noted once, however often a removal is tried; the oldest are forgotten")
    func volumes() {
        let ledger = ContainerLedger()
        ledger.removing(volumes: ["old", "a"])
        ledger.removing(volumes: ["a", "b"])
        #expect(ledger.volumes == ["old", "a", "b"])
        ledger.removing(volumes: (1...1_022).map { "\($0)" })
        #expect(ledger.volumes.count == 1_024 && ledger.volumes.first == "a")
    }
}
