import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import JobCatalogue
import OrderedCollections
import RedisStore
import Testing

@testable import ControlPlane

/// Jobs that ended so long ago that only the record has them.
@Suite("Jobs that left memory", .serialized)
struct PastJobTests {
    private static func id(_ plane: Plane) -> JobID {
        plane.api.mint.mint(at: plane.loop.clock.now)
    }

    @Test("One that has succeeded can be waited for, by a job or a step of a plan")
    func waitedFor() async throws {
        try await Plane.with { plane, _ in
            let id = Self.id(plane)
            try await plane.past(id)
            for body in [
                #"{"kind":"image","after":["\#(id)"]}"#,
                #"{"kind":"image","input":{"image":{"$from":"\#(id).image"}}}"#,
            ] {
                let (status, job) = try await plane.call(.post, "/api/v1/jobs", body)
                #expect(status == .accepted, "\(job)")
                #expect(job["after"] == .array([.string(id.rawValue)]))
            }
            let step = #"{"name":"a","kind":"image","after":["\#(id)"]}"#
            let (status, plan) = try await plane.call(
                .post, "/api/v1/plans", #"{"steps":[\#(step)]}"#)
            #expect(status == .accepted, "\(plan)")
        }
    }

    @Test("One that has failed, or is nowhere, cannot be waited for")
    func notWaitedFor() async throws {
        try await Plane.with { plane, _ in
            let (failed, none) = (Self.id(plane), Self.id(plane))
            try await plane.past(failed, .failed)
            for (id, expected) in [
                (failed, HTTPResponse.Status.conflict), (none, HTTPResponse.Status.notFound),
            ] {
                let job = #"{"kind":"image","after":["\#(id)"]}"#
                let (status, _) = try await plane.call(.post, "/api/v1/jobs", job)
                #expect(status == expected)
                let step = #"{"name":"a","kind":"image","after":["\#(id)"]}"#
                let (refused, _) = try await plane.call(
                    .post, "/api/v1/plans", #"{"steps":[\#(step)]}"#)
                #expect(refused == expected)
            }
        }
    }

    @Test("It is cancelled as one in memory that has ended")
    func cancelled() async throws {
        try await Plane.with { plane, _ in
            let (done, stopped) = (Self.id(plane), Self.id(plane))
            try await plane.past(done)
            try await plane.past(stopped, .cancelled)
            let alice = try await plane.token("alice", #","role":"submitter""#)
            let own = Self.id(plane)
            try await plane.past(own, of: "alice")
            let calls: [(HTTPRequest.Method, String, HTTPResponse.Status)] = [
                (.post, "\(done)/cancel", .conflict), (.delete, "\(done)", .conflict),
                (.post, "\(stopped)/cancel", .accepted),
                (.post, "\(Self.id(plane))/cancel", .notFound),
            ]
            for (method, path, expected) in calls {
                let (status, json) = try await plane.call(method, "/api/v1/jobs/\(path)")
                #expect(status == expected, "\(path): \(json)")
            }
            let (status, json) = try await plane.call(
                .post, "/api/v1/jobs/\(own)/cancel", by: .https(alice))
            #expect(status == .conflict)
            #expect(
                json["error"]?["message"] == .string("job \(own) has succeeded already"))
        }
    }

    @Test("With the store away nobody says that there is no such job")
    func storeAway() async throws {
        try await Plane.with { plane, _ in
            let alice = try await plane.token("alice", #","role":"submitter""#)
            let id = Self.id(plane)
            try await plane.past(id, of: "alice")
            plane.store.store.client.close()
            for part in ["", "/logs", "/outputs", "/outputs/a.png", "/events"] {
                let answer = try await plane.answer(.get, "/api/v1/jobs/\(id)\(part)")
                #expect(answer.status == .serviceUnavailable, "\(part)")
                #expect(answer.code == "store_unavailable", "\(part)")
                #expect(answer.headers[.retryAfter] == "2", "\(part)")
            }
            let plan = try await plane.answer(.get, "/api/v1/plans/\(id)")
            #expect(plan.code == "store_unavailable")
            for action in ["cancel", "retry"] {
                let answer = try await plane.answer(
                    .post, "/api/v1/jobs/\(id)/\(action)", by: .https(alice))
                #expect(answer.code == "store_unavailable", "\(action)")
            }
            let body = #"{"kind":"image","after":["\#(id)"]}"#
            let waiting = try await plane.answer(.post, "/api/v1/jobs", body)
            #expect(waiting.code == "store_unavailable")
            let history = try await plane.answer(.get, "/api/v1/fleet/history")
            #expect(history.code == "store_unavailable")
        }
    }

    @Test("With the store away no event is left out")
    func eventsAway() async throws {
        // Nothing has happened, so no event is at hand.
        try await Plane.with(fleet: nil) { plane, _ in
            let there = try await plane.answer(.get, "/api/v1/events?after=5")
            #expect(there.status == .ok)
            plane.store.store.client.close()
            let away = try await plane.answer(.get, "/api/v1/events?after=5")
            #expect(away.status == .serviceUnavailable)
            #expect(away.code == "store_unavailable")
        }
    }

    @Test("Its events are looked for from when it was submitted, however much happened before")
    func events() async throws {
        try await Plane.with(fleet: nil) { plane, _ in
            let job = try await plane.past(Self.id(plane))
            func write(_ numbers: ClosedRange<UInt64>, of id: JobID, at: Instant) async throws {
                var change = FleetChange(
                    counters: await plane.loop.read { controller, _ in controller.counters },
                    clock: plane.loop.clock.now)
                change.events = numbers.map {
                    FleetEvent(sequence: $0, at: at, kind: .job, job: id)
                }
                try await plane.store.commit(
                    try plane.store.seal(change, term: plane.loop.term))
            }
            // More than one answer looks through, and none of it at hand.
            for first in stride(from: UInt64(1), to: 60_000, by: 10_000) {
                let before = job.submittedAt - .seconds(1)
                try await write(first...first + 9_999, of: "other", at: before)
            }
            try await write(60_001...60_002, of: job.id, at: job.submittedAt)
            let later = FleetEvent(
                sequence: 60_003, at: job.submittedAt + .seconds(1), kind: .job, job: "other")
            plane.feed.publish([later])
            let path = "/api/v1/jobs/\(job.id)/events"
            let (status, all) = try await plane.call(.get, path)
            #expect(status == .ok, "\(all)")
            #expect(all["items"]?[0]?["seq"] == .int(60_001))
            #expect(all["items"]?[1]?["seq"] == .int(60_002))
            #expect(all["items"]?[2] == nil && Plane.text(all["next"]) == nil)
            let (_, first) = try await plane.call(.get, path + "?limit=1")
            #expect(first["items"]?[0]?["seq"] == .int(60_001) && first["items"]?[1] == nil)
            #expect(Plane.text(first["next"]) == "60001")
            let (_, second) = try await plane.call(.get, path + "?limit=1&cursor=60001")
            #expect(second["items"]?[0]?["seq"] == .int(60_002))
        }
    }
}
