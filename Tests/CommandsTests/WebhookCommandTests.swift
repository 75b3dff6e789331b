import Foundation
import Testing

@testable import Commands

@Suite struct WebhookCommandTests {
    private static let made = #"""
        {"name":"hooks","url":"https://a.example/","topics":["jobs"],"state":"working","lag":0,"dropped":0,"secret":"whsec_AAAA"}
        """#

    @Test func creatingPrintsTheSecret() async throws {
        try await jctl(
            [
                "webhook", "create", "hooks", "--url", "https://a.example/", "--topics",
                "jobs,nodes",
            ],
            routes: ["POST /webhooks": { _ in .json(Self.made, status: 201) }]
        ) { ran, stub in
            #expect(ran.code == 0)
            #expect(ran.out == "whsec_AAAA\n")
            let body = try #require(stub.requests.first?.text)
            #expect(
                body == #"{"name":"hooks","url":"https://a.example/","topics":["jobs","nodes"]}"#)
        }
    }

    @Test func aSecretCannotSteerTheTerminal() async throws {
        let strange = Self.made.replacing("whsec_AAAA", with: #"\u001b[2J"#)
        try await jctl(
            ["webhook", "create", "hooks", "--url", "https://a.example/"],
            routes: ["POST /webhooks": { _ in .json(strange, status: 201) }]
        ) { ran, _ in #expect(ran.out == "^[[2J\n") }
    }

    @Test func listingShowsHowItGoes() async throws {
        let list = #"""
            {"items":[{"name":"hooks","url":"https://a.example/","topics":["all"],"state":"retrying","lag":7,"dropped":2,"error":"it answered 500"}],"next":null}
            """#
        try await jctl(["webhook"], routes: ["GET /webhooks": { _ in .json(list) }]) { ran, _ in
            #expect(ran.code == 0)
            #expect(ran.lines.count == 2)
            #expect(ran.out.contains("retrying") && ran.out.contains("it answered 500"))
        }
    }

    @Test func aTestThatFailsIsAFailure() async throws {
        let good = #"{"delivered":true,"status":204,"seconds":0.1}"#
        let bad = #"{"delivered":false,"error":"it answered 500","seconds":0.1}"#
        try await jctl(
            ["webhook", "test", "hooks"],
            routes: ["POST /webhooks/hooks/test": { _ in .json(good) }]
        ) { ran, _ in
            #expect(ran.code == 0)
            #expect(ran.out.contains("204"))
        }
        try await jctl(
            ["webhook", "test", "hooks"], routes: ["POST /webhooks/hooks/test": { _ in .json(bad) }]
        ) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.err.contains("it answered 500"))
        }
    }

    @Test func removing() async throws {
        try await jctl(
            ["webhook", "rm", "hooks"],
            routes: ["DELETE /webhooks/hooks": { _ in StubAnswer(status: 204) }]
        ) { ran, stub in
            #expect(ran.code == 0)
            #expect(stub.requests.map(\.route) == ["DELETE /webhooks/hooks"])
        }
        try await jctl(["webhook", "rm", "none"], routes: [:]) { ran, _ in #expect(ran.code == 5) }
    }

    @Test(arguments: [
        ["webhook", "create", "hooks"], ["webhook", "create", "--url", "https://a/"],
        ["webhook", "mend", "hooks"], ["webhook", "rm"], ["webhook", "ls", "hooks"],
        ["webhook", "rm", "hooks", "--url", "x"],
    ])
    func wrongUse(words: [String]) async {
        let ran = await jctl(words, at: "/tmp/there-is-none.sock")
        #expect(ran.code == 2, "\(ran.err)")
    }
}
