import Foundation
import Testing

@testable import Commands

@Suite struct GetTests {
    private let jobs: @Sendable (StubRequest) async -> StubAnswer = { _ in
        .json(Samples.list(Samples.running, Samples.queued, Samples.succeeded))
    }

    @Test func jobsFitEightyColumns() async throws {
        try await jctl(["get", "jobs"], routes: ["GET /jobs": jobs]) { ran, stub in
            #expect(ran.code == 0)
            #expect(
                ran.out == """
                    ID                          KIND   STATE      AGE  DETAIL
                    01JD3V5K8Q2M7N4P6R8S0T1V2W  image  running    30s  agx-01, 42%, step 21 of 50
                    01JD3V5K8Q2M7N4P6R8S0T1V2X  image  queued     30s  #3, ~1m34s, every vision node
                                                                       is busy, and no roamer is
                                                                       idle
                    01JD3V5K8Q2M7N4P6R8S0T1V2W  image  succeeded  30s  on agx-01, 2 outputs

                    """)
            #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 })
            #expect(stub.requests.first?.query == ["limit": "50"])
        }
    }

    @Test func wideShowsEverything() async throws {
        try await jctl(["get", "jobs", "-o", "wide"], routes: ["GET /jobs": jobs]) { ran, _ in
            #expect(ran.lines.count == 4)
            #expect(
                ran.out.contains("#3, ~1m34s, every vision node is busy, and no roamer is idle"))
            #expect(ran.lines[0].contains("CLUSTER") && ran.lines[0].contains("ATTEMPT"))
        }
    }

    @Test func machinesGetWhatTheControllerSent() async throws {
        let routes = ["GET /jobs": jobs]
        try await jctl(["get", "jobs", "-o", "json"], routes: routes) { ran, _ in
            let value = try JSONParser.parse(ran.out.utf8)
            #expect(
                value["items"]?.elements?.last?["somethingNew"]
                    == .object([.init("a", .array([.number("1")]))]))
            #expect(value["next"] == .null)
        }
        try await jctl(["get", "jobs", "-o", "jsonl"], routes: routes) { ran, _ in
            #expect(ran.lines.count == 3)
            for line in ran.lines { _ = try JSONParser.parse(line.utf8) }
        }
        try await jctl(["get", "jobs", "-o", "name"], routes: routes) { ran, _ in
            #expect(ran.lines == [Samples.id, "01JD3V5K8Q2M7N4P6R8S0T1V2X", Samples.id])
        }
        try await jctl(["get", "jobs", "-o", "yaml"], routes: routes) { ran, _ in
            #expect(
                ran.out.hasPrefix(
                    "items:\n  - id: \"01JD3V5K8Q2M7N4P6R8S0T1V2W\"\n    kind: image\n"))
        }
    }

    @Test func filtersGoToTheController() async throws {
        let arguments = [
            "get", "jobs", "--state", "queued", "--cluster", "vision", "--kind", "image", "--node",
            "agx-01", "--limit", "5",
        ]
        try await jctl(arguments, routes: ["GET /jobs": jobs]) { _, stub in
            #expect(
                stub.requests.first?.query == [
                    "state": "queued", "cluster": "vision", "kind": "image", "node": "agx-01",
                    "limit": "5",
                ])
        }
    }

    @Test func pagesAreFollowedToTheLimit() async throws {
        let pages: @Sendable (StubRequest) async -> StubAnswer = { request in
            let page = request.query["cursor"].flatMap(Int.init) ?? 0
            let limit = request.query["limit"].flatMap(Int.init) ?? 2
            let items = (0..<min(2, limit)).map { Samples.job("queued", id: "J\(page)\($0)") }
            return .json(
                "{\"items\":[\(items.joined(separator: ","))],\"next\":\(page < 9 ? "\"\(page + 1)\"" : "null")}"
            )
        }
        try await jctl(["get", "jobs", "-o", "name", "--limit", "5"], routes: ["GET /jobs": pages])
        {
            ran, _ in
            #expect(ran.lines == ["J00", "J01", "J10", "J11", "J20"])
        }
        try await jctl(["get", "jobs", "-o", "name", "--limit", "0"], routes: ["GET /jobs": pages])
        {
            ran, _ in
            #expect(ran.lines.count == 20)
        }
        try await jctl(["get", "jobs", "--limit", "2"], routes: ["GET /jobs": pages]) { ran, _ in
            #expect(ran.err.contains("there may be more jobs; --limit 0 lists all"))
        }
    }

    @Test func anEmptyListSaysSo() async throws {
        try await jctl(["get", "jobs"], routes: ["GET /jobs": { _ in .json(Samples.list()) }]) {
            ran, _ in
            #expect(ran.code == 0)
            #expect(ran.out == "")
            #expect(ran.err == "no jobs\n")
        }
    }

    @Test func roamersSayWhatTheyDo() async throws {
        let list = Samples.list(Samples.roamer, Samples.idleRoamer)
        try await jctl(["get", "roamers"], routes: ["GET /roamers": { _ in .json(list) }]) {
            ran, _ in
            #expect(
                ran.out == """
                    NAME    STATE         ASSIGNMENT  UNTIL           SINCE  PROGRESS
                    agx-11  PROVISIONING  vision      until 13:00:00    12s  pulling 2.1/5.2 GB
                    agx-12  IDLE          -           -                  2h

                    """)
        }
    }

    @Test func nodesClustersServicesAndTemplates() async throws {
        let nodes = Samples.list(Samples.node, Samples.cordoned, Samples.roamer)
        try await jctl(["get", "nodes"], routes: ["GET /nodes": { _ in .json(nodes) }]) { ran, _ in
            #expect(
                ran.out == """
                    NAME    ROLE       CLUSTER  STATE             JOBS  CPU  GPU  MEMORY  TEMP  SEEN
                    agx-01  dedicated  vision   ready             1/2   13%  93%  21/64G   61C    2s
                    agx-02  dedicated  vision   suspect,cordoned  0/1     -    -       -     -     -
                    agx-11  roamer     vision   ready             0/1     -    -       -     -    1s

                    """)
            #expect(ran.lines.allSatisfy { $0.displayWidth <= 80 })
        }
        try await jctl(
            ["get", "nodes", "--state", "cordoned", "-o", "name"],
            routes: ["GET /nodes": { _ in .json(nodes) }]
        ) { ran, _ in #expect(ran.lines == ["agx-02"]) }
        try await jctl(
            ["get", "cl"], routes: ["GET /clusters": { _ in .json(Samples.list(Samples.cluster)) }]
        ) { ran, _ in
            #expect(
                ran.out == """
                    NAME    KINDS  NODES  READY  BUSY  QUEUED  RUNNING  ROAMERS
                    vision  image      2      2     1       3        1  agx-11

                    """)
        }
        try await jctl(
            ["get", "services"],
            routes: ["GET /services": { _ in .json(Samples.list(Samples.service)) }]
        ) { ran, _ in #expect(ran.lines[1].contains("sdxl-api  spark:5000/jessica/sdxl:…")) }
        try await jctl(
            ["get", "template", "sdxl-worker"],
            routes: ["GET /templates": { _ in .json(Samples.list(Samples.template)) }]
        ) { ran, _ in #expect(ran.lines[1].contains("18GB") && ran.lines[1].contains("45s")) }
    }

    @Test func oneByName() async throws {
        try await jctl(
            ["get", "job", Samples.id],
            routes: ["GET /jobs/\(Samples.id)": { _ in .json(Samples.running) }]
        ) { ran, _ in #expect(ran.lines.count == 2) }
        try await jctl(
            ["get", "service", "none"],
            routes: ["GET /services": { _ in .json(Samples.list(Samples.service)) }]
        ) { ran, _ in
            #expect(ran.code == 5)
            #expect(ran.err.contains("there is no 'none' among the services"))
        }
    }

    @Test func hostileNamesAreShownHarmless() async throws {
        let job = Samples.job(
            "running", extra: #""node":"\u001b[31mx\u009b","progress":{"text":"a\nb"}"#)
        for format in ["table", "wide", "json", "jsonl", "yaml", "name"] {
            try await jctl(
                ["get", "jobs", "-o", format],
                routes: ["GET /jobs": { _ in .json(Samples.list(job)) }]
            ) { ran, _ in
                let rest = ran.out.unicodeScalars.filter { $0 != "\n" }
                #expect(!rest.contains(where: SafeText.isUnsafe), "\(format)")
            }
        }
    }

    @Test func tablesOfAnyContentFit() {
        var random = SplitMix(state: 3)
        let words = [
            "a", "日本語", "queued", String(repeating: "x", count: 90), "", "é✓", "two words",
        ]
        let style = Style(isTerminal: false, environment: [:], refused: true)
        for _ in 0..<300 {
            let jobs = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                var job = Job(id: words.randomElement(using: &random) ?? "")
                job.kind = words.randomElement(using: &random)
                job.state = words.randomElement(using: &random)
                job.reason = words.randomElement(using: &random)
                return job
            }
            for width in [40, 80, 120] {
                let lines = JobTables.jobs(jobs, now: FakeTime.noon).lines(
                    width: width, style: style)
                #expect(lines.allSatisfy { $0.displayWidth <= width })
            }
        }
    }

    @Test func watchPrintsWhatChanged() async throws {
        let lists = Counter()
        try await Stub.serve { request in
            switch request.route {
            case "GET /jobs":
                return .json(
                    lists.next() == 1
                        ? Samples.list(Samples.running, Samples.queued)
                        : Samples.list(Samples.succeeded, Samples.queued))
            case "GET /stream":
                guard request.header("Last-Event-ID") == nil else {
                    return .error(404, "gone", "the test ends here")
                }
                return .stream(type: "text/event-stream") { write in
                    try await write(": ping\n\n")
                    try await write("id: 5\nevent: job.state\ndata: {\"seq\":5}\n\n")
                }
            default: return .error(404, "x", "x")
            }
        } _: { stub in
            let ran = await jctl(
                ["get", "jobs", "-w", "-o", "wide", "--no-headers"], at: stub.socket)
            #expect(ran.code == 5)
            #expect(ran.lines.count == 3)
            #expect(ran.lines.last?.contains("succeeded") == true)
            #expect(stub.requests("GET /stream").last?.header("Last-Event-ID") == "5")
        }
    }
}
