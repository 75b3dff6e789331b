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

    @Test(
        "What the machine lets go of while a repeat is on its way is not made again",
        arguments: ways)
    func letGo(_ way: Way) async throws {
        var policy = ControllerPolicy()
        policy.historyLimit = 0
        policy.planHistoryLimit = 0
        try await Plane.with(policy: policy) { plane, redis in
            let id = try #require(try await post(plane, way.path, way.body).id)
            let pid = try redis.pid()
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            // While this one is on its way to the store, every answer waits.
            async let other = plane.submit("other")
            try await until { plane.loop.health.committingSince != nil }
            let steps = plane.loop.health.steps
            async let repeated = post(plane, way.path, way.body)
            try await until { plane.loop.health.steps > steps }
            async let cancelled = plane.loop.ask {
                way.path == "plans" ? .cancelPlan($0, PlanID(id)) : .cancel($0, JobID(id))
            }
            try await until { plane.loop.health.steps > steps + 1 }
            kill(pid, SIGCONT)
            let second = try await repeated
            #expect(second.status == .accepted && second.id == id, "\(second)")
            let outcomes = (await other, await cancelled)
            #expect(outcomes.0 == .accepted("other", replayed: false) && outcomes.1 == .done)
            let left = await plane.loop.read { controller, _ in controller.jobs.keys.sorted() }
            #expect(left == ["other"])
            let third = try await post(plane, way.path, way.body)
            #expect(third.id == id)
        }
    }

    /// Lets the others go on until something is so.
    private func until(_ isSo: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while !isSo() {
            try #require(ContinuousClock.now < end)
            await Task.yield()
        }
    }

    @Test(
        "A sentence that comes again is answered as it was understood first",
        arguments: [0, 10_000])
    func understoodOnce(historyLimit: Int) async throws {
        var policy = ControllerPolicy()
        policy.historyLimit = historyLimit
        try await Plane.with(policy: policy) { plane, _ in
            let way = Self.ways[1]
            let key = try #require(HTTPField.Name("Idempotency-Key"))
            func ask(_ text: String) async throws -> (HTTPResponse.Status, JSONValue) {
                try await plane.call(
                    .post, "/api/v1/\(way.path)", way.body, headers: [key: text])
            }
            let (_, first) = try await ask("k")
            let id = try #require(Plane.text(first["job"]?["id"]))
            #expect(Plane.text(first["understood"]?["why"])?.contains("cluster vision") == true)
            _ = try await plane.call(.post, "/api/v1/jobs/\(id)/cancel")
            let isKept = await plane.loop.read { controller, _ in !controller.jobs.isEmpty }
            #expect(isKept == (historyLimit > 0))
            // Nobody does such work any more.
            var fleet = Plane.fleet
            fleet.clusters[0].kinds = [.video]
            #expect(await plane.loop.apply(fleet, source: "fleet: test\n") == .done)
            let (refused, _) = try await ask("another")
            #expect(refused == .unprocessableContent)
            let (status, again) = try await ask("k")
            #expect(status == .accepted)
            #expect(again["job"]?["id"] == .string(id))
            #expect(again["understood"] == first["understood"])
        }
    }

    @Test("The same file under the same key has the same id and a new address, for a day")
    func uploads() async throws {
        try await Plane.with { plane, _ in
            let key = try #require(HTTPField.Name("Idempotency-Key"))
            func announce(
                _ size: Int, under text: String? = "k:image", by door: Plane.Door = .socket
            ) async throws -> (HTTPResponse.Status, JSONValue) {
                var headers = HTTPFields()
                headers[key] = text
                return try await plane.call(
                    .post, "/api/v1/uploads",
                    #"{"name":"a.txt","contentType":"text/plain","size":\#(size)}"#,
                    headers: headers, by: door)
            }
            let (status, first) = try await announce(5)
            let id = try #require(Plane.text(first["id"]))
            #expect(status == .created)
            // Also once it was put.
            let url = try #require(Plane.text(first["url"])?.split(separator: "localhost").last)
            let put = try await plane.call(
                .put, String(url), "bytes",
                headers: [.contentLength: "5", .contentType: "text/plain"], by: .https(nil)
            ).0
            #expect(put == .ok)
            let (again, second) = try await announce(5)
            #expect(again == .created)
            #expect(Plane.text(second["id"]) == id)
            #expect(Plane.text(second["url"])?.contains("/\(id)/a.txt?") == true)
            // So a job with it can be asked for again.
            let job = #"{"kind":"image","input":{"image":{"$upload":"\#(id)"}}}"#
            let jobs = [
                try await post(plane, "jobs", job).id, try await post(plane, "jobs", job).id,
            ]
            #expect(jobs[0] != nil && jobs[0] == jobs[1])

            let (refused, why) = try await announce(6)
            #expect(refused == .unprocessableContent)
            #expect(why["error"]?["code"] == .string("idempotency_mismatch"))
            let alice = try await plane.token("alice")
            let others = [
                try await announce(5, under: "k:mask").1, try await announce(5, under: nil).1,
                try await announce(5, by: .https(alice)).1,
            ].compactMap { Plane.text($0["id"]) }
            #expect(Set(others + [id]).count == 4)
            let reply = try await plane.store.store.client.read(
                RedisCommand("TTL", .text("jessica:{0}:key:upload:local k:image")))
            #expect((86_000...86_400).contains(reply.integer ?? 0))
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
