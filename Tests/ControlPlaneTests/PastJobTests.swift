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
}
