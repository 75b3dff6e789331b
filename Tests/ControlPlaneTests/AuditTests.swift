import FleetCore
import Foundation
import HTTPTypes
import RedisStore
import Testing

@testable import ControlPlane

@Suite("Who did what", .serialized)
struct AuditTests {
    private func trail(_ plane: Plane, _ query: String = "") async throws -> [JSONValue] {
        let (status, page) = try await plane.call(.get, "/api/v1/audit\(query)")
        #expect(status == .ok, "\(page)")
        guard case .array(let items)? = page["items"] else { return [] }
        return items
    }

    @Test("What changes something is noted with who did it, and work that is asked for is not")
    func acts() async throws {
        try await Plane.with { plane, _ in
            let alice = try await plane.token("alice", #","role":"submitter""#)
            let (_, job) = try await plane.call(
                .post, "/api/v1/jobs", #"{"kind":"image"}"#, by: .https(alice))
            let id = Plane.text(job["id"]) ?? ""
            for job in [id, "none"] {
                _ = try await plane.call(.post, "/api/v1/jobs/\(job)/cancel", by: .https(alice))
            }
            let items = try await trail(plane)
            #expect(
                items.map { Plane.text($0["action"]) } == [
                    "POST /api/v1/jobs/none/cancel", "POST /api/v1/jobs/\(id)/cancel",
                    "POST /api/v1/tokens",
                ])
            #expect(items[1]["who"] == .string("alice") && items[1]["role"] == .string("submitter"))
            #expect(items[1]["status"] == .int(202) && items[1]["code"] == nil)
            #expect(items[0]["status"] == .int(404) && items[0]["code"] == .string("not_found"))
            #expect(items[2]["who"] == .string("local") && items[2]["from"] == .string("socket"))
            #expect(items.allSatisfy { Plane.text($0["requestId"])?.isEmpty == false })
            let own = try await trail(plane, "?who=alice")
            #expect(own.count == 2)
            #expect(try await trail(plane, "?since=2100-01-01T00:00:00Z").isEmpty)
        }
    }

    @Test("An action on many says how many and of which filter, one on a roamer for whom")
    func details() async throws {
        try await Plane.with { plane, _ in
            for _ in 1...2 {
                _ = try await plane.call(.post, "/api/v1/jobs", #"{"kind":"image"}"#)
            }
            for body in [
                #"{"filter":{"kind":["image"]},"dryRun":true}"#, #"{"filter":{"kind":["image"]}}"#,
            ] {
                _ = try await plane.call(.post, "/api/v1/jobs/cancel", body)
            }
            _ = try await plane.call(
                .post, "/api/v1/roamers/none/assign", #"{"cluster":"vision","mode":"manual"}"#)
            let details = try await trail(plane).map { Plane.text($0["detail"]) }
            #expect(
                details == [
                    #"{"cluster":"vision","mode":"manual"}"#, #"2 jobs of {"kind":["image"]}"#,
                    #"dry run, 2 jobs of {"kind":["image"]}"#,
                ])
        }
    }

    @Test("Who is refused is noted, but not without end, and not everybody may look")
    func refusals() async throws {
        try await Plane.with { plane, _ in
            let viewer = try await plane.token("grafana", #","role":"viewer""#)
            for _ in 1...30 {
                let status = try await plane.call(.get, "/api/v1/jobs", by: .https("wrong")).0
                #expect(status == .unauthorized)
            }
            // Slashes more are no way around it.
            for path in ["/api/v1/audit", "//api//v1/audit"] {
                let looked = try await plane.call(.get, path, by: .https(viewer)).0
                #expect(looked == .forbidden)
            }
            let items = try await trail(plane)
            let unknown = items.filter { $0["who"] == .string("-") }
            // An hour may have begun meanwhile.
            #expect((20...29).contains(unknown.count))
            #expect(unknown.first?["code"] == .string("unauthorized"))
            #expect(unknown.first?["role"] == nil)
            #expect(items.count { $0["who"] == .string("grafana") } == 2)
            for secret in ["wrong", viewer] { #expect(!"\(items)".contains("\"\(secret)\"")) }
        }
    }

    @Test("Pages go on where the last one ended, and what is old is let go")
    func pages() async throws {
        try await Plane.with { plane, _ in
            let now = plane.loop.clock.now
            func record(_ number: Int, at: Instant) -> AuditRecord {
                AuditRecord(
                    at: at, who: number % 2 == 0 ? "even" : "odd", role: "admin", from: "10.0.0.1",
                    action: "POST /\(number)", status: 202, request: "r")
            }
            try await plane.store.append((0..<25).map { record($0, at: now) })
            var seen: [String] = []
            var cursor: String?
            repeat {
                let place = cursor.map { "&cursor=\($0)" } ?? ""
                let (_, page) = try await plane.call(
                    .get, "/api/v1/audit?who=even&limit=5\(place)")
                guard case .array(let items)? = page["items"] else { break }
                seen += items.compactMap { Plane.text($0["action"]) }
                cursor = Plane.text(page["next"])
            } while cursor != nil && seen.count < 100
            #expect(seen == stride(from: 24, through: 0, by: -2).map { "POST /\($0)" })
            let wrong = try await plane.call(.get, "/api/v1/audit?cursor=x").0
            #expect(wrong == .badRequest)
            try await plane.store.append([record(99, at: now + .seconds(7_200))])
            #expect(try await plane.store.forgetAudit(before: now) == 0)
            #expect(try await plane.store.forgetAudit(before: now + .seconds(3_600)) == 25)
            #expect(try await trail(plane).map { Plane.text($0["action"]) } == ["POST /99"])
        }
    }
}
