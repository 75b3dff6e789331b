import Foundation
import Testing

@testable import Commands

@Suite struct JobCommandTests {
    @Test func submitSendsEveryOption() async throws {
        let console = RecordingConsole(input: #"{"prompt": "x", "n": 1.50}"#)
        let arguments = [
            "submit", "--kind", "image", "--input", "@-", "--cluster", "vision", "--template", "t",
            "--priority", "-3", "--deadline", "5m", "--retries", "2", "--idempotency-key", "k1",
            "--after", "J1", "--label", "a=b=c",
        ]
        try await jctl(
            arguments, console: console,
            routes: ["POST /jobs": { _ in .json(Samples.job("queued"), status: 202) }]
        ) { ran, stub in
            #expect(ran.out == Samples.id + "\n")
            let request = try #require(stub.requests.first)
            #expect(
                request.text == """
                    {"kind":"image","input":{"prompt":"x","n":1.50},"cluster":"vision",\
                    "template":"t","priority":-3,"deadlineSeconds":300,"retries":2,\
                    "after":["J1"],"labels":{"a":"b=c"}}
                    """)
            #expect(request.header("Idempotency-Key") == "k1")
        }
    }

    @Test func submitReadsAFile() async throws {
        try await withFolder { folder in
            try #"{"a":1}"#.write(toFile: folder + "/in.json", atomically: true, encoding: .utf8)
            try await jctl(
                ["submit", "--kind", "text", "--input", "@\(folder)/in.json", "-o", "json"],
                routes: ["POST /jobs": { _ in .json(Samples.job("queued")) }]
            ) { ran, stub in
                #expect(stub.requests.first?.text == #"{"kind":"text","input":{"a":1}}"#)
                let printed = try JSONParser.parse(ran.out.utf8)
                #expect(printed["id"] == .string(Samples.id))
            }
        }
    }

    /// A record of a log.
    private static func record(
        _ content: some StringProtocol, _ source: String = "stdout", isWhole: Bool = true
    ) -> String {
        "2026-11-23T16:21:17.722532488Z \(source) \(isWhole ? "F" : "P") \(content)\n"
    }

    private static func run(
        end: String, log: String = "one\ntwo\n"
    ) -> [String: @Sendable (StubRequest) async -> StubAnswer] {
        let polls = Counter()
        return [
            "POST /jobs": { _ in .json(Samples.job("queued", kind: "custom"), status: 202) },
            "GET /jobs/\(Samples.id)": { _ in
                .json(
                    polls.next() == 1
                        ? Samples.job("running", kind: "custom", extra: #""node":"agx-11""#) : end)
            },
            "GET /jobs/\(Samples.id)/logs": { _ in
                .stream(type: "text/plain", [("Jessica-Attempt", "1")]) { write in
                    for line in log.split(separator: "\n") { try await write(Self.record(line)) }
                }
            },
        ]
    }

    @Test func runStreamsTheLogAndGivesTheExitCode() async throws {
        let arguments = [
            "run", "--image", "tools:1", "--memory", "2GB", "--deadline", "1h", "--retries", "0",
            "--", "make", "-j2", "--help",
        ]
        try await jctl(arguments, routes: Self.run(end: Samples.failed(exitCode: 3))) { ran, stub in
            #expect(ran.code == 3)
            #expect(ran.out == "one\ntwo\n")
            #expect(ran.err.contains("job \(Samples.id) failed: exit code 3"))
            #expect(
                stub.requests.first?.text == """
                    {"kind":"custom","image":"tools:1","command":["make","-j2","--help"],"input":{},\
                    "memoryBytes":2000000000,"deadlineSeconds":3600,"retries":0}
                    """)
            #expect(
                stub.requests("GET /jobs/\(Samples.id)/logs").first?.query == [
                    "attempt": "1", "follow": "true", "format": "cri",
                ])
        }
        try await jctl(
            ["run", "--image", "i", "--", "true"], routes: Self.run(end: Samples.succeeded)
        ) {
            ran, _ in #expect(ran.code == 0)
        }
        for (own, code) in [(137, 137), (256, 255), (-1, 255)] as [(Int, Int32)] {
            try await jctl(
                ["run", "--image", "i"], routes: Self.run(end: Samples.failed(exitCode: own))
            ) {
                ran, _ in #expect(ran.code == code)
            }
        }
    }

