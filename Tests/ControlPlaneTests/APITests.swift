import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NIOFoundationCompat
import ObjectStore
import Testing

@testable import ControlPlane

@Suite("The HTTP API", .serialized)
struct APITests {
    private func call(
        _ plane: Plane, _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil,
        headers: HTTPFields = [:], tokens: TokenFile? = nil
    ) async throws -> (HTTPResponse.Status, JSONValue) {
        let application = Application(router: plane.api.router(tokens: tokens))
        return try await application.test(.router) { client in
            try await client.execute(
                uri: path, method: method, headers: headers,
                body: body.map { ByteBuffer(string: $0) }
            ) { response in
                let data = Data(response.body.readableBytesView)
                let json = (try? JSONDecoder().decode(JSONValue.self, from: data)) ?? .null
                return (response.status, json)
            }
        }
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
            (#"{"kind":"image","typo":1}"#, 400), (#"{"kind":"image","input":[1]}"#, 400),
            (#"not json"#, 400), (#"{"kind":"video"}"#, 422),
            (#"{"kind":"image","cluster":"nowhere"}"#, 404), (#"{"kind":"custom"}"#, 422),
            (#"{"kind":"custom","image":"UPPER/../x"}"#, 400),
            (#"{"kind":"image","deadlineSeconds":-1}"#, 400), (#"[]"#, 400), (#"{}"#, 400),
        ])
    func wrongSubmission(body: String, expected: Int) async throws {
        try await Plane.with { plane, _ in
            let (status, json) = try await call(plane, .post, "/api/v1/jobs", body)
            #expect(status.code == expected, "\(body)")
            #expect(json["error"]?["message"] != nil)
            #expect(json["error"]?["requestId"] != nil)
        }
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
                #"jessica_node_memory_bytes{kind="swap_used",node="agx-01"} 3.0"#,
            ] { #expect(text.contains(line + "\n")) }
            #expect(!text.contains("jessica_node_cpu_utilization_ratio{"))
        }
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

    @Test("Over HTTPS only a token lets in")
    func tokens() async throws {
        try await Plane.with { plane, _ in
            let file = try TokenFile(path: plane.directory + "/token")
            let (refused, _) = try await call(plane, .get, "/api/v1/jobs", tokens: file)
            #expect(refused == .unauthorized)
            let token = try String(contentsOfFile: file.path, encoding: .utf8)
                .trimmingCharacters(in: .newlines)
            let (wrong, _) = try await call(
                plane, .get, "/api/v1/jobs", headers: [.authorization: "Bearer x\(token)"],
                tokens: file)
            #expect(wrong == .unauthorized)
            let (let_in, _) = try await call(
                plane, .get, "/api/v1/jobs", headers: [.authorization: "Bearer \(token)"],
                tokens: file)
            #expect(let_in == .ok)
            let (health, _) = try await call(plane, .get, "/healthz", tokens: file)
            #expect(health == .ok)
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
