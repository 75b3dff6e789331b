import DockerEngine
import FleetCore
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
}
