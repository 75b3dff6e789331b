import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct InventoryTests {
    private typealias Answer = StubDocker.Answer

    private let labels = NodeLabels(fleet: "f", node: "n")

    private func inventory(
        _ engine: DockerEngine, _ ledger: ContainerLedger,
        _ memory: IdleMemory = IdleMemory(margin: nil)
    ) -> Inventory {
        Inventory(
            engine: engine, labels: labels, network: NodeNetwork(engine: engine, labels: labels),
            clock: BootClock(), memory: memory, ledger: ledger, logger: quiet, post: { _ in })
    }

    /// A container in Docker's list.
    private static func listed(_ id: String, _ state: String) -> String {
        #"{"Id":"\#(id)","Names":["/\#(id)-name"],"State":"\#(state)","#
            + #""Labels":{"jessica.fleet":"f","jessica.node":"n"}}"#
    }

    @Test func `what was made and nobody starts goes within a minute`() async throws {
        let list = "[\(Self.listed("left", "created")),\(Self.listed("young", "created"))]"
        try await StubDocker.with {
            $0.hasPrefix("GET /containers/json") ? Answer(body: list) : Answer()
        } _: { engine, stub in
            let ledger = ContainerLedger()
            let inventory = inventory(engine, ledger)
            func removed() -> [String] {
                stub.requests.filter { $0.hasPrefix("DELETE") }
                    .map { String($0.dropFirst(19).prefix { $0 != "?" }) }
            }
            // Its input is still being fetched.
            ledger.makingBegins("young-name")
            let start = Instant.zero + .seconds(1_000)
            for second in [0, 10, 20, 30, 40] {
                try await inventory.sweep(afterStart: false, at: start + .seconds(second))
            }
            #expect(removed().isEmpty)
            try await inventory.sweep(afterStart: false, at: start + .seconds(50))
            #expect(removed() == ["left"])
            // Its launch was given up.
            ledger.makingEnds("young-name")
            try await inventory.sweep(afterStart: false, at: start + .seconds(60))
            #expect(!removed().contains("young"))
            try await inventory.sweep(afterStart: true, at: start + .seconds(70))
            #expect(removed().contains("young"), "an earlier life has made it")
        }
    }

    @Test(arguments: [true, false])
    func `what runs when the agent comes back is not the idle machine's`(isFirst: Bool) async throws
    {
        let info =
            #"{"Id":"w","Name":"/w","State":{"Status":"running"},"Config":{"Labels":"#
            + #"{"jessica.fleet":"f","jessica.node":"n"}}}"#
        try await StubDocker.with {
            $0.hasPrefix("GET /containers/json")
                ? Answer(body: "[\(Self.listed("w", "running"))]") : Answer(body: info)
        } _: { engine, _ in
            let memory = IdleMemory(margin: 1) { 5_000_000_000 }
            let inventory = inventory(engine, ContainerLedger(), memory)
            try await inventory.list(isFirst: isFirst)
            // It dies, and nothing is listed any more.
            memory.nothingRuns()
            #expect((memory.beyond == nil) == isFirst)
        }
    }
}
