import Foundation
import Testing

@testable import Commands

@Suite struct FleetCommandTests {
    private static let changes = """
        {"revision":8,"applied":false,"changes":[{"action":"change","what":"service sdxl-api",\
        "detail":"image a -> b"},{"action":"add","what":"template t","detail":""},\
        {"action":"remove","what":"node agx-09","detail":null}]}
        """

    private func withFile(_ body: (String) async throws -> Void) async throws {
        try await withFolder { folder in
            try "fleet: jessica\n".write(
                toFile: folder + "/f.yaml", atomically: true, encoding: .utf8)
            try await body(folder + "/f.yaml")
        }
    }

    @Test func planSaysWhatWouldChange() async throws {
        try await withFile { file in
            try await jctl(
                ["plan", "-f", file], routes: ["POST /fleet": { _ in .json(Self.changes) }]
            ) {
                ran, stub in
                #expect(ran.code == 1)
                #expect(ran.err == "")
                #expect(
                    ran.out == """
                        ~ service sdxl-api: image a -> b
                        + template t
                        - node agx-09
                        3 changes would be made

                        """)
                let request = try #require(stub.requests.first)
                #expect(request.query == ["dryRun": "true"])
                #expect(request.header("Content-Type") == "application/yaml")
                #expect(request.text == "fleet: jessica\n")
            }
            let noted =
                String(Self.changes.dropLast()) + #","notes":["outputs go elsewhere"]}"#
            try await jctl(
                ["plan", "-f", file], routes: ["POST /fleet": { _ in .json(noted) }]
            ) { ran, _ in #expect(ran.code == 1 && ran.err == "outputs go elsewhere\n") }
            let none = StubAnswer.json(#"{"revision":8,"applied":false,"changes":[]}"#)
            try await jctl(["plan", "-f", file], routes: ["POST /fleet": { _ in none }]) { ran, _ in
                #expect(ran.code == 0)
                #expect(ran.out == "no change (revision 8)\n")
            }
            try await jctl(
                ["plan", "-f", file], routes: ["POST /fleet": { _ in .error(500, "x", "y") }]
            ) { ran, _ in #expect(ran.code == 2) }
        }
        #expect(await jctl(["plan", "-f", "-"], at: "/tmp/there-is-none.sock").code == 7)
    }

    @Test func aPipeIsReadAsAFileIs() async throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("fleet: jessica\n".utf8))
        try pipe.fileHandleForWriting.close()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        try await jctl(
            ["plan", "-f", path], routes: ["POST /fleet": { _ in .json(Self.changes) }]
        ) { ran, stub in
            #expect(ran.code == 1)
            #expect(stub.requests.first?.text == "fleet: jessica\n")
        }
        let folder = await jctl(["plan", "-f", "/"], at: "/tmp/there-is-none.sock")
        #expect(folder.code == 2)
        #expect(folder.err.contains("cannot read /: it is a folder"))
    }

    @Test func applyPrintsTheChanges() async throws {
        try await withFile { file in
            try await jctl(
                ["apply", "-f", file], routes: ["POST /fleet": { _ in .json(Self.changes) }]
            ) {
                ran, stub in
                #expect(ran.code == 0)
                #expect(ran.lines.last == "3 changes applied (revision 8)")
                #expect(stub.requests.first?.query == ["dryRun": "false"])
            }
            try await jctl(
                ["apply", "--dry-run", "-o", "json", "-f", file],
                routes: ["POST /fleet": { _ in .json(Self.changes) }]
            ) { ran, stub in
                #expect(stub.requests.first?.query == ["dryRun": "true"])
                let printed = try JSONParser.parse(ran.out.utf8)
                #expect(printed == (try? JSONParser.parse(Self.changes.utf8)))
            }
        }
    }

