import Testing

@testable import WorkerContracts

/// Health checks of servers that run and say nothing.
@Suite(.timeLimit(.minutes(1))) struct HealthCheckTests {
    /// Expects that a check is given up, and long before a request for work would be.
    private func expectGivenUp(_ check: () async throws -> Void) async {
        let began = ContinuousClock.now
        var code: WorkerError.Code?
        do { try await check() } catch { code = (error as? WorkerError)?.code }
        #expect(code == .timeout)
        #expect(ContinuousClock.now - began < .seconds(8))
    }

    @Test func `a server that takes a connection and says nothing is soon given up`() async throws {
        try await withWorker({ _ in [.hold] }) { openai, server in
            await expectGivenUp { _ = try await openai.health() }
            try await withClient { client in
                let cog = CogWorker(http: client, baseURL: server.baseURL)
                await expectGivenUp { _ = try await cog.health() }
            }
            #expect(server.requests.map(\.path) == ["/health", "/health-check"])
        }
    }
}
