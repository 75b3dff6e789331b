import Foundation
import Testing

@testable import Commands

@Suite struct DoctorCommandTests {
    private static func answer(_ items: String, at: String? = nil) -> StubAnswer {
        let now = at ?? FakeTime.noon.formatted(.iso8601)
        return .json(#"{"at":"\#(now)","next":null,"items":[\#(items)]}"#)
    }

    private static let good = #"{"name":"disk","status":"ok","message":"9 GB are free"}"#
    private static let odd =
        #"{"name":"node","subject":"agx-02","status":"warning","message":"suspect: silent","action":"is it on?"}"#
    private static let bad =
        #"{"name":"store","status":"failed","message":"Redis does not answer","action":"look at the disk"}"#

    private func doctor(
        _ words: [String], _ items: [String], at: String? = nil,
        check: @Sendable (Ran) -> Void
    ) async throws {
        let joined = items.joined(separator: ",")
        let routes: [String: @Sendable (StubRequest) async -> StubAnswer] = [
            "GET /diagnosis": { _ in Self.answer(joined, at: at) }
        ]
        try await jctl(["doctor"] + words, routes: routes) { ran, _ in check(ran) }
    }

    @Test func whatIsWrongIsShownWithWhatToDo() async throws {
        try await doctor([], [Self.good, Self.odd, Self.bad]) { ran in
            #expect(ran.code == 1)
            #expect(ran.out.contains("agx-02") && ran.out.contains("Redis does not answer"))
            #expect(!ran.out.contains("9 GB"))
            #expect(ran.err.contains("node agx-02: is it on?"))
            #expect(ran.err.contains("store: look at the disk"))
            #expect(ran.err.contains("a check has failed: store"))
        }
    }

    @Test func warningsAreNoFailure() async throws {
        try await doctor(["--all"], [Self.good, Self.odd]) { ran in
            #expect(ran.code == 0)
            #expect(ran.out.contains("9 GB"))
        }
    }

    @Test func aClockThatIsOffIsSeen() async throws {
        try await doctor(["-o", "json"], [Self.good], at: "2001-01-01T00:00:00Z") { ran in
            #expect(ran.code == 0)
            #expect(ran.out.contains("\"clock\"") && ran.out.contains("\"here\""))
        }
    }
}
