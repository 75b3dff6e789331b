import FleetCore
import HTTPTypes
import Hummingbird
import JobCatalogue
import OrderedCollections
import RedisStore
import Testing

@testable import ControlPlane

/// What becomes of requests that would follow something when there is no room for it.
@Suite("Room for streams", .serialized)
struct StreamRoomTests {
    private static let bodies = [
        ("jobs", #"{"kind":"image"}"#), ("requests", #"{"text":"Generate an image of a sunset"}"#),
    ]

    private static func wait(_ seconds: Int) throws -> HTTPFields {
        let prefer = try #require(HTTPField.Name("Prefer"))
        return [prefer: "wait=\(seconds)"]
    }

    private static func isRefused(_ answer: Plane.Answer, _ status: HTTPResponse.Status) -> Bool {
        answer.status == status && answer.code == "too_many_streams"
            && answer.headers[.retryAfter] == "5"
    }

    @Test("What was accepted is told, though it cannot be waited for", arguments: bodies)
    func accepted(path: String, body: String) async throws {
        try await Plane.with(readers: 0) { plane, _ in
            let headers = try Self.wait(10)
            let answer = try await plane.answer(.post, "/api/v1/\(path)", body, headers: headers)
            #expect(answer.status == .accepted, "\(answer.json)")
            let job = answer.json["job"] ?? answer.json
            let id = try #require(Plane.text(job["id"]))
            #expect(job["state"] == .string("queued"))
            let known = await plane.loop.read { controller, _ in Array(controller.jobs.keys) }
            #expect(known == [JobID(id)])
            // Who asks for nothing but to wait can come back.
            let wait = try await plane.answer(.get, "/api/v1/jobs/\(id)?wait=1")
            #expect(Self.isRefused(wait, .serviceUnavailable))
            let stream = try await plane.answer(.get, "/api/v1/stream")
            #expect(Self.isRefused(stream, .serviceUnavailable))
        }
    }

    @Test("Who has heard nothing yet can come back, and misses nothing", .timeLimit(.minutes(1)))
    func quiet() async throws {
        try await Plane.with { plane, _ in
            /// What a stream says until its token has ended.
            func told(_ name: String, after last: String?) async throws -> String {
                while plane.feed.readers > 0 { await Task.yield() }
                let token = try await plane.token(name, #","role":"viewer""#)
                let field = try #require(HTTPField.Name("Last-Event-ID"))
                var fields: HTTPFields = [:]
                fields[field] = last
                let headers = fields
                async let stream = plane.text(
                    "/api/v1/stream?topics=jobs", headers: headers, by: token)
                while plane.feed.readers < 1 { await Task.yield() }
                _ = try await plane.call(.delete, "/api/v1/tokens/\(name)")
                return try await stream
            }
            let start = plane.feed.latest
            let first = try await told("phone", after: nil)
            let last = String(first.dropFirst(4).prefix { $0.isNumber })
            #expect(first.hasPrefix("id: \(last)\n\n") && !first.contains("data:"), "\(first)")
            #expect(UInt64(last).map { $0 >= start } == true)
            _ = await plane.submit("j1")
            let second = try await told("laptop", after: last)
            #expect(second.hasPrefix("id: \(last)\n\n"))
            #expect(second.contains("event: job.state"), "\(second)")
        }
    }

    @Test("Who has a tenth of the room is refused alone")
    func share() async throws {
        try await Plane.with(readers: 20) { plane, _ in
            try await plane.connect("agx-01")
            let ready = WorkerReport(id: "sdxl-api", phase: .ready)
            plane.loop.post(
                .message("agx-01", SessionID(1), .report(sequence: 1, .worker(ready))))
            _ = await plane.submit("j1")
            let alice = try await plane.token("alice", #","role":"submitter""#)
            let bob = try await plane.token("bob", #","role":"submitter""#)
            let held = [try plane.feed.follow("alice"), try plane.feed.follow("alice")]
            for path in ["stream", "jobs/j1?wait=1", "jobs/j1/logs?follow=true"] {
                let answer = try await plane.answer(.get, "/api/v1/\(path)", by: .https(alice))
                #expect(Self.isRefused(answer, .tooManyRequests), "\(path): \(answer.json)")
            }
            let headers = try Self.wait(0)
            for (path, body) in Self.bodies {
                let (status, json) = try await plane.call(
                    .post, "/api/v1/\(path)", body, headers: headers, by: .https(alice))
                #expect(status == .accepted, "\(json)")
            }
            for door in [Plane.Door.https(bob), .socket] {
                let (status, json) = try await plane.call(
                    .get, "/api/v1/jobs/j1?wait=0", by: door)
                #expect(status == .ok, "\(json)")
            }
            withExtendedLifetime(held) {}
        }
    }
}
