import DockerEngine
import FleetCore
import Foundation

@testable import NodeAgent

/// An agent's surroundings: a controller, a store, Docker, and a folder for its state.
struct Harness: Sendable {
    let controller: FakeController
    let store: StoreServer
    let engine: DockerEngine
    var settings: AgentSettings
    let labels: NodeLabels

    /// Runs a body in fresh surroundings; nothing of them is left.
    static func with(_ body: @Sendable (Harness) async throws -> Void) async throws {
        let socket = try await PrivateDocker.socket()
        try await withFolder { folder in
            let certificates = try Certificates(folder: folder + "/tls")
            try await StoreServer.with { store, url in
                try await DockerEngine.with(socketPath: socket, logger: quiet) { engine in
                    let controller = FakeController(
                        context: try certificates.serverContext(), uploadURL: url)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await controller.run() }
                        let port = try await controller.port.wait { $0 > 0 }
                        var settings = AgentSettings(
                            node: "agx-01", stateDir: folder, controllerHost: "127.0.0.1",
                            controllerPort: port)
                        settings.serverName = "spark.test"
                        settings.dockerSocket = socket
                        // Nor do they have the machine's memory to themselves.
                        settings.memoryMargin = nil
                        // Tests of one run share an engine, and must not clean each other up.
                        settings.fleet = "t\(UInt32.random(in: 0 ... .max))"
                        let harness = Harness(
                            controller: controller, store: store, engine: engine,
                            settings: settings,
                            labels: NodeLabels(fleet: settings.fleet, node: "agx-01"))
                        let result: Result<Void, any Error>
                        do { result = .success(try await body(harness)) } catch {
                            result = .failure(error)
                        }
                        await harness.tidy()
                        group.cancelAll()
                        try result.get()
                    }
                }
            }
        }
    }

    /// The same, where containers may have these devices too.
    func allowing(_ devices: [String]) -> Harness {
        var other = self
        other.settings.devices = devices
        return other
    }

    private func tidy() async {
        for container in (try? await engine.list(labels: labels.common)) ?? [] {
            try? await engine.remove(container.id, force: true)
        }
        try? await engine.removeNetwork(labels.network)
    }

    /// Runs a body beside a living agent, which is then stopped.
    func withAgent(_ body: @Sendable () async throws -> Void) async throws {
        let agent = NodeAgent(settings: settings, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await agent.run()
            }
            let result: Result<Void, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            group.cancelAll()
            // Its end must be an orderly one.
            do { try await group.waitForAll() } catch is CancellationError {}
            try result.get()
        }
    }

    func container(
        _ key: AttemptKey, _ script: String, image: String = PrivateDocker.image,
        memory: Int64? = nil, stop: StopReason? = nil
    ) -> AttemptOrder {
        AttemptOrder(
            key: key,
            place: .container(
                ContainerOrder(
                    image: image, command: ["/bin/sh", "-c", script], memory: memory)),
            input: "{\"prompt\":\"sunset\"}", kind: .custom, stop: stop)
    }
}
