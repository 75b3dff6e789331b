import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct InventoryTests {
    private typealias Answer = StubDocker.Answer

    private let labels = NodeLabels(fleet: "f", node: "n")

    private func inventory(
        _ engine: DockerEngine, _ ledger: ContainerLedger,
        _ memory: IdleMemory = IdleMemory(margin: nil),
        post: @escaping @Sendable (AgentEvent) -> Void = { _ in }
    ) -> Inventory {
        Inventory(
            engine: engine, labels: labels, network: NodeNetwork(engine: engine, labels: labels),
            joins: NetworkJoins(engine: engine, logger: quiet), clock: BootClock(),
            memory: memory, ledger: ledger, logger: quiet, post: post)
    }

    /// A container in Docker's list.
    private static func listed(_ id: String, _ state: String, mounts: String = "[]") -> String {
        #"{"Id":"\#(id)","Names":["/\#(id)-name"],"State":"\#(state)","Mounts":\#(mounts),"#
            + #""Labels":{"jessica.fleet":"f","jessica.node":"n"}}"#
    }

    @Test func `what was made and nobody starts goes within a minute`() async throws {
        let volume = String(repeating: "0a", count: 32)
        let left = Self.listed(
            "left", "created", mounts: #"[{"Type":"volume","Name":"\#(volume)"}]"#)
        let list = "[\(left),\(Self.listed("young", "created"))]"
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
                try await inventory.turn(isFirst: false, at: start + .seconds(second))
            }
            #expect(removed().isEmpty)
            try await inventory.turn(isFirst: false, at: start + .seconds(50))
            #expect(removed() == ["left"])
            #expect(ledger.volumes == [volume])
            // Its launch was given up.
            ledger.makingEnds("young-name")
            try await inventory.turn(isFirst: false, at: start + .seconds(60))
            #expect(!removed().contains("young"))
            try await inventory.turn(isFirst: true, at: start + .seconds(70))
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
            try await inventory.turn(isFirst: isFirst, at: Instant.zero + .seconds(1_000))
            // It dies, and nothing is listed any more.
            memory.nothingRuns()
            #expect((memory.beyond == nil) == isFirst)
        }
    }

    @Test func `a turn asks once what there is, and what it removes is not there`() async throws {
        let info =
            #"{"Id":"w","Name":"/w","State":{"Status":"running"},"Config":{"Labels":"#
            + #"{"jessica.fleet":"f","jessica.node":"n"}}}"#
        let isAway = Latest(false)
        let posted = Latest<[[String]]>([])
        try await StubDocker.with {
            if isAway.value { return Answer(status: 500, body: "{}") }
            return $0.hasPrefix("GET /containers/json")
                ? Answer(body: "[\(Self.listed("w", "running")),\(Self.listed("left", "created"))]")
                : Answer(body: info)
        } _: { engine, stub in
            let inventory = inventory(engine, ContainerLedger()) { event in
                guard case .containers(let facts, listedAt: _) = event else { return }
                posted.set(posted.value + [facts.map(\.id)])
            }
            try await inventory.turn(isFirst: true, at: Instant.zero + .seconds(1_000))
            #expect(stub.requests.count { $0.hasPrefix("GET /containers/json") } == 1)
            #expect(stub.requests.contains { $0.hasPrefix("DELETE /containers/left") })
            #expect(posted.value == [["w"]])
            isAway.set(true)
            await #expect(throws: DockerError.self) {
                try await inventory.turn(isFirst: false, at: Instant.zero + .seconds(1_010))
            }
            #expect(posted.value == [["w"]], "a list that fails says nothing of what is gone")
        }
    }

    @Test func `a job's own container joins no networks, whatever its image says`() async throws {
        func info(_ id: String, _ labels: String) -> String {
            #"{"Id":"\#(id)","Name":"/\#(id)","State":{"Status":"running"},"Config":{"Labels":"#
                + #"{"jessica.fleet":"f","jessica.node":"n",\#(labels)}}}"#
        }
        let worker = info(
            "w", #""jessica.kind":"worker","jessica.worker":"w","jessica.fingerprint":"1""#)
        let job = info(
            "j",
            #""jessica.kind":"attempt","jessica.job":"j","jessica.attempt":"1","#
                + #""jessica.networks":"fleet-mgmt""#)
        try await StubDocker.with {
            if $0.hasPrefix("GET /containers/json") {
                return Answer(
                    body: "[\(Self.listed("w", "running")),\(Self.listed("j", "running"))]")
            }
            return Answer(body: $0.hasPrefix("GET /containers/w/") ? worker : job)
        } _: { engine, _ in
            let inventory = inventory(engine, ContainerLedger())
            try await inventory.turn(isFirst: false, at: Instant.zero + .seconds(1_000))
            #expect(inventory.workers.value.map(\.id) == ["w"])
        }
    }
}
