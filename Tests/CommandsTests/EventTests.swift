import Foundation
import Testing

@testable import Commands

@Suite struct EventTests {
    @Test func thePastIsListed() async throws {
        let old = Samples.event(1, "2026-11-23T10:00:00.000Z")
        let list: @Sendable (StubRequest) async -> StubAnswer = { _ in
            .json(Samples.list(old, Samples.event(2)))
        }
        try await jctl(["events"], routes: ["GET /events": list]) { ran, _ in
            #expect(
                ran.out == """
                    TIME      TYPE          SUBJECT  CHANGE
                    10:00:00  roamer.state  agx-11   IDLE → ASSIGNED after 1m11s: vision has 4
                                                     waiting jobs
                    11:59:00  roamer.state  agx-11   IDLE → ASSIGNED after 1m11s: vision has 4
                                                     waiting jobs

                    """)
        }
        try await jctl(["events", "--since", "5m", "-o", "name"], routes: ["GET /events": list]) {
            ran, stub in
            #expect(ran.lines == ["2"])
            #expect(stub.requests.map { $0.query["since"] } == ["2026-11-23T11:55:00Z"])
        }
        try await jctl(["get", "events", "-o", "jsonl"], routes: ["GET /events": list]) { ran, _ in
            #expect(ran.lines.count == 2)
        }
    }

    @Test func anEventHasNoName() async throws {
        try await jctl(["get", "events", "7"], routes: [:]) { ran, stub in
            #expect(ran.code == 2 && stub.requests.isEmpty)
            #expect(ran.err.contains("jctl events --job ID"))
        }
    }

    @Test func longHistoriesAreReadToTheirEnd() async throws {
        let pages: @Sendable (StubRequest) async -> StubAnswer = { request in
            let cursor = request.query["cursor"].flatMap(Int.init) ?? 0
            let last = min(cursor + 1000, 2500)
            // As when a filter leaves nothing of a page.
            let items = cursor == 1000 ? [] : (cursor + 1...last).map { Samples.event($0) }
            let next = last < 2500 ? "\"\(last)\"" : "null"
            return .json("{\"items\":[" + items.joined(separator: ",") + "],\"next\":\(next)}")
        }
        try await jctl(["events", "-o", "name", "--limit", "0"], routes: ["GET /events": pages]) {
            ran, stub in
            #expect(ran.lines.count == 1500)
            #expect(stub.requests.count == 3)
        }
        try await jctl(["events", "-o", "name", "--limit", "2"], routes: ["GET /events": pages]) {
            ran, _ in #expect(ran.lines == ["2499", "2500"])
        }
    }

    @Test func theLatestAreReadAlone() async throws {
        let latest: @Sendable (StubRequest) async -> StubAnswer = { request in
            let tail = request.query["tail"].flatMap(Int.init) ?? 2_500
            let items = (2_501 - tail...2_500).map { Samples.event($0) }.joined(separator: ",")
            return .json("{\"items\":[\(items)],\"next\":null}")
        }
        try await jctl(["events", "-o", "name", "--limit", "3"], routes: ["GET /events": latest]) {
            ran, stub in
            #expect(ran.lines == ["2498", "2499", "2500"])
            #expect(stub.requests.count == 1)
        }
    }

    @Test func getShowsTheNewestToo() async throws {
        // As a controller does: from the oldest on, or with `tail` those at the end.
        let events: @Sendable (StubRequest) async -> StubAnswer = { request in
            let limit = request.query["limit"].flatMap(Int.init) ?? 1_000
            let tail = request.query["tail"].flatMap(Int.init)
            let first =
                tail.map { 201 - $0 } ?? 1 + (request.query["cursor"].flatMap(Int.init) ?? 0)
            let last = min(200, first + limit - 1)
            let items = first > last ? [] : (first...last).map { Samples.event($0) }
            let next = tail == nil && last < 200 ? "\"\(last)\"" : "null"
            return .json("{\"items\":[" + items.joined(separator: ",") + "],\"next\":\(next)}")
        }
        let routes = ["GET /events": events]
        let list = ["get", "events", "-o", "name", "--limit", "3"]
        try await jctl(list, routes: routes) { ran, _ in
            #expect(ran.lines == ["198", "199", "200"])
        }
        let filter = ["--kind", "roamer.state", "--node", "agx-11"]
        try await jctl(list + filter, routes: routes) { ran, stub in
            #expect(ran.lines == ["198", "199", "200"])
            let query = ["type": "roamer.state", "node": "agx-11", "tail": "3", "limit": "10000"]
            #expect(stub.requests.map(\.query) == [query])
        }
        try await jctl(["get", "events", "-o", "name"], routes: routes) { ran, _ in
            #expect(ran.lines.count == 50 && ran.lines.last == "200")
        }
    }

    @Test func theStreamIsResumedWhereItWasCut() async throws {
        let connections = Counter()
        try await Stub.serve { request in
            guard request.route == "GET /stream" else {
                return .json(Samples.list(Samples.event(4)))
            }
            // A cut may also lose what was sent before it, so the stub resumes as a controller does.
            let seen = request.header("Last-Event-ID").flatMap(Int.init) ?? 0
            let five = seen < 5 ? "id: 5\nevent: roamer.state\ndata: \(Samples.event(5))\n\n" : ""
            let bad = seen < 6 ? "id: 6\ndata: {bad\n\n" : ""
            switch connections.next() {
            case 1:
                return .stream(type: "text/event-stream") { write in
                    try await write(five)
                    try await write(": ping\n\n" + bad + "id: 7\nda")
                    throw CancellationError()
                }
            case 2: return .dropped
            case 3:
                return .stream(type: "text/event-stream") { write in
                    try await write(five + bad)
                    try await write(
                        "id: 8\nevent: job.progress\ndata: {\"seq\":8,\"type\":\"job.progress\"}\n\n"
                    )
                    try await write("id: 9\ndata: \(Samples.event(9))\n\n")
                }
            default: return .error(403, "forbidden", "the test ends here")
            }
        } _: { stub in
            let ran = await jctl(
                ["events", "-f", "--since", "1h", "-o", "name"], at: stub.socket)
            #expect(ran.code == 4)
            #expect(ran.lines == ["4", "5", "9"])
            #expect(ran.err.contains("skipped an event that cannot be read"))
            #expect(ran.err.contains("the event stream ended; connecting again\nconnected again\n"))
            let ids = stub.requests("GET /stream").map { $0.header("Last-Event-ID") ?? "" }
            #expect(ids.first == "4" && ids.last == "9" && ids.count == 4)
            #expect(ids[1] == ids[2] && ["4", "5", "6"].contains(ids[1]))
            #expect(stub.requests("GET /stream").first?.query["topics"] == "all")
        }
    }

    @Test func aStreamThatHadNothingToSayIsResumedToo() async throws {
        let connections = Counter()
        try await Stub.serve { _ in
            let number = connections.next()
            guard number <= 3 else { return .error(403, "forbidden", "the test ends here") }
            return .stream(type: "text/event-stream") { write in
                switch number {
                case 1: try await write("id: 4\n\n")
                case 2: try await write("id: 4\n\nid: 6\n\n")
                default: try await write("id: 6\n\nid: 7\ndata: \(Samples.event(7))\n\n")
                }
            }
        } _: { stub in
            let ran = await jctl(
                ["events", "-f", "--node", "agx-11", "-o", "name"], at: stub.socket)
            #expect(ran.code == 4)
            #expect(ran.lines == ["7"])
            let ids = stub.requests("GET /stream").map { $0.header("Last-Event-ID") ?? "" }
            #expect(ids == ["", "4", "6", "7"])
        }
    }

    /// A record with the events from a number to 8, in pages of two; at hand is only one that nobody wants.
    private static func record(_ request: StubRequest, from first: Int) -> StubAnswer {
        if request.query["tail"] != nil { return .json(Samples.list(Samples.event(90))) }
        let place = request.query["cursor"] ?? request.query["after"] ?? "0"
        let left = (first...8).filter { $0 > Int(place) ?? 0 }
        let page = left.prefix(request.query["limit"] == "1" ? 1 : 2)
        let next = left.count > page.count ? page.last.map { "\"\($0)\"" } : nil
        let items = page.map { Samples.event($0) }.joined(separator: ",")
        return .json("{\"items\":[\(items)],\"next\":\(next ?? "null")}")
    }

    @Test(
        arguments: [[], ["--node", "agx-11", "--type", "roamer.state"]] as [[String]], [1, 6, 8])
    func whatTheStreamMissedIsInTheRecord(_ filter: [String], _ first: Int) async throws {
        let connections = Counter()
        try await Stub.serve { request in
            if request.route == "GET /events" { return Self.record(request, from: first) }
            switch connections.next() {
            case 1:
                return .stream(type: "text/event-stream") { write in
                    try await write("id: 5\ndata: \(Samples.event(5))\n\n")
                    try await write(
                        "id: 90\nevent: resync\ndata: {\"reason\":\"events were missed\"}\n\n")
                }
            case 2:
                return .stream(type: "text/event-stream") { write in
                    try await write("id: 91\ndata: \(Samples.event(91))\n\n")
                }
            default: return .error(403, "forbidden", "the test ends here")
            }
        } _: { stub in
            let ran = await jctl(["events", "-f", "-o", "name"] + filter, at: stub.socket)
            #expect(ran.code == 4)
            let missed = first == 8 ? ["8"] : ["6", "7", "8"]
            #expect(ran.lines == ["5"] + missed + ["91"])
            let note =
                first == 8
                ? "fell behind; events from before 2026-11-23T11:59:00.000Z are gone\n"
                : "fell behind, and caught up: 3 events\n"
            #expect(ran.err.contains(note), "\(ran.err)")
            let ids = stub.requests("GET /stream").map { $0.header("Last-Event-ID") ?? "" }
            #expect(ids == ["", "90", "91"])
            let asked = stub.requests("GET /events").filter { $0.query["after"] == "5" }
            #expect(asked.count == (first == 8 ? 1 : 2))
            for request in asked {
                #expect(request.query["node"] == (filter.isEmpty ? nil : "agx-11"))
                #expect(request.query["type"] == (filter.isEmpty ? nil : "roamer.state"))
            }
        }
    }

    @Test(arguments: [0, 3])
    func aRecordThatWasMadeAnewIsReadFromItsBeginning(_ latest: Int) async throws {
        let connections = Counter()
        try await Stub.serve { request in
            if request.route == "GET /events" {
                let place = request.query["after"].flatMap(Int.init) ?? 0
                let first = request.query["tail"] == nil ? place + 1 : latest
                let all = (1...3).filter { $0 >= first && $0 <= latest }
                let page = all.prefix(request.query["limit"].flatMap(Int.init) ?? all.count)
                let items = page.map { Samples.event($0) }.joined(separator: ",")
                return .json("{\"items\":[\(items)],\"next\":null}")
            }
            switch connections.next() {
            case 1:
                return .stream(type: "text/event-stream") { write in
                    try await write("id: 50000\ndata: \(Samples.event(50_000))\n\n")
                }
            case 2:
                return .stream(type: "text/event-stream") { write in
                    try await write("event: resync\ndata: {\"reason\":\"events were missed\"}\n\n")
                }
            case 3:
                return .stream(type: "text/event-stream") { write in
                    let next = latest + 1
                    try await write("id: \(next)\ndata: \(Samples.event(next))\n\n")
                }
            default: return .error(403, "forbidden", "the test ends here")
            }
        } _: { stub in
            let ran = await jctl(["events", "-f", "-o", "name"], at: stub.socket)
            #expect(ran.code == 4)
            let all = (1...latest + 1).map { "\($0)" }
            #expect(ran.lines == ["50000"] + all, "\(ran.err)")
            #expect(ran.err.contains("the controller's record was made anew"), "\(ran.err)")
            let ids = stub.requests("GET /stream").map { $0.header("Last-Event-ID") ?? "" }
            #expect(ids == ["", "50000", "\(latest)", "\(latest + 1)"])
        }
    }

    @Test func aStreamThatIsTooMuchNowIsTriedAgain() async throws {
        let connections = Counter()
        try await Stub.serve { _ in
            let number = connections.next()
            switch number {
            case 1, 3:
                return .stream(type: "text/event-stream") { write in
                    try await write("id: \(number)\ndata: \(Samples.event(number))\n\n")
                }
            case 2:
                var answer = StubAnswer.error(429, "too_many_streams", "too many of alice's")
                answer.headers.append(("Retry-After", "5"))
                return answer
            default: return .error(403, "forbidden", "the test ends here")
            }
        } _: { stub in
            let ran = await jctl(["events", "-f", "-o", "name"], at: stub.socket)
            #expect(ran.code == 4)
            #expect(ran.lines == ["1", "3"])
        }
    }

    @Test func everyFilterCountsWhileFollowing() async throws {
        let connections = Counter()
        try await Stub.serve { _ in
            guard connections.next() == 1 else {
                return .error(403, "forbidden", "the test ends here")
            }
            return .stream(type: "text/event-stream") { write in
                for (seq, node) in [(1, "agx-11"), (2, "agx-12")] {
                    let event = Samples.event(seq).replacing("agx-11", with: node)
                        .replacing(#""job":null"#, with: #""job":"J""#)
                    try await write("id: \(seq)\ndata: \(event)\n\n")
                }
                // And what it is called cannot steer the terminal.
                try await write(
                    #"data: {"id":"\u001b[2J","type":"roamer.state","job":"J","node":"agx-11"}"#
                        + "\n\n")
            }
        } _: { stub in
            let filter = ["--job", "J", "--node", "agx-11", "--type", "roamer.state"]
            let ran = await jctl(["events", "-f", "-o", "name"] + filter, at: stub.socket)
            #expect(ran.code == 4)
            #expect(ran.lines == ["1", "^[[2J"], "\(ran)")
        }
    }

    @Test func oneJobOrNodeHasItsTopic() async throws {
        for (options, topic) in [
            (["--job", "J"], "job:J"), (["--node", "agx-11"], "node:agx-11"),
        ] {
            let none: @Sendable (StubRequest) async -> StubAnswer = { _ in
                .error(404, "not_found", "it is gone")
            }
            try await jctl(["events", "-f"] + options, routes: ["GET /stream": none]) { ran, stub in
                #expect(ran.code == 5)
                #expect(stub.requests.first?.query["topics"] == topic)
            }
        }
    }

    @Test func aLineSaysEverything() throws {
        let event = try JSONDecoder().decode(Event.self, from: Data(Samples.event(1).utf8))
        #expect(
            EventText.line(event)
                == "11:59:00.000  roamer.state  agx-11  IDLE → ASSIGNED after 1m11s: vision has 4 waiting jobs"
        )
    }
}