    @Test func runDetachedPrintsTheID() async throws {
        try await jctl(["run", "-d", "--image", "i", "--", "ls"], routes: Self.run(end: "")) {
            ran, stub in
            #expect(ran.code == 0)
            #expect(ran.out == Samples.id + "\n")
            #expect(stub.requests.count == 1)
        }
    }

    @Test(arguments: [true, false])
    func logsGoOnWhereTheyWereCut(_ follows: Bool) async throws {
        let reads = Counter()
        var routes = Self.run(end: Samples.succeeded)
        routes["GET /jobs/\(Samples.id)/logs"] = { request in
            let isFirst = reads.next() == 1
            return .stream(type: "text/plain", [("Jessica-Attempt", "1")]) { write in
                if isFirst {
                    try await write(Self.record("one") + Self.record("20 bytes left out", "system"))
                    try await write(Self.record("two", isWhole: false))
                    try await write(String(Self.record("three").prefix(42)))
                    throw CancellationError()
                }
                // It is a place by itself, whatever the time is now.
                #expect(request.query["from"] == "27" && request.query["since"] == nil)
                try await write(Self.record("three"))
            }
        }
        let options = follows ? ["-f"] : []
        let asked = ["logs", Samples.id, "-t", "--since", "10m"] + options
        try await jctl(asked, routes: routes) { ran, stub in
            #expect(ran.code == 0)
            let time = "2026-11-23T16:21:17.722532488Z"
            #expect(
                ran.out == "\(time) one\n\(time) … 20 bytes left out …\n\(time) twothree\n")
            let logs = stub.requests("GET /jobs/\(Samples.id)/logs")
            #expect(logs.first?.query["since"] == "10m")
            #expect(ran.err.contains("the log's connection was lost; trying again"))
            #expect(ran.err.contains("job \(Samples.id) succeeded") == follows)
        }
    }

    @Test func theEndOfALogWithTimes() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /jobs/j": { _ in .json(Samples.succeeded) },
            "GET /jobs/j/logs": { _ in
                .bytes(
                    Self.record("a", isWhole: false) + Self.record("b")
                        + Self.record("c", "stderr"),
                    type: "text/plain")
            },
        ]
        try await jctl(["logs", "-t", "--tail", "2", "--since", "10m", "j"], routes: routes) {
            ran, stub in
            let time = "2026-11-23T16:21:17.722532488Z"
            #expect(ran.out == "\(time) ab\n\(time) c\n")
            #expect(
                stub.requests("GET /jobs/j/logs").first?.query == [
                    "format": "cri", "tail": "2", "since": "10m",
                ])
        }
    }

    @Test func aLogThatIsNoneIsAnError() async throws {
        for log in ["Hello\n", "a b c d\n", "a system F many bytes\n", "a b FF d\n"] {
            let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
                "GET /jobs/j": { _ in .json(Samples.succeeded) },
                "GET /jobs/j/logs": { _ in .bytes(log, type: "text/plain") },
            ]
            try await jctl(["logs", "j"], routes: routes) { ran, _ in
                #expect(log == "a b c d\n" || ran.code == 1, "\(log)")
            }
        }
    }

    @Test(arguments: [nil, "3"] as [String?], ["2", "1001"])
    func logsGoOnInTheNextAttempt(_ tail: String?, _ next: String) async throws {
        let second = Samples.running.replacing(#""attempt":1"#, with: #""attempt":\#(next)"#)
        let polls = Counter()
        let states = [
            Samples.running, second,
            Samples.succeeded.replacing(#""attempt":1,"p"#, with: #""attempt":\#(next),"p"#),
        ]
        try await jctl(
            ["logs", "-f", Samples.id] + (tail.map { ["--tail", $0] } ?? []),
            routes: [
                "GET /jobs/\(Samples.id)": { _ in .json(states[min(polls.next(), 3) - 1]) },
                "GET /jobs/\(Samples.id)/logs": { request in
                    let attempt = request.query["attempt"] ?? "1"
                    return StubAnswer(
                        headers: [("Jessica-Attempt", attempt)],
                        body: Data(Self.record("try \(attempt)").utf8))
                },
            ]
        ) { ran, stub in
            #expect(ran.code == 0)
            #expect(ran.out == "try 1\ntry \(next)\n")
            #expect(ran.err.contains("— attempt \(next) on agx-01 —"))
            // The second one is followed from its beginning.
            let reads = stub.requests("GET /jobs/\(Samples.id)/logs").map(\.query)
            #expect(reads.map { $0["attempt"] } == ["1", next])
            #expect(reads.map { $0["tail"] } == [tail, nil])
        }
    }

    @Test func aPlaceBeyondAllBoundsIsAnError() async throws {
        try await jctl(
            ["logs", "-f", Samples.id],
            routes: [
                "GET /jobs/\(Samples.id)": { _ in .json(Samples.running) },
                "GET /jobs/\(Samples.id)/logs": { _ in
                    StubAnswer(
                        headers: [("Jessica-Log-Offset", "\(UInt64.max)")],
                        body: Data(Self.record("one").utf8))
                },
            ]
        ) { ran, _ in
            #expect(ran.code == 1 && ran.err.contains("a log that is none"), "\(ran)")
        }
    }

    @Test func logsAreExactInAPipeAndHarmlessOnATerminal() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /jobs/j": { _ in .json(Samples.succeeded) },
            "GET /jobs/j/logs": { _ in
                .bytes(
                    Self.record("\u{1B}[2Jé\r") + Self.record("x", isWhole: false),
                    type: "text/plain")
            },
        ]
        try await jctl(["logs", "j"], routes: routes) { ran, _ in
            #expect(ran.out == "\u{1B}[2Jé\r\nx")
        }
        try await jctl(["logs", "j"], console: RecordingConsole(terminal: true), routes: routes) {
            ran, _ in #expect(ran.out == "^[[2Jé\nx")
        }
        try await jctl(
            ["logs", "--raw", "j"], console: RecordingConsole(terminal: true), routes: routes
        ) { ran, _ in #expect(ran.out == "\u{1B}[2Jé\r\nx") }
        try await jctl(["logs", "k"], routes: routes) { ran, _ in #expect(ran.code == 5) }
    }

    @Test func outputsAreListedAndSaved() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /jobs/j": { _ in .json(Samples.succeeded) },
            "GET /jobs/\(Samples.id)/outputs/picture.png": { _ in .bytes("PNG", type: "image/png")
            },
            "GET /jobs/\(Samples.id)/outputs/caption.txt": { _ in .bytes("hi", type: "text/plain")
            },
            "GET /jobs/q": { _ in .json(Samples.queued) },
        ]
        try await jctl(["outputs", "j"], routes: routes) { ran, _ in
            #expect(ran.lines.count == 3)
            #expect(ran.lines[0] == "NAME         TYPE        SIZE")
        }
        try await jctl(["outputs", "j", "-o", "name"], routes: routes) { ran, _ in
            #expect(ran.lines == ["picture.png", "caption.txt"])
        }
        try await withFolder { folder in
            try await jctl(["outputs", "j", "--out", folder + "/new"], routes: routes) { ran, _ in
                #expect(ran.lines == ["\(folder)/new/picture.png", "\(folder)/new/caption.txt"])
            }
            try await jctl(["outputs", "j", "--out", folder + "/new"], routes: routes) { ran, _ in
                #expect(ran.lines.first == "\(folder)/new/picture-1.png")
            }
            #expect(contents(folder + "/new/picture.png") == "PNG")
            let listed = ["outputs", "j", "--out", folder + "/more", "-o", "jsonl"]
            try await jctl(listed, routes: routes) { ran, _ in
                #expect(ran.lines.count == 2)
                #expect(ran.lines.first?.contains(#""name":"picture.png""#) == true)
                #expect(ran.lines.first?.contains(#""path":"\#(folder)/more/picture.png""#) == true)
            }
        }
        try await jctl(["outputs", "q", "--out", "/tmp/x"], routes: routes) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.err.contains("has no outputs: it is queued"))
        }
    }

    @Test func anOutputOfAnyNameIsAskedForAndSaved() async throws {
        let outputs = #"{"name":"my picture ü.txt","size":2},{"name":".hidden","size":3}"#
        let base = "GET /jobs/\(Samples.id)/outputs/"
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /jobs/j": { _ in
                .json(Samples.job("succeeded", extra: #""outputs":[\#(outputs)]"#))
            },
            base + "my%20picture%20%C3%BC.txt": { _ in .bytes("hi", type: "text/plain") },
            base + ".hidden": { _ in .bytes("sh\n", type: "text/plain") },
        ]
        try await withFolder { folder in
            try await jctl(["outputs", "j", "--out", folder], routes: routes) { ran, _ in
                // A file that a job chose is never one that a shell reads by itself.
                #expect(ran.lines == ["\(folder)/my picture ü.txt", "\(folder)/_hidden"])
            }
            #expect(contents(folder + "/my picture ü.txt") == "hi")
            #expect(contents(folder + "/_hidden") == "sh\n")
        }
    }

    @Test func aCutOutputLeavesNoFile() async throws {
        try await withFolder { folder in
            let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
                "GET /jobs/j": { _ in .json(Samples.succeeded) },
                "GET /jobs/\(Samples.id)/outputs/picture.png": { _ in
                    .stream(type: "image/png") { write in
                        try await write("half")
                        throw CancellationError()
                    }
                },
            ]
            try await jctl(["outputs", "j", "--out", folder], routes: routes) { ran, _ in
                #expect(ran.code == 7)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test(arguments: [
        ("picture.png", "picture.png"), ("../../etc/passwd", "_._.._etc_passwd"), ("", "output"),
        ("..", "_."), (".bashrc", "_bashrc"), ("-rf", "_rf"), ("a\\b:c", "a_b_c"),
        ("x\u{1B}[2J\u{0}.txt", "x_[2J_.txt"), ("~root", "_root"), ("/abs", "_abs"),
        ("my picture ü.txt", "my picture ü.txt"),
    ])
    func namesStayInTheFolder(_ name: String, _ safe: String) {
        let found = OutputFile.safeName(name)
        #expect(found == safe)
        #expect(!found.contains("/") && found != "." && found != "..")
    }

    @Test func longNamesAreCutAndKeepTheirEnding() {
        let name = OutputFile.safeName(String(repeating: "é", count: 400) + ".png")
        #expect(name.utf8.count <= 205 && name.hasSuffix(".png"))
        #expect(OutputFile.safeName(String(repeating: "a.", count: 300)).utf8.count <= 205)
        // Neither a long ending nor a character of many scalars leaves nothing.
        for name in [
            "a." + String(repeating: "x", count: 250),
            "a" + String(repeating: "\u{301}", count: 120),
        ] {
            #expect((100...200).contains(OutputFile.safeName(name).utf8.count))
        }
        #expect(OutputFile.numbered("a.tar.gz", 2) == "a-2.tar.gz")
        #expect(OutputFile.numbered("noext", 1) == "noext-1")
    }

    @Test func waitReportsEachAndTheWorst() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /jobs/a": { _ in .json(Samples.job("succeeded", id: "a")) },
            "GET /jobs/b": { _ in .json(Samples.job("failed", id: "b")) },
            "GET /jobs/c": { _ in .json(Samples.cancelled) },
            "GET /jobs/r": { _ in .json(Samples.running) },
        ]
        try await jctl(["wait", "a"], routes: routes) { ran, stub in
            #expect(ran.code == 0)
            #expect(ran.out == "a succeeded\n")
            #expect(stub.requests("GET /stream").isEmpty)
        }
        try await jctl(["wait", "a", "b"], routes: routes) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.out == "a succeeded\nb failed\n")
        }
        try await jctl(["wait", "r", "--for=running"], routes: routes) { ran, stub in
            #expect(ran.code == 0)
            #expect(stub.requests.count == 1)
        }
        try await jctl(["wait", "c", "--for=cancelled"], routes: routes) { ran, _ in
            #expect(ran.code == 0)
        }
        try await jctl(["wait", "c", "--for=running"], routes: routes) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.err.contains("did not become running: it was cancelled"))
        }
        try await jctl(["wait", "r", "--timeout", "2s"], routes: routes) { ran, _ in
            #expect(ran.code == 8)
        }
        try await jctl(["wait", "none"], routes: routes) { ran, _ in #expect(ran.code == 5) }
    }

    @Test func cancelAndRetry() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "POST /jobs/a/cancel": { _ in
                .json(
                    Samples.job("running", id: "a", extra: #""cancelRequested":true"#), status: 202)
            },
            "POST /jobs/b/cancel": { _ in .error(409, "ended", "it has already succeeded") },
            "POST /jobs/c/cancel": { _ in .dropped },
            "POST /jobs/a/retry": { _ in .json(Samples.job("queued", id: "a"), status: 202) },
        ]
        try await jctl(["cancel", "a"], routes: routes) { ran, _ in
            #expect(ran.out == "a cancelling\n")
        }
        try await jctl(["cancel", "b"], routes: routes) { ran, _ in
            #expect(ran.code == 6)
            #expect(ran.err == "jctl: cannot cancel job b: it has already succeeded\n")
        }
        try await jctl(["cancel", "b", "a"], routes: routes) { ran, _ in
            #expect(ran.code == 6)
            #expect(ran.out == "a cancelling\n")
        }
        // What failed before the controller was lost is said too.
        try await jctl(["cancel", "b", "c", "a"], routes: routes) { ran, stub in
            #expect(ran.code == 6)
            #expect(ran.err.contains("cancel job b: it has") && ran.err.contains("cancel job c: "))
            #expect(stub.requests("POST /jobs/a/cancel").isEmpty)
        }
        try await jctl(["retry", "a"], routes: routes) { ran, _ in #expect(ran.out == "a queued\n")
        }
    }

    @Test func bulkActions() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "POST /jobs/cancel": { request in
                let isTrial = request.text.contains(#""dryRun":true"#)
                return .json(
                    """
                    {"dryRun":\(isTrial),"matched":2,"next":null,"jobs":[
                    {"id":"a","kind":"image","state":"\(isTrial ? "queued" : "cancelled")"},
                    {"id":"b","kind":"image","state":"running"
                    \(isTrial ? "" : #","error":{"code":"conflict","message":"no"}"#)}]}
                    """)
            }
        ]
        let chosen = ["cancel", "--state", "Queued", "--kind", "image", "--label", "album=x"]
        try await jctl(chosen, routes: routes) { ran, stub in
            #expect(ran.code == 2)
            #expect(ran.out.isEmpty)
            #expect(ran.err.contains("2 jobs match, and nothing was done"))
            #expect(
                stub.requests.last?.text
                    == #"{"filter":{"state":["queued"],"kind":["image"],"label":["album=x"]},"all":false,"dryRun":true,"limit":1000}"#
            )
        }
        try await jctl(chosen + ["--dry-run"], routes: routes) { ran, _ in
            #expect(ran.code == 0)
            #expect(ran.out.contains("a   image  queued"))
        }
        try await jctl(chosen + ["--yes", "-o", "name"], routes: routes) { ran, _ in
            #expect(ran.code == 1)
            #expect(ran.out == "a\nb\n")
            #expect(ran.err.contains("cannot cancel 1 of 2 jobs: no"))
        }
        for wrong in [
            ["cancel"], ["cancel", "a", "--state", "queued"], ["cancel", "a", "--yes"],
            ["cancel", "--dry-run"],
        ] {
            try await jctl(wrong, routes: routes) { ran, _ in #expect(ran.code == 2, "\(wrong)") }
        }
    }

    @Test func searching() async throws {
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /jobs": { _ in .json(#"{"items":[],"next":null}"#) }
        ]
        let words = [
            "get", "jobs", "--search", "sun set", "--label", "a=b", "--label", "c", "--since", "1h",
        ]
        try await jctl(words, routes: routes) { ran, stub in
            #expect(ran.code == 0)
            let query = stub.requests.last?.query
            #expect(query?["q"] == "sun set")
            #expect(query?["label"] == "c")
            #expect(query?["since"]?.hasSuffix("Z") == true)
        }
        try await jctl(["get", "nodes", "--search", "sun"], routes: routes) { ran, _ in
            #expect(ran.code == 2)
        }
    }
}
