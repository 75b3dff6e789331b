import FleetLink
import Foundation
import Testing

@testable import NodeAgent

@Suite struct StandbyTests {
    /// Runs a controller; hands over its port and what ends it.
    private func withController(
        _ certificates: Certificates,
        _ body: @Sendable (FakeController) async throws -> Void
    ) async throws {
        let controller = FakeController(
            context: try certificates.serverContext(), uploadURL: "http://127.0.0.1:1")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await controller.run() }
            _ = try await controller.port.wait { $0 > 0 }
            let result: Result<Void, any Error>
            do { result = .success(try await body(controller)) } catch { result = .failure(error) }
            group.cancelAll()
            try result.get()
        }
    }

    private func withLink(
        _ ports: [Int], _ folder: String,
        _ body: @Sendable (Latest<Int>) async throws -> Void
    ) async throws {
        let ups = Latest(0)
        let link = AgentLink(
            target: .init(
                places: ports.map { .init(host: "127.0.0.1", port: $0) },
                serverName: "spark.test",
                enrolment: Enrolment(
                    .init(node: "agx-01", controllers: [], apiPort: 1),
                    identity: Identity(
                        ca: folder + "/tls/ca.crt", certificate: folder + "/tls/node.crt",
                        key: folder + "/tls/node.key"), logger: quiet)),
            meters: AgentMeters(), logger: quiet,
            onChange: { if case .up = $0 { ups.set(ups.value + 1) } }, onCredit: {},
            onLogKept: { _ in })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await link.run() }
            let result: Result<Void, any Error>
            do { result = .success(try await body(ups)) } catch { result = .failure(error) }
            group.cancelAll()
            try result.get()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aControllerThatIsNotThereIsPassedOver() async throws {
        try await withFolder { folder in
            let certificates = try Certificates(folder: folder + "/tls")
            try await withController(certificates) { second in
                // Nobody listens on port 1.
                try await withLink([1, second.port.value], folder) { ups in
                    _ = try await ups.wait { $0 == 1 }
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func whenTheFirstEndsTheSecondIsFound() async throws {
        try await withFolder { folder in
            let certificates = try Certificates(folder: folder + "/tls")
            try await withController(certificates) { second in
                let port = Latest(0)
                let over = Latest(false)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await withController(certificates) { first in
                            port.set(first.port.value)
                            _ = try await over.wait { $0 }
                        }
                    }
                    let first = try await port.wait { $0 > 0 }
                    try await withLink([first, second.port.value], folder) { ups in
                        _ = try await ups.wait { $0 == 1 }
                        over.set(true)
                        _ = try await ups.wait { $0 == 2 }
                    }
                    group.cancelAll()
                }
            }
        }
    }
}
