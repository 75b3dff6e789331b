import Foundation
import Testing

@testable import Commands

@Suite struct AskTests {
    private static let answer = """
        {"job":\(Samples.job("queued")),"understood":{"kind":"image","cluster":"vision",\
        "why":"it asks for a picture","input":{"prompt":"a sunset"}}}
        """
    private static let posted: @Sendable (StubRequest) async -> StubAnswer = { _ in
        .json(answer, status: 202)
    }
    private static let picture: @Sendable (StubRequest) async -> StubAnswer = { _ in
        .bytes("PNG-bytes", type: "image/png")
    }
    private static let caption: @Sendable (StubRequest) async -> StubAnswer = { _ in
        .bytes("a red sunset", type: "text/plain")
    }
    private static let outputs = "GET /jobs/\(Samples.id)/outputs/"

    private static func routes(_ states: [String]) -> [String:
        @Sendable (StubRequest) async -> StubAnswer]
    {
        let polls = Counter()
        return [
            "POST /requests": posted,
            "GET /jobs/\(Samples.id)": { _ in .json(states[min(polls.next(), states.count) - 1]) },
            outputs + "picture.png": picture, outputs + "caption.txt": caption,
        ]
    }

    @Test func withoutWaitingItPrintsTheID() async throws {
        try await jctl(
            ["ask", "Generate", "an image", "--session", "s1"],
            routes: ["POST /requests": Self.posted]
        ) { ran, stub in
            #expect(ran.code == 0)
            #expect(ran.out == Samples.id + "\n")
            #expect(ran.err == "understood: image, for cluster vision (it asks for a picture)\n")
            let request = try #require(stub.requests.first)
            #expect(request.text == #"{"text":"Generate an image","session":"s1"}"#)
            #expect(request.header("Content-Type") == "application/json")
            #expect(request.header("Idempotency-Key") != nil)
        }
    }

