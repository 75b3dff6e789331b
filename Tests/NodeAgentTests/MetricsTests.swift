import AsyncHTTPClient
import FleetCore
import NIOCore
import NIOHTTP1
import Testing

@testable import NodeAgent

@Suite struct MetricsTests {
    @Test(.timeLimit(.minutes(1))) func oneAddressAnswersAndNothingElse() async throws {
        let port = Latest(0)
        let server = MetricsServer(place: .init(host: "127.0.0.1", port: 0), logger: quiet) {
            "jessica_agent_test 1\n"
        }
        let client = HTTPClient.shared
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve { port.set($0) } }
            let port = try await port.wait { $0 > 0 }
            func ask(_ method: HTTPMethod, _ path: String) async throws -> (UInt, String) {
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
                request.method = method
                let answer = try await client.execute(request, timeout: .seconds(10))
                let body = try await answer.body.collect(upTo: 1_000)
                return (answer.status.code, String(buffer: body))
            }
            let found = try await ask(.GET, "/metrics?x=1")
            #expect(found == (200, "jessica_agent_test 1\n"))
            let elsewhere = try await ask(.GET, "/")
            #expect(elsewhere.0 == 404)
            let posted = try await ask(.POST, "/metrics")
            #expect(posted.0 == 405)
            // More than may be open at once, one after the other: each is closed after its answer.
            for _ in 0..<(MetricsServer.connectionsMax * 2) {
                let again = try await ask(.GET, "/metrics")
                #expect(again.0 == 200)
            }
            group.cancelAll()
        }
    }

    @Test func whatHappensIsCounted() {
        let meters = AgentMeters()
        func line(_ start: String) -> String? {
            meters.text(now: .zero).split(separator: "\n").first { $0.hasPrefix(start + " ") }
                .map(String.init)
        }
        #expect(line("jessica_agent_link_up") == "jessica_agent_link_up 0")
        meters.linkFailed()
        meters.note(.up(1))
        meters.sent()
        meters.sentLog(500)
        meters.received()
        #expect(line("jessica_agent_link_up") == "jessica_agent_link_up 1")
        #expect(line("jessica_agent_link_failures_total")?.hasSuffix(" 1") == true)
        #expect(
            line(#"jessica_agent_link_messages_total{direction="out"}"#)?.hasSuffix(" 2") == true)
        #expect(line("jessica_agent_log_bytes_total")?.hasSuffix(" 500") == true)
        meters.note(.down(1))
        #expect(line("jessica_agent_link_up")?.hasSuffix(" 0") == true)
        #expect(line("jessica_agent_link_connects_total")?.hasSuffix(" 1") == true)
        // What is not known has no line.
        #expect(line("jessica_agent_lease_age_seconds") == nil)
        #expect(line("jessica_agent_power_watts") == nil)
    }
}