    @Test func everyMistakeIsNamed() async throws {
        try await withFile { file in
            let mistakes =
                #""cluster.yaml:3: nodes: agx-01 is listed twice","cluster.yaml:9: imgae: unknown key""#
            let refusal = StubAnswer.error(
                422, "invalid_fleet", "2 mistakes, nothing was changed", mistakes)
            try await jctl(["apply", "-f", file], routes: ["POST /fleet": { _ in refusal }]) {
                ran, _ in
                #expect(ran.code == 2)
                #expect(ran.out == "")
                #expect(
                    ran.err == """
                        jctl: cannot apply \(file): 2 mistakes, nothing was changed
                          \(file):3: nodes: agx-01 is listed twice
                          \(file):9: imgae: unknown key

                        """)
            }
        }
    }

    @Test func nodesAreActedOn() async throws {
        let node: @Sendable (StubRequest) async -> StubAnswer = { _ in .json(Samples.cordoned) }
        for verb in ["cordon", "uncordon", "drain", "undrain"] {
            try await jctl([verb, "agx-02"], routes: ["POST /nodes/agx-02/\(verb)": node]) {
                ran, _ in
                #expect(ran.code == 0)
                #expect(ran.out == "agx-02 suspect,cordoned\n")
            }
        }
        try await jctl(
            ["drain", "agx-02", "--deadline", "10m"], routes: ["POST /nodes/agx-02/drain": node]
        ) { _, stub in #expect(stub.requests.first?.text == #"{"deadlineSeconds":600}"#) }
        try await jctl(["cordon", "agx-99"], routes: [:]) { ran, _ in #expect(ran.code == 5) }
    }

    @Test func roamersAreLentAndTakenBack() async throws {
        let node: @Sendable (StubRequest) async -> StubAnswer = { _ in
            .json(Samples.roamer, status: 202)
        }
        let cases = [
            (["--cluster", "vision"], #"{"cluster":"vision","mode":"untilIdle"}"#),
            (
                ["--template", "t", "--for", "1h"],
                #"{"template":"t","mode":"fixed","seconds":3600}"#
            ),
            (["--image", "i", "--manual"], #"{"image":"i","mode":"manual"}"#),
        ]
        for (options, body) in cases {
            try await jctl(
                ["assign", "agx-11"] + options, routes: ["POST /roamers/agx-11/assign": node]
            ) {
                ran, stub in
                #expect(stub.requests.first?.text == body)
                #expect(ran.out == "agx-11 PROVISIONING for vision until 13:00:00\n")
            }
        }
        try await jctl(["release", "agx-11"], routes: ["POST /roamers/agx-11/release": node]) {
            ran, _ in
            #expect(ran.code == 0)
        }
    }

    private static let fleet: [String: @Sendable (StubRequest) async -> StubAnswer] = [
        "GET /summary": { _ in .json(Samples.summary) },
        "GET /clusters": { _ in
            let names = ["vision", "video", "voice", "audio", "brain", "eyes", "jessica"]
            return .json(
                "{\"items\":["
                    + names.map { Samples.cluster.replacing("vision", with: $0) }.joined(
                        separator: ",") + "]}")
        },
        "GET /nodes": { _ in
            let nodes = (1...10).map { Samples.node.replacing("agx-01", with: "agx-0\($0)") }
            let roamers = (11...15).map { Samples.roamer.replacing("agx-11", with: "agx-\($0)") }
            return .json("{\"items\":[" + (nodes + roamers).joined(separator: ",") + "]}")
        },
        "GET /jobs": { _ in .json(Samples.list(Samples.queued, Samples.queued, Samples.queued)) },
    ]

    @Test func topFitsAScreen() async throws {
        try await jctl(["top"], routes: Self.fleet) { ran, _ in
            #expect(ran.code == 0)
            let lines = ran.out.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            #expect(lines.count <= 24, "\(lines.count)")
            #expect(lines.allSatisfy { $0.displayWidth <= 80 }, "\(ran.out)")
            #expect(ran.out.contains("jobs: 3 queued, 2 running\n"))
            #expect(ran.out.contains("agx-11  PROVI"))
            #expect(ran.out.contains("#3, ~1m34s"))
            #expect(!ran.out.contains("\u{1B}"))
        }
    }

    @Test func topWithoutAScreenPrintsItOnce() async throws {
        for console in [RecordingConsole(terminal: true), RecordingConsole()] {
            try await jctl(
                ["top"], environment: ["TERM": "dumb"], console: console, routes: Self.fleet
            ) { ran, _ in
                #expect(ran.code == 0 && ran.out.contains("jobs: 3 queued, 2 running\n"))
                #expect(!ran.out.contains("\u{1B}[?1049h"))
            }
        }
    }

    @Test func statusIsThreeLines() async throws {
        try await jctl(["status"], routes: Self.fleet) { ran, _ in
            #expect(
                ran.out == """
                    controller 0.1.0, up 1d2h, term 4, store healthy
                    jobs: 3 queued, 2 running
                    nodes: 14 ready, 1 suspect of 15; roamers: 2 running, 3 idle

                    """)
        }
        let sick = Samples.summary.replacing(
            #"{"healthy":true,"error":null}"#, with: #"{"healthy":false,"error":"no space"}"#)
        try await jctl(["status"], routes: ["GET /summary": { _ in .json(sick) }]) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.out.contains("store FAILED: no space"))
        }
    }

    @Test func versionWorksAlone() async throws {
        let alone = await jctl(["version"])
        #expect(alone.code == 0)
        #expect(alone.out == "jctl       0.1.0\n")
        #expect(alone.err.contains("controller unreachable"))
        let client = await jctl(["version", "--client", "-o", "json"])
        #expect(client.err == "")
        let answer = StubAnswer.json(#"{"version":"0.2.0","commit":"abc","api":"v1"}"#)
        try await jctl(["version"], routes: ["GET /version": { _ in answer }]) { ran, _ in
            #expect(ran.out == "jctl       0.1.0\ncontroller 0.2.0 (abc), API v1\n")
        }
    }
}
