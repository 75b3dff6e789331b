import Foundation
import Testing

@testable import Commands

@Suite struct NodeCommandTests {
    private static let fingerprint = "SHA256:" + String(repeating: "6dcd4ce2", count: 8)

    private static func agent(_ node: String, _ extra: String) -> String {
        #"""
        {"node":"\#(node)","key":"\#(fingerprint)","address":"192.168.100.103","version":"0.1.0",\#
        "since":"2026-11-23T11:59:00.000Z","lastAskedAt":"2026-11-23T11:59:59.000Z",\#(extra)}
        """#
    }
    private static let known = agent(
        "agx-03",
        #""cluster":"personality","role":"dedicated","inFleet":true,"connected":true,"bannedAt":null"#
    )
    private static let banned = agent(
        "agx-11",
        #""cluster":null,"role":"roamer","inFleet":true,"connected":false,"bannedAt":"2026-11-23T10:00:00.000Z""#
    )
    private static let new = agent(
        "agx-16",
        #""cluster":null,"role":null,"inFleet":false,"connected":false,"bannedAt":null"#)
    private static let list = #"{"items":[\#(known),\#(banned),\#(new)],"next":null}"#
    private static let nobody = #"{"items":[],"next":null}"#

    private static func routes(
        _ list: String = list
    ) -> [String: @Sendable (StubRequest) async -> StubAnswer] {
        [
            "GET /enrolments": { _ in .json(list) },
            "GET /authority": { _ in
                .json(#"{"certificate":"-","fingerprint":"\#(fingerprint)"}"#)
            },
            "GET /nodes": { _ in .json(#"{"items":[\#(Samples.node)],"next":null}"#) },
            "POST /enrolments/agx-03/approve": { _ in .json(known) },
            "POST /enrolments/agx-16/approve": { _ in .json(new) },
            "POST /nodes/agx-03/ban": { _ in
                .json(#"{"node":"agx-03","bannedAt":"2026-11-23T12:00:00.500Z"}"#)
            },
        ]
    }

    @Test func whoWaitsFitsATerminal() async throws {
        try await jctl(["node", "ls-pending"], routes: Self.routes()) { ran, _ in
            #expect(ran.code == 0)
            #expect(ran.lines.first?.hasPrefix("NODE") == true)
            #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 }, "\(ran.out)")
            #expect(ran.out.contains("6dcd4ce26dcd4ce2") && !ran.out.contains(Self.fingerprint))
            for text in ["connected already", "roamer, banned", "not in the fleet", "1m"] {
                #expect(ran.out.contains(text), "\(text) in \(ran.out)")
            }
        }
        try await jctl(["node", "ls-pending", "-o", "wide"], routes: Self.routes()) { ran, _ in
            #expect(ran.out.contains(Self.fingerprint) && ran.out.contains("0.1.0"))
        }
    }

    @Test(arguments: ["json", "yaml", "jsonl"])
    func programsGetAllOfIt(_ format: String) async throws {
        try await jctl(["node", "ls-pending", "-o", format], routes: Self.routes()) { ran, _ in
            #expect(ran.code == 0 && ran.err.isEmpty)
            #expect(ran.out.contains(Self.fingerprint) && ran.out.contains("lastAskedAt"))
        }
    }

    @Test func namesAreThoseOfTheNodes() async throws {
        try await jctl(["node", "ls-pending", "-o", "name"], routes: Self.routes()) { ran, _ in
            #expect(ran.out == "agx-03\nagx-11\nagx-16\n")
        }
    }

    @Test func whenNobodyWaitsItIsSaidWhoTellsHowABoxJoins() async throws {
        try await jctl(["node", "ls-pending"], routes: Self.routes(Self.nobody)) { ran, stub in
            #expect(ran.code == 0 && ran.out.isEmpty)
            #expect(ran.err.contains("no agent waits") && ran.err.contains("`jctl node join`"))
            #expect(stub.requests.map(\.route) == ["GET /enrolments"])
        }
        try await jctl(
            ["node", "ls-pending", "-o", "json"], routes: Self.routes(Self.nobody)
        ) { ran, _ in
            #expect(ran.err.isEmpty && ran.out.contains("items"))
        }
    }

    @Test func howABoxJoinsCanGoIntoItsFile() async throws {
        try await jctl(["node", "join"], routes: Self.routes()) { ran, _ in
            #expect(ran.code == 0 && ran.err.contains("agent.yaml"))
            #expect(ran.lines.count == 3 && ran.lines.first == "controller:", "\(ran.out)")
            #expect(ran.lines[1].hasPrefix("  host: "))
            #expect(ran.lines.last == "  fingerprint: \"\(Self.fingerprint)\"")
            #expect(ran.err.contains("put the one by which boxes reach it"))
        }
        try await jctl(["node", "join", "-o", "jsonl"], routes: Self.routes()) { ran, _ in
            #expect(ran.code == 0 && ran.err.isEmpty)
            #expect(ran.out.contains(#""fingerprint":"\#(Self.fingerprint)""#), "\(ran.out)")
        }
    }

    @Test(
        arguments: [
            ("https://spark:8443", "spark", nil, false),
            ("https://spark:9443", "spark", 9443, false),
            ("https://spark", "spark", 443, false),
            ("https://[fd00::7]:8443", "fd00::7", nil, false),
            ("https://localhost:9443", "here", 9443, true),
            ("https://[::1]:8443", "here", nil, true),
            ("http://127.0.0.1:9080", "here", nil, true), ("/run/x.sock", "here", nil, true),
        ] as [(String, String, Int?, Bool)])
    func aBoxIsToldThePlaceThatJctlKnows(
        address: String, host: String, port: Int?, isHere: Bool
    ) throws {
        let place = ControllerPlace(
            try Endpoint.parseAddress(address, home: nil), thisMachine: "here")
        #expect(place.host == host && place.apiPort == port && place.isHere == isHere)
    }

    @Test func severalAreApproved() async throws {
        try await jctl(
            ["node", "approve", "agx-03", "agx-16"], routes: Self.routes()
        ) { ran, stub in
            #expect(ran.code == 0)
            // Whom that has let in can be seen at once.
            let from = "key 6dcd4ce26dcd4ce2, from 192.168.100.103"
            #expect(ran.out == "agx-03 approved, \(from)\nagx-16 approved, \(from)\n")
            #expect(ran.err.contains("agx-16 is not in the fleet"))
            #expect(stub.requests.allSatisfy { $0.text == "{}" })
        }
    }

    @Test func aKeyChooses() async throws {
        try await jctl(
            ["node", "approve", "agx-03", "--key", "6dcd4ce2"], routes: Self.routes()
        ) { ran, stub in
            #expect(ran.code == 0)
            #expect(stub.requests.map(\.text) == [#"{"key":"6dcd4ce2"}"#])
        }
        let several = StubAnswer.error(
            409, "ambiguous_key", "several agents wait as agx-03", "\"\(Self.fingerprint)\"")
        try await jctl(
            ["node", "approve", "agx-03"],
            routes: ["POST /enrolments/agx-03/approve": { _ in several }]
        ) { ran, _ in
            #expect(ran.code == 6)
            #expect(ran.err.contains(Self.fingerprint) && ran.err.contains("--key"))
        }
        let connected = StubAnswer.error(
            409, "node_connected", "agx-03 is connected", "\"\(Self.fingerprint)\"")
        try await jctl(
            ["node", "approve", "agx-03"],
            routes: ["POST /enrolments/agx-03/approve": { _ in connected }]
        ) { ran, _ in
            #expect(ran.code == 6)
            #expect(ran.err.contains(Self.fingerprint) && ran.err.contains("--key"))
        }
    }

    @Test func aMisspeltNameIsAnsweredWithTheNearest() async throws {
        try await jctl(["node", "approve", "agx-1"], routes: Self.routes()) { ran, _ in
            #expect(ran.code == 5)
            #expect(ran.err.contains("did you mean 'agx-11'?"))
        }
        try await jctl(["node", "ban", "agx01"], routes: Self.routes()) { ran, _ in
            #expect(ran.code == 5)
            #expect(ran.err.contains("did you mean 'agx-01'?"))
        }
        try await jctl(
            ["node", "approve", "spark", "agx-03"], routes: Self.routes()
        ) { ran, _ in
            // What can be done is done.
            #expect(ran.code == 5 && ran.out.hasPrefix("agx-03 approved, key "))
            #expect(ran.err.contains("ls-pending"))
        }
    }

    @Test func aBanSaysWhatItDid() async throws {
        try await jctl(["node", "ban", "agx-03"], routes: Self.routes()) { ran, _ in
            #expect(ran.code == 0 && ran.out == "agx-03 banned\n")
            #expect(ran.err.contains("void") && ran.err.contains("jctl node approve agx-03"))
        }
    }

    @Test(arguments: [
        ["node"], ["node", "approve"], ["node", "ban"], ["node", "ls-pending", "agx-03"],
        ["node", "join", "agx-03"],
        ["node", "ls"], ["node", "approve", "a", "b", "--key", "6dcd4ce2"],
        ["node", "ban", "a", "--key", "6dcd4ce2"],
    ])
    func wrongUse(words: [String]) async {
        let ran = await jctl(words, at: "/tmp/there-is-none.sock")
        #expect(ran.code == 2, "\(ran.err)")
    }

    @Test func aBannedNodeIsShownAsSuchUntilItIsBack() throws {
        func condition(_ seen: String) throws -> String {
            let text = #"""
                {"name":"agx-03","state":"lost","bannedAt":"2026-11-23T10:00:00.000Z"\#(seen)}
                """#
            return try JSONDecoder().decode(Node.self, from: Data(text.utf8)).condition
        }
        #expect(try condition("") == "lost,banned")
        #expect(
            try condition(#","lastSeenAt":"2026-11-23T09:59:59.900Z""#) == "lost,banned")
        #expect(try condition(#","lastSeenAt":"2026-11-23T10:00:05.000Z""#) == "lost")
    }

    @Test func aBanIsDescribed() async throws {
        let node = Samples.node.dropLast() + #","bannedAt":"2026-11-23T11:00:00.000Z"}"#
        try await jctl(
            ["describe", "node", "agx-01"], routes: ["GET /nodes/agx-01": { _ in .json("\(node)") }]
        ) { ran, _ in
            #expect(ran.out.contains("Banned"))
            #expect(!ran.out.contains("ready,banned"), "it has been here since")
        }
    }
}
