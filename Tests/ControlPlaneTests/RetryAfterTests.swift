import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import JobCatalogue
import OrderedCollections
import RedisStore
import Testing

@testable import ControlPlane

/// Who is refused for now is told when to come back.
@Suite("When to come back", .serialized)
struct RetryAfterTests {
    private static let job = #"{"kind":"image"}"#
    private static let plan = #"{"steps":[{"name":"a","kind":"image"}]}"#

    /// Submits a job that is accepted, and then one and a plan that are not.
    private static func refusals(_ plane: Plane) async throws -> [Plane.Answer] {
        let first = try await plane.answer(.post, "/api/v1/jobs", job)
        #expect(first.status == .accepted)
        #expect(first.headers[.retryAfter] == nil)
        return [
            try await plane.answer(.post, "/api/v1/jobs", job),
            try await plane.answer(.post, "/api/v1/plans", plan),
        ]
    }

    private static func refusals(_ limit: LimitSpec) async throws -> [Plane.Answer] {
        var fleet = Plane.fleet
        fleet.limits = [limit]
        return try await Plane.with(fleet: fleet) { plane, _ in try await refusals(plane) }
    }

    @Test("Too often")
    func rateLimited() async throws {
        let limit = LimitSpec(
            subject: .everySubmitter, rate: .init(count: 1, per: .seconds(3_600)))
        for answer in try await Self.refusals(limit) {
            #expect(answer.status == .tooManyRequests)
            #expect(answer.code == "rate_limited")
            let wait = try #require(answer.headers[.retryAfter].flatMap { Int($0) })
            #expect((1...3_600).contains(wait))
            #expect(wait > 1_800)
        }
    }

    @Test("Too many open")
    func tooManyOpen() async throws {
        for answer in try await Self.refusals(LimitSpec(subject: .everySubmitter, maxOpen: 1)) {
            #expect(answer.status == .tooManyRequests)
            #expect(answer.code == "too_many_open")
            #expect(answer.headers[.retryAfter] == "5")
        }
    }

    @Test("Too many waiting")
    func queueFull() async throws {
        var policy = ControllerPolicy()
        policy.queueLimit = 1
        let answers = try await Plane.with(policy: policy) { plane, _ in
            try await Self.refusals(plane)
        }
        for answer in answers {
            #expect(answer.status == .serviceUnavailable)
            #expect(answer.code == "queue_full")
            #expect(answer.headers[.retryAfter] == "5")
        }
    }

    @Test("No store")
    func storeUnavailable() async throws {
        try await Plane.with { plane, _ in
            plane.store.store.client.close()
            // Something to store, so that the loop finds out.
            plane.loop.post(.submit(FleetCore.RequestID(.max), "lost", JobRequest(kind: .image)))
            while plane.loop.health.isHealthy { await Task.yield() }
            for (path, body) in [("jobs", Self.job), ("plans", Self.plan)] {
                let answer = try await plane.answer(.post, "/api/v1/\(path)", body)
                #expect(answer.status == .serviceUnavailable)
                #expect(answer.code == "store_unavailable")
                #expect(answer.headers[.retryAfter] == "2")
            }
        }
    }
}
