import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JobCatalogue
import NIOCore
import NIOFoundationCompat
import ObjectStore
import RedisStore
import Settings
import Testing

@testable import ControlPlane
@testable import FleetCore

@Suite("The HTTP API", .serialized)
struct APITests {
    private func call(
        _ plane: Plane, _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil,
        headers: HTTPFields = [:]
    ) async throws -> (HTTPResponse.Status, JSONValue) {
        try await plane.call(method, path, body, headers: headers)
    }

    @Test("A sentence becomes a job of the right kind, and says why")
    func request() async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await call(
                plane, .post, "/api/v1/requests", #"{"text":"Generate an image of a sunset"}"#)
            #expect(status == .accepted)
            #expect(json["understood"]?["kind"] == .string("image"))
            #expect(json["job"]?["state"] == .string("queued"))
            #expect(json["job"]?["reason"] != nil)
        }
    }

    @Test(
        "What cannot be placed is refused politely",
        arguments: ["xyzzy", "play a video of cats"])
    func cannotPlace(text: String) async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await call(
                plane, .post, "/api/v1/requests", #"{"text":"\#(text)"}"#)
            #expect(status == .unprocessableContent)
            #expect(json["error"]?["code"] == .string("cannot_place"))
        }
    }

    @Test(
        "A wrong submission is refused with one shape of error",
        arguments: [
            (#"{"kind":"nonsense"}"#, 400), (#"{"kind":"image","priority":99}"#, 400),
            (#"{"kind":"image","typo":1}"#, 400),
            (#"{"kind":"image","labels":{"a\u0000":"b"}}"#, 422),
            (#"{"kind":"image","input":[1]}"#, 400),
            (#"{"kind":"custom","image":"x","command":["\u0000"]}"#, 422),
            (
                #"{"kind":"custom","image":"x","command":["\#(String(repeating: "é", count: 8_193))"]}"#,
                422
            ),
            (#"not json"#, 400), (#"{"kind":"video"}"#, 422),
            (#"{"kind":"image","cluster":"nowhere"}"#, 404), (#"{"kind":"custom"}"#, 422),
            (#"{"kind":"custom","image":"UPPER/../x"}"#, 422),
            (#"{"kind":"image","deadlineSeconds":-1}"#, 400), (#"[]"#, 400), (#"{}"#, 400),
            // What nobody would heed.
            (#"{"kind":"image","command":["x"]}"#, 422),
            (#"{"kind":"image","memoryBytes":1073741824}"#, 422),
            (#"{"kind":"image","template":"sdxl-worker","command":["x"]}"#, 422),
            (#"{"kind":"image","template":"sdxl-worker","cluster":"vision"}"#, 422),
            (#"{"kind":"custom","image":"x","template":"sdxl-worker"}"#, 422),
            (#"{"kind":"custom","image":"x","cluster":"vision"}"#, 422),
        ])
    func wrongSubmission(body: String, expected: Int) async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await call(plane, .post, "/api/v1/jobs", body)
            #expect(status.code == expected, "\(body)")
            #expect(json["error"]?["message"] != nil)
            #expect(json["error"]?["requestId"] != nil)
        }
    }

    @Test("A misspelt parameter is refused, for it would be as if it were not there")
    func misspelt() async throws {
        try await Plane.with { plane, _ in
            let (_, job) = try await call(plane, .post, "/api/v1/jobs", #"{"kind":"image"}"#)
            let path = "/api/v1/jobs/\(try #require(Plane.text(job["id"])))"
            #expect(try await call(plane, .get, path + "?wait=0&for=running").0 == .ok)
            for path in [path + "?wiat=1", "/api/v1/plans/none?step=false"] {
                let (status, json) = try await call(plane, .get, path)
                #expect(status == .badRequest, "\(path): \(json)")
            }
        }
    }

    @Test("How its container shall be is heeded for a job that has one of its own")
    func heeded() {
        var fleet = Plane.fleet
        var job = JobRequest(kind: .image, command: ["x"], memory: 1 << 30)
        #expect(fleet.unheeded(job)?.contains("contract cog") == true)
        #expect(fleet.unheeded(JobRequest(kind: .image)) == nil)
        fleet.services = fleet.services.map {
            var service = $0
            service.worker.contract = .exec
            return service
        }
        #expect(fleet.unheeded(job) == nil)
        job.template = "sdxl-worker"
        #expect(fleet.unheeded(job) != nil)
        job.template = nil
        job.image = "x"
        #expect(fleet.unheeded(job) == nil)
    }

    @Test("The events of all pages are those of one, each once")
    func eventPages() async throws {
        try await Plane.with { plane, _ in
            for _ in 0..<3 {
                _ = try await call(plane, .post, "/api/v1/jobs", #"{"kind":"image"}"#)
            }
            func page(_ query: String) async throws -> (numbers: [JSONValue?], next: String?) {
                let (status, json) = try await call(plane, .get, "/api/v1/events?\(query)")
                #expect(status == .ok)
                guard case .array(let items)? = json["items"] else { return ([], nil) }
                guard case .string(let next)? = json["next"] else {
                    return (items.map { $0["seq"] }, nil)
                }
                return (items.map { $0["seq"] }, next)
            }
            let whole = try await page("limit=1000")
            #expect(whole.numbers.count >= 3)
            #expect(whole.next == nil)
            var parts: [JSONValue?] = []
            var cursor: String? = "0"
            while let place = cursor, parts.count <= whole.numbers.count {
                let part = try await page("limit=2&cursor=\(place)")
                parts += part.numbers
                cursor = part.next
            }
            #expect(parts == whole.numbers)
            // The greatest number there is.
            let last = try await page("cursor=\(UInt64.max)")
            #expect(last.numbers.isEmpty && last.next == nil)
            let (refused, _) = try await call(plane, .get, "/api/v1/events?cursor=x")
            #expect(refused == .badRequest)
        }
    }

    @Test("A repeated key replays the first answer, and another body is refused")
    func idempotency() async throws {
        try await Plane.with { plane, _ in
            let key: HTTPFields = [HTTPField.Name("Idempotency-Key") ?? .from: "abc"]
            let body = #"{"kind":"image","input":{"prompt":"x"}}"#
            let (_, first) = try await call(plane, .post, "/api/v1/jobs", body, headers: key)
            let (again, second) = try await call(plane, .post, "/api/v1/jobs", body, headers: key)
            #expect(again == .accepted)
            #expect(first["id"] == second["id"])
            let (other, _) = try await call(
                plane, .post, "/api/v1/jobs", #"{"kind":"image","input":{"prompt":"y"}}"#,
                headers: key)
            #expect(other == .unprocessableContent)
        }
    }

    @Test("A sentence asked for again under its key is one job")
    func askedAgain() async throws {
        try await Plane.with { plane, _ in
            let key: HTTPFields = [HTTPField.Name("Idempotency-Key") ?? .from: "abc"]
            let path = "/api/v1/requests"
            let body = #"{"text":"Generate an image of a sunset"}"#
            let (_, first) = try await call(plane, .post, path, body, headers: key)
            let (again, second) = try await call(plane, .post, path, body, headers: key)
            #expect(again == .accepted)
            #expect(first["job"]?["id"] != nil && first["job"]?["id"] == second["job"]?["id"])
            let (other, _) = try await call(
                plane, .post, path, #"{"text":"Generate an image of the sea"}"#, headers: key)
            #expect(other == .unprocessableContent)
        }
    }

    @Test("Pages follow each other without a gap")
    func pages() async throws {
        try await Plane.with { plane, _ in
            for number in 0..<7 {
                _ = await plane.submit(JobID("job-\(number)"))
            }
            var seen: [JSONValue] = []
            var cursor = ""
            repeat {
                let (_, page) = try await call(
                    plane, .get, "/api/v1/jobs?limit=3&cursor=\(cursor)&order=oldest")
                guard case .array(let items)? = page["items"] else { break }
                seen += items.compactMap { $0["id"] }
                if case .string(let next)? = page["next"] { cursor = next } else { cursor = "" }
            } while !cursor.isEmpty
            #expect(seen == (0..<7).map { .string("job-\($0)") })
        }
    }

    @Test(
        "A list is filtered as asked, and what it does not know is refused",
        arguments: [
            ("", ["a", "b", "c"]), ("state=queued", ["a", "c"]),
            ("state=active,cancelled", ["a", "b", "c"]),
            ("state=ended", ["b"]), ("kind=image", ["a", "b", "c"]), ("cluster=voice", []),
            ("label=album", ["a", "b"]), ("label=album%3Dsummer", ["a"]),
            ("label=album&label=x", []),
            ("q=SUNSET", ["a", "c"]), ("q=unset%20ov", ["a"]), ("node=agx-01", []),
            ("since=2020-01-01T00:00:00Z", ["a", "b", "c"]), ("until=2020-01-01T00:00:00Z", []),
            ("since=2020-01-01T02:00:00.5%2B02:00&order=oldest", ["c", "b", "a"]),
            ("state=nonsense", nil), ("kind=nonsense", nil), ("q=ab", nil),
            ("since=yesterday", nil),
            ("order=up", nil), ("limit=0", nil), ("since=", nil), ("cursor=nobody", nil),
            ("stat=queued", nil), ("label==x", nil),
        ] as [(String, [String]?)])
    func filters(query: String, expected: [String]?) async throws {
        try await Plane.with { plane, _ in
            func submit(_ id: JobID, _ prompt: String, _ album: String?) async {
                var request = JobRequest(kind: .image, input: #"{"prompt":"\#(prompt)"}"#)
                request.labels = album.map { [.init(key: "album", value: $0)] } ?? []
                _ = await plane.submit(id, request)
            }
            await submit("a", "a sunset over the sea", "summer")
            await submit("b", "a cat", "winter")
            await submit("c", "Sunset", nil)
            _ = await plane.loop.ask { .cancel($0, "b") }
            let (status, json) = try await call(plane, .get, "/api/v1/jobs?\(query)")
            guard let expected else {
                #expect(status == .badRequest)
                return
            }
            #expect(status == .ok)
            guard case .array(let items)? = json["items"] else {
                Issue.record("no items")
                return
            }
            // Submitted within a millisecond or not, they are in the order of their submission.
            let ids = items.map { $0["id"] }
            #expect(Set(ids) == Set(expected.map { .string($0) }))
            #expect(json["next"] == nil)
        }
    }

    @Test("An action on many jobs does what a dry run has said, and tells what it could not do")
    func bulk() async throws {
        try await Plane.with { plane, _ in
            for id in ["a", "b", "c"] as [JobID] { _ = await plane.submit(id) }
            func act(_ verb: String, _ body: String) async throws -> (
                HTTPResponse.Status, [JSONValue?], JSONValue
            ) {
                let (status, json) = try await call(plane, .post, "/api/v1/jobs/\(verb)", body)
                guard case .array(let jobs)? = json["jobs"] else { return (status, [], json) }
                return (status, jobs.map { $0["state"] }, json)
            }
            let queued: JSONValue? = .string("queued")
            let cancelled: JSONValue? = .string("cancelled")
            let trial = try await act(
                "cancel", #"{"filter":{"kind":["image"]},"dryRun":true,"limit":2}"#)
            #expect(trial.0 == .ok)
            #expect(trial.1 == [queued, queued])
            #expect(trial.2["next"] != nil)
            let first = try await act("cancel", #"{"filter":{"kind":["image"]},"limit":2}"#)
            #expect(first.1 == [cancelled, cancelled])
            let second = try await act("cancel", #"{"filter":{"state":["active"]}}"#)
            #expect(second.1 == [cancelled])
            #expect(second.2["next"] == nil)
            let none = try await act("cancel", #"{"filter":{"state":["cancelled"]}}"#)
            #expect(none.0 == .ok && none.1.isEmpty)
            let again = try await act("retry", #"{"filter":{},"all":true}"#)
            #expect(again.1 == [queued, queued, queued])
            for wrong in [
                #"{}"#, #"{"filter":{"state":"queued"}}"#, #"{"filter":{"stat":["queued"]}}"#,
                #"{"filter":{"q":1}}"#,
                #"{"filter":{"q":"sun"},"limit":0}"#, #"{"filter":{"q":"sun"},"dryRun":"yes"}"#,
                #"{"filter":{"q":"sun"},"extra":1}"#,
            ] {
                #expect(try await act("cancel", wrong).0 == .badRequest, "\(wrong)")
            }
            #expect(try await act("cancel", #"{"filter":{}}"#).0 == .unprocessableContent)
        }
    }

    @Test("A list is the same after a restart, and with its file lost")
    func catalogueRestored() async throws {
        let directory = NSTemporaryDirectory() + "jessica-plane-\(UInt32.random(in: .min ... .max))"
        try await Plane.with(directory: directory) { plane, _ in
            for number in 0..<5 { _ = await plane.submit(JobID("job-\(number)")) }
            _ = await plane.loop.ask { .cancel($0, "job-3") }
        }
        for lose in [false, true] {
            if lose {
                for suffix in ["", "-wal", "-shm"] {
                    try? FileManager.default.removeItem(
                        atPath: directory + "/catalogue.sqlite\(suffix)")
                }
            }
            try await Plane.with(directory: directory) { plane, _ in
                let keeper = CatalogueKeeper(
                    catalogue: plane.api.catalogue, store: plane.store, inputs: plane.api.inputs,
                    clock: plane.loop.clock, logger: plane.api.logger)
                try await keeper.makeWhole()
                let (_, all) = try await call(plane, .get, "/api/v1/jobs?order=oldest")
                guard case .array(let items)? = all["items"] else {
                    Issue.record("no items")
                    return
                }
                #expect(items.map { $0["id"] } == (0..<5).map { .string("job-\($0)") })
                let (_, ended) = try await call(plane, .get, "/api/v1/jobs?state=ended")
                guard case .array(let cancelled)? = ended["items"] else { return }
                #expect(cancelled.map { $0["id"] } == [.string("job-3")])
            }
        }
    }

    @Test("A job that is no longer in memory is listed from the store")
    func pastJobs() async throws {
        try await Plane.with { plane, _ in
            let job = try await plane.past("past", .failed)
            #expect(try await plane.store.endedJobs(since: 0) == ["past"])
            // And one of which nothing is kept.
            let gone = Job(
                id: "gone", request: job.request, queue: "vision", submittedAt: job.submittedAt)
            plane.api.catalogue.record([job, gone])
            let (_, json) = try await call(plane, .get, "/api/v1/jobs")
            guard case .array(let items)? = json["items"] else {
                Issue.record("no items")
                return
            }
            #expect(items.map { $0["id"] } == [.string("past")])
            #expect(try await plane.api.catalogue.count() == 1)
        }
    }

    @Test(
        "A list takes the filters that are described, and refuses others: they would choose everything"
    )
    func listFilters() async throws {
        try await Plane.with { plane, _ in
            _ = await plane.submit("x")
            let refused = [
                ("events?nod=agx-01", "after, job, node, plan, since, tail, type, cursor, limit"),
                ("jobs/x/events?type=job.state", "cursor, limit"),
                ("nodes?stat=ready", "state, cluster"), ("roamers?cluster=vision", "state"),
                ("plans?sate=running", "state, submitter, limit, cursor"),
                ("clusters?name=vision", "none"), ("services?name=x", "none"),
                ("templates?name=x", "none"), ("fleet/history?limt=1", "limit"),
            ]
            for (query, known) in refused {
                let (status, json) = try await call(plane, .get, "/api/v1/\(query)")
                #expect(status == .badRequest, "\(query)")
                let message = Plane.text(json["error"]?["message"])
                #expect(message?.hasSuffix("; there are \(known)") == true, "\(query)")
            }
            for query in [
                "events?after=0&job=x&node=agx-01&plan=p&type=job.state&limit=1",
                "events?tail=1", "events?cursor=0", "events?since=2026-01-01T00:00:00Z",
                "jobs/x/events?cursor=0&limit=1",
                "nodes?state=lost&cluster=vision", "roamers?state=idle",
                "plans?state=running&submitter=local&limit=1", "fleet/history?limit=1",
            ] {
                let (status, json) = try await call(plane, .get, "/api/v1/\(query)")
                #expect(status == .ok, "\(query): \(json)")
            }
        }
    }

    @Test("A path says which methods it takes")
    func wrongMethods() async throws {
        try await Plane.with { plane, _ in
            let application = Application(router: plane.api.router(tokens: nil))
            try await application.test(.router) { client in
                try await client.execute(uri: "/api/v1/jobs/x/cancel", method: .get) {
                    #expect($0.status == .methodNotAllowed)
                    #expect($0.headers[.allow] == "POST")
                }
                try await client.execute(uri: "/api/v1/jobs", method: .patch) {
                    #expect($0.status == .methodNotAllowed)
                    #expect($0.headers[.allow] == "GET, HEAD, POST")
                }
                try await client.execute(uri: "/api/v1/version", method: .head) {
                    #expect($0.status == .ok)
                }
            }
        }
    }

    @Test("What a machine measures is shown, and what it does not is left out")
    func telemetry() async throws {
        try await Plane.with { plane, _ in
            try await plane.connect("agx-01")
            let sample = Telemetry(
                gpu: 0.93, memoryUsed: 1, memoryTotal: 2, swapUsed: 3, power: 31.5,
                temperatures: [.init(name: "cpu", value: 61.5)],
                watts: [.init(name: "VDD_IN", value: 31.5)], powerMode: "MAXN",
                containers: [.init(name: "sdxl-api", cpu: 1.25, memory: 9)])
            plane.loop.post(.message("agx-01", SessionID(1), .telemetry(sample)))
            let (status, json) = try await call(plane, .get, "/api/v1/nodes/agx-01")
            #expect(status == .ok)
            let shown = json["telemetry"]
            #expect(shown?["stale"] == .bool(false))
            #expect(shown?["gpu"] == .int(93))
            #expect(shown?["temperatures"]?["cpu"] == .number(61.5))
            #expect(shown?["watts"]?["VDD_IN"] == .number(31.5))
            #expect(shown?["powerMode"] == .string("MAXN"))
            guard case .array(let containers)? = shown?["containers"] else {
                Issue.record("no containers are shown")
                return
            }
            #expect(containers.map { $0["name"] } == [.string("sdxl-api")])
            #expect(containers.map { $0["cpu"] } == [.int(125)])
            #expect(shown?["cpu"] == nil && shown?["temperature"] == nil)
            let application = Application(router: plane.api.router(tokens: nil))
            let text = try await application.test(.router) { client in
                try await client.execute(uri: "/metrics", method: .get) {
                    String(buffer: $0.body)
                }
            }
            for line in [
                #"jessica_node_temperature_celsius{node="agx-01",sensor="cpu"} 61.5"#,
                #"jessica_node_power_watts{node="agx-01"} 31.5"#,
                #"jessica_node_gpu_utilization_ratio{node="agx-01"} 0.93"#,
                #"jessica_node_memory_bytes{kind="swap_used",node="agx-01"} 3"#,
            ] { #expect(text.contains(line + "\n")) }
            #expect(!text.contains("jessica_node_cpu_utilization_ratio{"))
        }
    }

    @Test("Jobs are counted by how they ended, and batches by how long they took")
    func meters() async throws {
        try await Plane.with { plane, _ in
            for id in ["a", "b"] as [JobID] { _ = await plane.submit(id) }
            _ = await plane.loop.ask { .cancel($0, "a") }
            _ = try await call(plane, .get, "/nowhere")
            let application = Application(router: plane.api.router(tokens: nil))
            let text = try await application.test(.router) { client in
                try await client.execute(uri: "/metrics", method: .get) {
                    String(buffer: $0.body)
                }
            }
            for line in [
                #"jessica_jobs_total{cluster="vision",outcome="cancelled"} 1"#,
                #"jessica_jobs_total{cluster="vision",outcome="succeeded"} 0"#,
                #"jessica_queue_depth{cluster="vision"} 1"#,
                #"jessica_job_wait_seconds_count{cluster="vision"} 0"#,
                #"jessica_http_requests_total{code="404",method="GET"} 1"#,
            ] { #expect(text.contains(line + "\n"), "\(line)") }
            #expect(text.contains("jessica_queue_head_timestamp_seconds{cluster=\"vision\"} 1"))
            #expect(text.contains("jessica_commit_seconds_bucket{le=\"+Inf\"}"))
        }
    }

    @Test(
        "Times are read as RFC 3339 writes them, and nothing else is",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-01-31T12:00:00.5+02:00", 1_769_853_600_500),
            ("2000-02-29T23:59:60z", 951_868_800_000),
            ("0902-10-29T12:36:05.327635-06:13", -33_676_751_454_673),
            ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
            ("9999-12-31T23:59:59.9999Z", 253_402_300_799_999),
            ("2023-02-29T00:00:00Z", nil), ("2026-13-01T00:00:00Z", nil), ("2026-01-01", nil),
            ("2026-01-01T00:00:00", nil), ("2026-01-01T00:00:00.Z", nil),
            ("2026-01-01T24:00:00Z", nil),
            ("2026-01-01T00:00:00Zx", nil), ("", nil), ("-026-01-01T00:00:00Z", nil),
            ("2026-01-01T00:00:00+2:00", nil),
        ] as [(String, Int64?)])
    func times(text: String, expected: Int64?) {
        #expect(RFC3339.milliseconds(text) == expected)
    }

    @Test("A histogram counts each value in its range and all above")
    func histogram() {
        var histogram = Histogram([1, 2])
        for value in [0.5, 1, 1.5, 99] { histogram.observe(value) }
        var text = MetricsText()
        text.histogram("x_seconds", "X.", [(["a": "b\"c"], histogram)])
        #expect(
            text.text == """
                # HELP x_seconds X.
                # TYPE x_seconds histogram
                x_seconds_bucket{a="b\\"c",le="1"} 2
                x_seconds_bucket{a="b\\"c",le="2"} 3
                x_seconds_bucket{a="b\\"c",le="+Inf"} 4
                x_seconds_sum{a="b\\"c"} 102
                x_seconds_count{a="b\\"c"} 4

                """)
    }

    @Test("A bad fleet file gives every mistake and changes nothing")
    func badFleet() async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await call(
                plane, .post, "/api/v1/fleet", "clusters: {v: {nodes: [a, a], kindz: [image]}}\n")
            #expect(status == .unprocessableContent)
            guard case .array(let details)? = json["error"]?["details"] else {
                Issue.record("no details")
                return
            }
            #expect(details.count >= 2)
            let fleet = await plane.loop.read { controller, _ in controller.fleet }
            #expect(fleet == Plane.fleet)
        }
    }

    @Test("A file that names no node takes nothing down", arguments: ["{}", "fleet: test\n"])
    func emptyFleet(text: String) async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await call(plane, .post, "/api/v1/fleet", text)
            #expect(status == .unprocessableContent)
            #expect(json["error"]?["code"] == .string("invalid_fleet"))
            let fleet = await plane.loop.read { controller, _ in controller.fleet }
            #expect(fleet == Plane.fleet)
        }
    }

    @Test("Uploads need the signature they were granted")
    func signedUploads() async throws {
        try await Plane.with { plane, _ in
            let (status, _) = try await call(
                plane, .put, "/objects/outputs/images/j/1/a.png", "bytes",
                headers: [.contentLength: "5"])
            #expect(status == .forbidden)
        }
    }

    @Test("An upload that was damaged on the way is not stored")
    func checkedUploads() async throws {
        try await Plane.with { plane, _ in
            let key = try ObjectLayout.output(kind: "image", job: "j", attempt: 1, name: "a.png")
            let signed = try await plane.api.objects.presignPut(
                key, contentType: "image/png", maxBytes: 5, expiresSeconds: 60)
            let path = try #require(signed.url.split(separator: "localhost").last)
            let md5 = try #require(HTTPField.Name("Content-MD5"))
            // Of "bytes", and of something else.
            for (hash, expected) in [
                ("XrY7u+Ae7tCTyyK7j1rNww==", HTTPResponse.Status.badRequest),
                ("SzpiGLs+OnMD6KFxpg/Pkg==", .ok),
            ] {
                let (status, _) = try await call(
                    plane, .put, String(path), "bytes",
                    headers: [.contentLength: "5", .contentType: "image/png", md5: hash])
                #expect(status == expected, "\(hash)")
                let isThere = (try? await plane.api.objects.head(key)) != nil
                #expect(isThere == (expected == .ok))
            }
        }
    }

    @Test(
        "An output of any name is at its URL, and saved under its name",
        arguments: [
            ("a.png", "a.png", #"attachment; filename="a.png""#),
            (".hidden", ".hidden", #"attachment; filename=".hidden""#),
            (
                "my picture ü.txt", "my%20picture%20%C3%BC.txt",
                #"attachment; filename="my picture _.txt"; "#
                    + "filename*=UTF-8''my%20picture%20%C3%BC.txt"
            ),
            (
                #"a"b\c%41?#.txt"#, "a%22b%5Cc%2541%3F%23.txt",
                #"attachment; filename="a_b_c_41?#.txt"; "#
                    + "filename*=UTF-8''a%22b%5Cc%2541%3F%23.txt"
            ),
            (
                String(repeating: "x", count: 255), String(repeating: "x", count: 255),
                #"attachment; filename="\#(String(repeating: "x", count: 255))""#
            ),
        ])
    func outputNames(name: String, segment: String, disposition: String) async throws {
        try await Plane.with { plane, _ in
            let key = try ObjectLayout.output(kind: "image", job: "past", attempt: 1, name: name)
            try await plane.api.objects.put(
                key, .bytes(ByteBuffer(string: "bytes")), contentType: "text/plain")
            var job = Job(
                id: "past", request: JobRequest(kind: .image), queue: "vision",
                submittedAt: plane.loop.clock.now)
            let output = Output(name: name, contentType: "text/plain", size: 5, key: key.text)
            job.ending = Job.Ending(
                outcome: .succeeded, at: plane.loop.clock.now, outputs: [output])
            var change = FleetChange(
                counters: await plane.loop.read { controller, _ in controller.counters },
                clock: plane.loop.clock.now)
            change.jobs = [job]
            try await plane.store.commit(try plane.store.seal(change, term: plane.loop.term))
            let (_, json) = try await call(plane, .get, "/api/v1/jobs/past")
            let shown = json["outputs"]?[0]
            let url = "/api/v1/jobs/past/outputs/\(segment)"
            #expect(shown?["name"] == .string(name) && shown?["url"] == .string(url))
            let application = Application(router: plane.api.router(tokens: nil))
            try await application.test(.router) { client in
                try await client.execute(uri: url, method: .get) { response in
                    #expect(response.status == .ok)
                    #expect(String(buffer: response.body) == "bytes")
                    #expect(response.headers[.contentDisposition] == disposition)
                }
            }
        }
    }

    @Test("Unknown paths and jobs are told apart from failures")
    func notFound() async throws {
        try await Plane.with { plane, _ in
            for path in ["/nowhere", "/api/v1/jobs/none", "/api/v1/nodes/none"] {
                let (status, json) = try await call(plane, .get, path)
                #expect(status == .notFound)
                #expect(json["error"]?["code"] == .string("not_found"))
            }
        }
    }
}

extension JSONValue {
    /// A field of an object; nil when there is none, or it is null.
    subscript(key: String) -> JSONValue? {
        guard case .object(let fields) = self, let value = fields[key], value != .null else {
            return nil
        }
        return value
    }
}