    @Test func waitingShowsTheWayAndTheResults() async throws {
        let states = [
            Samples.job("queued", extra: #""queuePosition":2"#), Samples.running, Samples.running,
            Samples.succeeded,
        ]
        try await jctl(["ask", "a sunset", "--wait"], routes: Self.routes(states)) { ran, stub in
            #expect(ran.code == 0)
            #expect(
                ran.err == """
                    understood: image, for cluster vision (it asks for a picture)
                    job \(Samples.id)
                    job \(Samples.id): queued, #2 (30s)
                    job \(Samples.id): running on agx-01, 42%, step 21 of 50 (30s)
                    job \(Samples.id): succeeded, on agx-01, 2 outputs (30s)
                    save them with: jctl outputs \(Samples.id) --out DIR

                    """)
            #expect(
                ran.out == """
                    a red sunset
                    NAME         TYPE       SIZE
                    picture.png  image/png   9 B

                    """)
            // A look for each event, and one stream.
            #expect(stub.requests("GET /jobs/\(Samples.id)").count == 4)
            #expect(
                stub.requests("GET /stream").map { $0.query["topics"] } == ["job:\(Samples.id)"])
        }
    }

    @Test func resultsAreSavedAndNothingIsOverwritten() async throws {
        try await withFolder { folder in
            try "mine".write(toFile: folder + "/picture.png", atomically: true, encoding: .utf8)
            try await jctl(
                ["ask", "a sunset", "--out", folder], routes: Self.routes([Samples.succeeded])
            ) { ran, _ in
                #expect(ran.code == 0)
                #expect(ran.out == "\(folder)/picture-1.png\na red sunset\n")
                #expect(ran.err.contains("saved \(folder)/caption.txt"))
            }
            #expect(contents(folder + "/picture.png") == "mine")
            #expect(contents(folder + "/picture-1.png") == "PNG-bytes")
            #expect(contents(folder + "/caption.txt") == "a red sunset")
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left.count == 3, "\(left)")
        }
    }

    @Test func aTerminalGetsOneRewrittenLine() async throws {
        let console = RecordingConsole(terminal: true)
        try await jctl(
            ["ask", "a sunset", "--wait"], console: console,
            routes: Self.routes([Samples.running, Samples.succeeded])
        ) { ran, _ in
            let line = "\r\u{1B}[Kimage \(Samples.id)  running on agx-01  [###-----] 42 %  30s  s"
            #expect(ran.err.contains(line))
            let shown = ran.err.components(separatedBy: "\r\u{1B}[K")
            #expect(shown.allSatisfy { $0.displayWidth < 80 || $0.contains("\n") })
        }
    }

    @Test func provisioningIsDrawnOnAWideTerminalAndToldInAPipe() async throws {
        let provisioning = Samples.job(
            "provisioning",
            extra: """
                "node":"agx-11","progress":{"fraction":0.5,"text":"pulling 450 of 900 MB"}
                """)
        let routes = Self.routes([provisioning, Samples.succeeded])
        let (ask, place) = (["ask", "a sunset", "--wait"], "provisioning on agx-11")
        try await jctl(
            ask, environment: ["LANG": "de_DE.UTF-8"],
            console: RecordingConsole(terminal: true, size: (120, 40)), routes: routes
        ) { ran, _ in
            let bar = "[██████████░░░░░░░░░░] 50 %"
            #expect(ran.err.contains("\(place)  \(bar)  30s  pulling 450 of 900 MB"))
        }
        try await jctl(ask, routes: Self.routes([provisioning, Samples.succeeded])) { ran, _ in
            #expect(ran.err.contains("\(place), 50%, pulling 450 of 900 MB (30s)"))
            #expect(!ran.err.contains("["))
        }
    }

    @Test func whatCannotBeDoneIsExplained() async throws {
        let refusal = StubAnswer.error(
            422, "cannot_place", "I cannot cook", #""image: Generate an image of …""#)
        try await jctl(["ask", "cook"], routes: ["POST /requests": { _ in refusal }]) { ran, _ in
            #expect(ran.code == 1)
            #expect(
                ran.err == "jctl: cannot do this: I cannot cook\n  image: Generate an image of …\n")
        }
    }

    @Test func aFailedJobFailsTheCommand() async throws {
        try await jctl(
            ["ask", "x", "--wait"], routes: Self.routes([Samples.failed(exitCode: 3)])
        ) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.err.contains("jctl: job \(Samples.id) failed: exit code 3"))
            #expect(ran.err.contains("jctl retry \(Samples.id)"))
        }
    }

    @Test func aLostAnswerIsAskedForAgainUnderTheSameKey() async throws {
        let tries = Counter()
        try await jctl(
            ["ask", "x"],
            routes: [
                "POST /requests": { _ in
                    tries.next() < 3 ? .dropped : .json(Self.answer, status: 202)
                }
            ]
        ) { ran, stub in
            #expect(ran.code == 0)
            let keys = stub.requests.map { $0.header("Idempotency-Key") }
            #expect(keys.count == 3 && Set(keys).count == 1)
        }
    }

    @Test func aRequestThatIsStillBeingAcceptedIsRepeatedUnderTheSameKey() async throws {
        let tries = Counter()
        try await jctl(
            ["ask", "x"],
            routes: [
                "POST /requests": { _ in
                    switch tries.next() {
                    case 1: .dropped
                    case 2...6: .error(409, "in_flight", "it is being accepted")
                    default: .json(Self.answer, status: 202)
                    }
                }
            ]
        ) { ran, stub in
            #expect(ran.code == 0)
            let keys = stub.requests.map { $0.header("Idempotency-Key") }
            #expect(keys.count == 7 && Set(keys).count == 1)
        }
        // Not for ever, and no other conflict.
        for (code, tries) in [("in_flight", 18), ("conflict", 1)] {
            try await jctl(
                ["ask", "x"], routes: ["POST /requests": { _ in .error(409, code, "no") }]
            ) { ran, stub in
                #expect(ran.code == 6)
                #expect(stub.requests.count == tries)
                // What may yet be accepted can be asked for again.
                let key = stub.requests.first?.header("Idempotency-Key") ?? "?"
                #expect(ran.err.contains("--idempotency-key \(key)") == (code == "in_flight"))
            }
        }
    }

    @Test func aRestartOfTheControllerIsSurvived() async throws {
        let (looks, streams) = (Counter(), Counter())
        var routes = Self.routes([])
        routes["GET /jobs/\(Samples.id)"] = { _ in
            switch looks.next() {
            case 1, 2: .json(Samples.running)
            case 3: .error(503, "starting", "the controller is starting")
            default: .json(Samples.succeeded)
            }
        }
        routes["GET /stream"] = { _ in
            switch streams.next() {
            case 1: .stream(type: "text/event-stream") { try await $0(": welcome\n\n") }
            case 2, 3: .dropped
            case 4: .error(503, "starting", "the controller is starting")
            default:
                .stream(type: "text/event-stream") { write in
                    try await write("event: job.state\ndata: {}\n\n")
                    try await Task.sleep(for: .seconds(60))
                }
            }
        }
        try await jctl(["ask", "x", "--wait"], routes: routes) { ran, _ in
            #expect(ran.code == 0)
            #expect(ran.err.contains("trying again"))
            #expect(ran.err.contains("the controller is back"))
        }
    }

    @Test func progressIsShownAsItIsTold() async throws {
        let looks = Counter()
        var routes = Self.routes([])
        let (ends, end) = AsyncStream<Void>.makeStream()
        routes["GET /jobs/\(Samples.id)"] = { _ in
            .json(looks.next() < 3 ? Samples.running : Samples.succeeded)
        }
        routes["GET /stream"] = { _ in
            .stream(type: "text/event-stream") { write in
                try await write(": welcome\n\n")
                // Only once it has looked, or what it looks at would be later than this.
                while looks.now < 2 { try await Task.sleep(for: .milliseconds(1)) }
                for (job, step) in [("another", 48), (Samples.id, 49)] {
                    try await write(
                        "event: job.progress\ndata: {\"job\":\"\(job)\",\"state\":\"running\","
                            + "\"progress\":{\"fraction\":0.98,\"text\":\"step \(step) of 50\"}}\n\n"
                    )
                }
                for await _ in ends { break }
                try await write("event: job.state\ndata: {}\n\n")
                try await Task.sleep(for: .seconds(60))
            }
        }
        let console = RecordingConsole(onErr: { if $0.contains("step 49") { end.yield() } })
        try await jctl(["ask", "x", "--wait"], console: console, routes: routes) { ran, stub in
            #expect(ran.code == 0)
            #expect(ran.err.contains("running on agx-01, 98%, step 49 of 50"))
            #expect(!ran.err.contains("step 48"))
            #expect(stub.requests("GET /jobs/\(Samples.id)").count == 3)
        }
    }

    @Test func aLookThatFailsIsRepeatedThoughNothingMoreHappens() async throws {
        let looks = Counter()
        var routes = Self.routes([])
        routes["GET /jobs/\(Samples.id)"] = { _ in
            switch looks.next() {
            case 1, 2: .json(Samples.running)
            case 3: .error(503, "busy", "come back later")
            case 4: .dropped
            default: .json(Samples.succeeded)
            }
        }
        routes["GET /stream"] = { _ in
            .stream(type: "text/event-stream") { write in
                try await write(": welcome\n\n")
                while looks.now < 2 { try await Task.sleep(for: .milliseconds(1)) }
                try await write("event: job.state\ndata: {}\n\n")
                try await Task.sleep(for: .seconds(60))
            }
        }
        try await jctl(["ask", "x", "--wait"], routes: routes) { ran, _ in
            #expect(ran.code == 0)
            #expect(ran.err.contains("the controller is back"))
        }
    }

    @Test func theTimeIsUpAlsoWhileTheControllerIsAway() async throws {
        let looks = Counter()
        var routes = Self.routes([])
        routes["GET /jobs/\(Samples.id)"] = { _ in
            looks.next() == 1 ? .json(Samples.running) : .error(503, "starting", "wait")
        }
        try await jctl(["ask", "x", "--wait", "--timeout", "5s"], routes: routes) { ran, _ in
            #expect(ran.code == 8)
            #expect(ran.err.contains("it is still running"))
        }
    }

    @Test func interruptedItSaysThatTheJobGoesOn() async throws {
        let (interrupts, press) = AsyncStream<Void>.makeStream()
        let polled: @Sendable (StubRequest) async -> StubAnswer = { _ in
            press.yield()
            return .stream(type: "application/json") { _ in try await Task.sleep(for: .seconds(30))
            }
        }
        try await Stub.serve { request in
            request.method == "POST" ? .json(Self.answer, status: 202) : await polled(request)
        } _: { stub in
            let ran = await jctl(["ask", "x", "--wait"], at: stub.socket, interrupts: interrupts)
            #expect(ran.code == 130)
            #expect(ran.err.contains("interrupted; job \(Samples.id) goes on\n"))
            #expect(ran.err.contains("come back with: jctl wait \(Samples.id)"))
        }
    }

    @Test func timeIsUpAtItsTime() async throws {
        try await jctl(
            ["ask", "x", "--wait", "--timeout", "5s"], routes: Self.routes([Samples.running])
        ) { ran, _ in
            #expect(ran.code == 8)
            #expect(ran.err.contains("gave up waiting for job \(Samples.id): it is still running"))
        }
    }

    @Test func machinesGetTheJob() async throws {
        try await jctl(
            ["ask", "x", "--wait", "-o", "json"], routes: Self.routes([Samples.succeeded])
        ) { ran, _ in
            let printed = try JSONParser.parse(ran.out.utf8)
            #expect(printed["state"] == .string("succeeded"))
        }
        try await jctl(["ask", "x", "-o", "json"], routes: Self.routes([])) { ran, _ in
            let printed = try JSONParser.parse(ran.out.utf8)
            #expect(printed["understood"]?["kind"] == .string("image"))
        }
    }
}
