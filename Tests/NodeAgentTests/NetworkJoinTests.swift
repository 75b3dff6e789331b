import DockerEngine
import FleetCore
import Synchronization
import Testing

@testable import NodeAgent

@Suite(.timeLimit(.minutes(1))) struct NetworkJoinTests {
    private static let order = WorkerOrder(
        id: "sdxl-api-agx-01",
        spec: WorkerSpec(image: "jessica/sdxl:latest", networks: ["fleet-mgmt"]),
        service: "sdxl-api", isPod: true, readyWithin: .seconds(60))

    private static func container(
        _ networks: Set<String>, _ state: ContainerState = .running,
        labels: [String: String] = NetworkLabels(order).labels
    ) -> ContainerInfo {
        ContainerInfo(id: "w", name: "w", state: state, labels: labels, networks: networks)
    }

    @Test func `a container tells what it shall join, and under which names`() {
        let labels = NetworkLabels(Self.order)
        #expect(labels.networks == ["jessica-mesh", "fleet-mgmt"])
        #expect(labels.aliases == ["sdxl-api-agx-01", "sdxl-api"])
        #expect(NetworkLabels(labels.labels) == labels)
        #expect(NetworkLabels([:]).networks.isEmpty)
        // An image may have labels of the same name.
        let image = NetworkLabels(["jessica.networks": "bridge,host,jessica-mesh"])
        #expect(image.networks == ["jessica-mesh"])
    }

    @Test func `what could not be joined is tried again, each minute until it is`() async throws {
        try await StubDocker.with { _ in
            StubDocker.Answer.missing
        } _: { engine, stub in
            let joins = NetworkJoins(engine: engine, logger: quiet)
            let start = Instant.zero + .seconds(1_000)
            func tries(_ container: ContainerInfo, _ second: Int64) async -> [String] {
                let before = stub.requests.count
                await joins.complete([container], at: start + .seconds(second))
                return stub.requests.dropFirst(before).map { $0 }
            }
            let (mesh, other) = (
                "POST /networks/jessica-mesh/connect", "POST /networks/fleet-mgmt/connect"
            )
            #expect(await tries(Self.container([]), 0) == [mesh, other])
            #expect(await tries(Self.container([]), 50) == [])
            #expect(await tries(Self.container(["jessica-mesh"]), 60) == [other])
            #expect(await tries(Self.container(["jessica-mesh", "fleet-mgmt"]), 120) == [])
            // One that does not run would not start again.
            #expect(await tries(Self.container([], .exited), 180) == [])
            #expect(await tries(Self.container([], labels: [:]), 240) == [])
        }
    }

    @Test func `a network that refuses workers is told of until none is refused any more`()
        async throws
    {
        let answer = Mutex(
            StubDocker.Answer(
                status: 403, body: #"{"message":"network fleet-mgmt not manually attachable"}"#))
        try await StubDocker.with { request in
            request.contains("/fleet-mgmt/")
                ? answer.withLock { $0 } : StubDocker.Answer.missing
        } _: { engine, _ in
            let joins = NetworkJoins(engine: engine, logger: quiet)
            let checks = SelfChecks(engine: engine, models: nil, joins: joins)
            let start = Instant.zero + .seconds(1_000)
            func complete(_ container: ContainerInfo, _ second: Int64) async -> [String] {
                await joins.complete([container], at: start + .seconds(second))
                return checks.troubles.map(\.name)
            }
            // One that is not there may come yet, and is no trouble.
            await joins.join("w", Self.order)
            let trouble = try #require(checks.troubles.first)
            #expect(checks.troubles.count == 1)
            #expect(trouble.name == "network.fleet-mgmt")
            #expect(
                trouble.message
                    == "network fleet-mgmt cannot be joined: network fleet-mgmt not manually attachable"
            )
            #expect(trouble.action.contains("--attachable"))
            #expect(await complete(Self.container([]), 0) == ["network.fleet-mgmt"])
            // It was joined by hand, and left.
            #expect(await complete(Self.container(["fleet-mgmt"]), 30) == [])
            #expect(await complete(Self.container([]), 60) == ["network.fleet-mgmt"])
            answer.withLock { $0 = StubDocker.Answer() }
            #expect(await complete(Self.container([]), 120) == [])
            // Of one that has ended nothing is wanted.
            answer.withLock { $0 = StubDocker.Answer(status: 500, body: "no manager") }
            #expect(await complete(Self.container([]), 180) == ["network.fleet-mgmt"])
            #expect(checks.troubles.first?.action.contains("manager") == true)
            #expect(await complete(Self.container([], .exited), 181) == [])
        }
    }
}
