import FleetCore
import Foundation
import NIOCore
import Testing

@testable import ControlPlane

@Suite("What changes too often for the record", .serialized)
struct LiveFeedTests {
    /// What a reader is told from now on, until something of a type comes that is as wanted.
    private func told(
        _ reader: EventReader, _ type: String, _ isWanted: (JSONValue) -> Bool = { _ in true }
    ) async throws -> JSONValue {
        while let item = await reader.next() {
            guard case .live(let frames) = item else { continue }
            for frame in frames {
                let text = String(buffer: frame)
                // It has no number: who comes back does not ask for it again.
                #expect(!text.contains("id:") && text.hasSuffix("\n\n"))
                guard text.hasPrefix("event: \(type)\ndata: ") else { continue }
                let json = text.split(separator: "data: ", maxSplits: 1).last ?? ""
                let value = try JSONValue(text: String(json))
                if isWanted(value) { return value }
            }
        }
        throw CancellationError()
    }

    private func follow(_ plane: Plane, _ topics: String) throws -> EventReader {
        let reader = try plane.feed.follow(.local)
        plane.api.live.follow(try Topics(topics), with: reader)
        return reader
    }

    private func say(_ plane: Plane, _ message: AgentMessage) {
        plane.loop.post(.message("agx-01", SessionID(1), message))
    }

    @Test("Who follows is told at once how nodes are, and then what changes")
    func telemetry() async throws {
        try await Plane.with { plane, _ in
            try await plane.connect("agx-01")
            let reader = try follow(plane, "telemetry")
            let first = try await told(reader, "node.telemetry") {
                $0["node"] == .string("agx-01")
            }
            #expect(first["telemetry"] == nil)
            say(plane, .telemetry(Telemetry(cpu: 0.5, memoryUsed: 7)))
            let sample = try await told(reader, "node.telemetry") { $0["telemetry"] != nil }
            #expect(sample["node"] == .string("agx-01"))
            #expect(sample["telemetry"]?["cpu"] == .int(50))
            #expect(sample["telemetry"]?["memoryUsed"] == .int(7))
            let pull = WorkerReport(
                id: "sdxl-api", phase: .pulling,
                progress: Progress(fraction: 0.25, text: "3 layers"))
            say(plane, .report(sequence: 1, .worker(pull)))
            let pulling = try await told(reader, "node.telemetry") { $0["starting"]?[0] != nil }
            #expect(pulling["starting"]?[0]?["state"] == .string("pulling"))
            #expect(pulling["starting"]?[0]?["progress"]?["fraction"] == .number(0.25))
        }
    }

    @Test("One job's way is told between its events: how far it is, and how it moves up")
    func progress() async throws {
        try await Plane.with { plane, _ in
            try await plane.connect("agx-01")
            let ready = WorkerReport(id: "sdxl-api", phase: .ready)
            say(plane, .report(sequence: 1, .worker(ready)))
            let ids: [JobID] = ["j1", "j2", "j3"]
            for id in ids { _ = await plane.submit(id) }
            let (runs, waits) = try (follow(plane, "job:j1"), follow(plane, "job:j3"))
            let queued = try await told(waits, "job.progress")
            #expect(queued["job"] == .string("j3") && queued["state"] == .string("queued"))
            #expect(queued["queuePosition"] == .int(1))
            let key = AttemptKey(job: "j1", number: 1)
            let step = AttemptReport(
                key: key, phase: .running, progress: Progress(fraction: 0.5, text: "step 15"))
            say(plane, .report(sequence: 2, .attempt(step)))
            let half = try await told(runs, "job.progress") { $0["progress"] != nil }
            #expect(half["job"] == .string("j1"))
            #expect(half["progress"]?["text"] == .string("step 15"))
            say(plane, .report(sequence: 3, .attempt(AttemptReport(key: key, phase: .succeeded))))
            let moved = try await told(waits, "job.progress") { $0["queuePosition"] == .int(0) }
            #expect(moved["job"] == .string("j3"))
        }
    }

    @Test("A slow reader finds the latest of each, once")
    func slow() async throws {
        try await Plane.with { plane, _ in
            try await plane.connect("agx-01")
            let reader = try follow(plane, "node:agx-01")
            for number in 1...5 {
                say(plane, .telemetry(Telemetry(memoryUsed: UInt64(number))))
                await plane.api.live.look()
            }
            let told = try await told(reader, "node.telemetry")
            #expect(told["telemetry"]?["memoryUsed"] == .int(5))
        }
    }

    @Test("An estimate that only comes nearer is no news, one that jumps is")
    func news() {
        var live = LiveValue.JobLive(
            id: "j", state: .queued, progress: nil, reason: "busy", position: 2, eta: 90)
        let before = LiveValue.job(live)
        live.eta = 88.5
        #expect(!LiveValue.job(live).isNews(after: before))
        live.eta = 80
        #expect(LiveValue.job(live).isNews(after: before))
        live.eta = 91
        #expect(LiveValue.job(live).isNews(after: before))
        live.eta = 90
        live.position = 1
        #expect(LiveValue.job(live).isNews(after: before))
    }

    @Test("A stream names so many jobs at most, and no topic that there is not")
    func topics() throws {
        let many = (0...100).map { "job:\($0)" }.joined(separator: ",")
        #expect(throws: APIError.self) { try Topics(many) }
        #expect(throws: APIError.self) { try Topics("telemetri") }
        let all = try Topics("all")
        #expect(!all.wantsLive)
        #expect(try Topics("node:a").wants(.node("a")))
        #expect(try !Topics("node:a").wants(.node("b")))
        #expect(try Topics("progress").wants(.job("x")))
    }

    @Test("Events of tokens and webhooks are for administrators")
    func hidden() throws {
        let viewer = Caller(submitter: "v", role: .viewer)
        for kind in FleetEvent.Kind.allCases {
            let event = FleetEvent(sequence: 1, at: .zero, kind: kind)
            let isHidden = kind == .token || kind == .webhook
            for topics in ["all", "tokens,webhooks,all"] {
                #expect(try Topics(topics).wants(event))
                #expect(try Topics(topics, for: viewer).wants(event) != isHidden, "\(kind)")
            }
        }
    }
}
