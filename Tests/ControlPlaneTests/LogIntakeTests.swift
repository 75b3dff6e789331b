import FleetCore
import Testing

@testable import ControlPlane

@Suite("Logs that a node sends")
struct LogIntakeTests {
    private static func attempt(_ number: Int, on node: NodeName, _ plane: Plane) -> Attempt {
        Attempt(
            number: number, node: node, worker: nil, roamer: false, hedge: false,
            assignedAt: plane.loop.clock.now)
    }

    private static func intake(_ node: NodeName, _ plane: Plane) -> LogIntake {
        let api = plane.api
        let service = LinkService(
            loop: plane.loop, sessions: api.sessions, record: plane.store, logs: api.logs,
            uploads: UploadDesk(loop: plane.loop, objects: api.objects),
            inputs: InputDesk(loop: plane.loop, store: plane.store, inputs: api.inputs),
            counters: api.counters, logger: api.logger)
        return LogIntake(service, node: node, session: api.sessions.newSession())
    }

    private static func chunk(_ job: JobID, _ number: Int = 1) -> LogChunk {
        var text: [UInt8] = []
        LogText.append(Array("late\n".utf8), from: .stdout, at: 1, to: &text)
        return LogChunk(key: AttemptKey(job: job, number: number), offset: 0, text: text)
    }

    @Test("What comes of the log of a job that left memory is kept, from the node that it was on")
    func late() async throws {
        try await Plane.with { plane, _ in
            let now = plane.loop.clock.now
            let (own, foreign, none) = (
                plane.api.mint.mint(at: now), plane.api.mint.mint(at: now),
                plane.api.mint.mint(at: now)
            )
            try await plane.past(own, attempts: [Self.attempt(1, on: "agx-01", plane)])
            try await plane.past(foreign, attempts: [Self.attempt(1, on: "agx-02", plane)])
            let intake = Self.intake("agx-01", plane)
            for chunk in [
                Self.chunk(foreign), Self.chunk(none), Self.chunk(own), Self.chunk(own, 2),
            ] { try intake.add(chunk, bytes: 100) }
            intake.end()
            await intake.run()
            let kept = await plane.api.logs.local().map(\.key)
            #expect(kept == [AttemptKey(job: own, number: 1)])
        }
    }

    @Test("The record is asked once for an attempt, whatever it says")
    func once() async throws {
        try await Plane.with { plane, _ in
            let id = plane.api.mint.mint(at: plane.loop.clock.now)
            let (first, second) = (
                AttemptKey(job: id, number: 1), AttemptKey(job: id, number: 2)
            )
            try await plane.past(id, attempts: [Self.attempt(1, on: "agx-01", plane)])
            var rights = LogRights(node: "agx-01", loop: plane.loop, record: plane.store)
            var answers = [try await rights.mayWrite(first), try await rights.mayWrite(second)]
            #expect(answers == [true, false])
            try await plane.past(id, attempts: [Self.attempt(2, on: "agx-01", plane)])
            answers = [try await rights.mayWrite(first), try await rights.mayWrite(second)]
            #expect(answers == [true, false])
            var others = LogRights(node: "agx-01", loop: plane.loop, record: plane.store)
            answers = [try await others.mayWrite(first), try await others.mayWrite(second)]
            #expect(answers == [false, true])
        }
    }

    @Test("A node that sends more than it has credit for is refused")
    func credit() async throws {
        try await Plane.with { plane, _ in
            let intake = Self.intake("agx-01", plane)
            let chunk = Self.chunk("none")
            try intake.add(chunk, bytes: LinkService.logCredit)
            try intake.add(chunk, bytes: LinkService.frameMax)
            #expect(throws: (any Error).self) { try intake.add(chunk, bytes: 1) }
        }
    }
}
