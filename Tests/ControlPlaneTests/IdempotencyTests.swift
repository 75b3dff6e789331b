import FleetCore
import Foundation
import HTTPTypes
import OrderedCollections
import RedisStore
import Testing

@testable import ControlPlane

@Suite("Idempotency keys", .serialized)
struct IdempotencyTests {
    /// A way to ask for work, with two bodies.
    struct Way: Sendable {
        let path: String
        let body: String
        let other: String
    }

    static let ways = [
        Way(
            path: "jobs", body: #"{"kind":"image","input":{"prompt":"x"}}"#,
            other: #"{"kind":"image","input":{"prompt":"y"}}"#),
        Way(
            path: "requests", body: #"{"text":"Generate an image of a sunset"}"#,
            other: #"{"text":"Generate an image of a sunset","session":"s"}"#),
        Way(
            path: "plans", body: #"{"steps":[{"name":"a","kind":"image"}]}"#,
            other: #"{"steps":[{"name":"b","kind":"image"}]}"#),
    ]

    struct Answer: Sendable {
        let status: HTTPResponse.Status
        let id: String?
        let code: String?
    }

    private func post(
        _ plane: Plane, _ path: String, _ body: String, by door: Plane.Door = .socket
    ) async throws -> Answer {
        let key = try #require(HTTPField.Name("Idempotency-Key"))
        let (status, json) = try await plane.call(
            .post, "/api/v1/\(path)", body, headers: [key: "k"], by: door)
        return Answer(
            status: status, id: Plane.text(json["job"]?["id"] ?? json["id"]),
            code: Plane.text(json["error"]?["code"]))
    }

    @Test("The same key gives the same work, and refuses any other", arguments: ways)
    func repeated(_ way: Way) async throws {
        try await Plane.with { plane, _ in
            let first = try await post(plane, way.path, way.body)
            #expect(first.status == .accepted)
            let second = try await post(plane, way.path, way.body)
            #expect(second.status == .accepted)
            #expect(second.id != nil && second.id == first.id)
            let other = try await post(plane, way.path, way.other)
            #expect(other.status == .unprocessableContent)
            #expect(other.code == "idempotency_mismatch")
        }
    }

    @Test("A key outlives its work in the controller's memory, for a day", arguments: ways)
    func remembered(_ way: Way) async throws {
        var policy = ControllerPolicy()
        policy.historyLimit = 0
        policy.planHistoryLimit = 0
        try await Plane.with(policy: policy) { plane, _ in
            let first = try await post(plane, way.path, way.body)
            let id = try #require(first.id)
            let kind = way.path == "plans" ? "plan" : "job"
            _ = try await plane.call(.post, "/api/v1/\(kind)s/\(id)/cancel")
            let isGone = await plane.loop.read { controller, _ in
                controller.jobs.isEmpty && controller.plan(PlanID(id)) == nil
            }
            #expect(isGone)
            let second = try await post(plane, way.path, way.body)
            #expect(second.status == .accepted)
            #expect(second.id == id)
            let other = try await post(plane, way.path, way.other)
            #expect(other.status == .unprocessableContent)
            #expect(other.code == "idempotency_mismatch")
            // Another submitter has another key.
            let alice = try await plane.token("alice")
            let hers = try await post(plane, way.path, way.body, by: .https(alice))
            #expect(hers.status == .accepted)
            #expect(hers.id != id)
            let reply = try await plane.store.store.client.read(
                RedisCommand("TTL", .text("jessica:{0}:key:\(kind):local k")))
            #expect((86_000...86_400).contains(reply.integer ?? 0))
        }
    }

    @Test("Of two that come at once, one is told to come again", arguments: ways)
    func atOnce(_ way: Way) async throws {
        try await Plane.with { plane, redis in
            let pid = try redis.pid()
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group -> [Answer?] in
                for _ in 1...2 {
                    group.addTask { try await post(plane, way.path, way.body) }
                }
                // The other one waits for the store.
                let early = try await group.next()
                kill(pid, SIGCONT)
                return [early, try await group.next()]
            }
            let (early, first) = (answers[0], answers[1])
            #expect(early?.status == .conflict)
            #expect(early?.code == "in_flight")
            #expect(first?.status == .accepted)
            let again = try await post(plane, way.path, way.body)
            #expect(again.status == .accepted)
            #expect(again.id == first?.id)
        }
    }

    @Test("A key is held until its request is answered, also with a failure")
    func held() async throws {
        struct Failed: Error {}
        let keys = OpenKeys()
        var job = JobRequest(kind: .image, idempotencyKey: "k")
        let key = RequestKey(job)
        job.submitter = "alice"
        let hers = RequestKey(job)
        func failing() async throws {
            try await keys.hold(key) {
                let error = await #expect(throws: APIError.self) { try await keys.hold(key) {} }
                #expect(error?.code == "in_flight" && error?.retryAfter == 1)
                // Neither another submitter nor who has no key is concerned.
                try await keys.hold(hers) {}
                try await keys.hold(nil) { try await keys.hold(nil) {} }
                throw Failed()
            }
        }
        await #expect(throws: Failed.self) { try await failing() }
        try await keys.hold(key) {}
    }
}
