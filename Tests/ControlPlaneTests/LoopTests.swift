import ControlPlane
import FleetCore
import Foundation
import OrderedCollections
import RedisStore
import Synchronization
import Testing

@Suite("The control loop on a real Redis", .serialized)
struct LoopTests {
    @Test("An accepted job is in Redis, readable by hand, when the answer comes")
    func acceptedMeansStored() async throws {
        try await Plane.with { plane, _ in
            #expect(await plane.submit("job-1") == .accepted("job-1", replayed: false))
            let replies = try await plane.store.store.client.read([
                RedisCommand("GET", "jessica:{0}:j:job-1"),
                RedisCommand("ZRANGE", "jessica:{0}:queue:vision", 0, -1),
                RedisCommand("SISMEMBER", "jessica:{0}:active", "job-1"),
            ])
            #expect(replies[0].text?.contains(#""id":"job-1""#) == true)
            #expect(replies[1].array?.first?.text == "job-1")
            #expect(replies[2].integer == 1)
        }
    }

    @Test("A new controller takes up jobs, fleet, events and clock of the one before")
    func restart() async throws {
        let directory = NSTemporaryDirectory() + "jessica-plane-\(UInt32.random(in: .min ... .max))"
        let before = try await Plane.with(directory: directory) { plane, _ in
            _ = await plane.submit("job-1")
            _ = await plane.submit("job-2", JobRequest(kind: .image, priority: 5))
            _ = await plane.loop.ask { .cancel($0, "job-1") }
            return plane.loop.clock.now
        }
        try await Plane.with(directory: directory) { plane, _ in
            #expect(plane.loop.term == 2)
            #expect(plane.loop.clock.now > before)
            let states = await plane.loop.read { controller, _ in
                ["job-1", "job-2"].map { controller.jobs[JobID($0)]?.state }
            }
            #expect(states == [.cancelled, .queued])
            let fleet = await plane.loop.read { controller, _ in controller.fleet }
            #expect(fleet == Plane.fleet)
            let events = try await plane.store.events(after: 0, limit: 100)
            #expect(events.map(\.sequence) == Array(1...UInt64(events.count)))
            #expect(events.contains { $0.job == "job-1" && $0.to == "cancelled" })
            let second = try await plane.store.events(after: 1, limit: 1)
            #expect(second.map(\.sequence) == [2])
        }
    }

    @Test("With Redis killed nothing is accepted, and nothing accepted is lost")
    func storeGone() async throws {
        try await Plane.with { plane, redis in
            #expect(await plane.submit("job-1") == .accepted("job-1", replayed: false))
            kill(try redis.pid(), SIGKILL)
            // Asked while it is away: either refused as unknown, or stored by the repeat.
            let during = await plane.submit("job-2")
            #expect(during == nil || during == .accepted("job-2", replayed: false))
            while await plane.submit("job-3") == nil {}
            let stored = try await plane.store.load(history: 10).snapshot.jobs.map(\.id)
            #expect(stored.contains("job-1"))
            #expect(stored.contains("job-3"))
        }
    }

    @Test("A fleet applied while the store is away is stored with its text when it is back")
    func appliedMeanwhile() async throws {
        try await Plane.with { plane, redis in
            kill(try redis.pid(), SIGSTOP)
            defer { if let pid = try? redis.pid() { kill(pid, SIGCONT) } }
            // One batch is on its way, and the fleet waits for the next.
            async let submitted = plane.submit("job-1")
            while plane.loop.health.committingSince == nil { await Task.yield() }
            var fleet = Plane.fleet
            fleet.clusters[0].nodes = ["agx-01"]
            async let applied = plane.loop.apply(fleet, source: "fleet: second\n")
            // Not only slow: given up once, so that the batch is stored again.
            while plane.loop.health.error?.hasPrefix("a commit takes") != false {
                try await Task.sleep(for: .milliseconds(20))
            }
            kill(try redis.pid(), SIGCONT)
            #expect(await submitted == .accepted("job-1", replayed: false))
            #expect(await applied == .done)
            let history = try await plane.store.fleetHistory(limit: 10)
            #expect(history.map(\.source) == ["fleet: second\n", "fleet: test\n"])
            #expect(history.map(\.revision) == [2, 1])
        }
    }

    @Test("A deposed controller writes nothing and ends")
    func deposed() async throws {
        let error = await #expect(throws: RedisStoreError.self) {
            try await Plane.with { plane, _ in
                _ = try await plane.store.store.bumpTerm(owner: "other", version: "0")
                _ = await plane.submit("late")
                // Until the loop's error ends all.
                try await Task.sleep(for: .seconds(60))
            }
        }
        #expect(error?.code == .fenced)
    }

    @Test("One that nobody asks for anything finds out by itself that it is deposed")
    func deposedWhileIdle() async throws {
        let leadWithin = Duration.seconds(2)
        let deposedAt = Mutex<ContinuousClock.Instant?>(nil)
        let error = await #expect(throws: RedisStoreError.self) {
            try await Plane.with(leadWithin: leadWithin) { plane, _ in
                _ = try await plane.store.store.bumpTerm(owner: "other", version: "0")
                deposedAt.withLock { $0 = .now }
                try await Task.sleep(for: .seconds(30))
            }
        }
        #expect(error?.code == .fenced)
        let since = try #require(deposedAt.withLock { $0 })
        // The proof is due after a quarter; the rest is one commit on a busy machine.
        #expect(ContinuousClock.now - since < leadWithin / 4 + .seconds(1))
    }

    @Test("An idle loop that nobody can depose writes nothing")
    func idleWritesNothing() async throws {
        try await Plane.with { plane, _ in
            let before = plane.loop.health.commits
            try await Task.sleep(for: .seconds(1))
            #expect(plane.loop.health.commits == before)
        }
        try await Plane.with(leadWithin: .milliseconds(400)) { plane, _ in
            let before = plane.loop.health.commits
            while plane.loop.health.commits < before + 3 {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test("With leadership unproven no lease is renewed, and again when it is proven")
    func leasesNeedProof() async throws {
        let leadWithin = Duration.seconds(1)
        try await Plane.with(leadWithin: leadWithin) { plane, redis in
            try await plane.connect("agx-01")
            let pid = try redis.pid()
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            // Whatever was proven before the stop is too old after this.
            try await Task.sleep(for: leadWithin + .milliseconds(100))
            plane.loop.post(.message("agx-01", SessionID(1), .heartbeat(sequence: 7)))
            // Reads are handed out while the store is away, and in order.
            _ = await plane.loop.read { _, _ in }
            #expect(!plane.sent.renewals.contains(7))
            kill(pid, SIGCONT)
            let deadline = ContinuousClock.now + .seconds(10)
            var sequence = UInt64(8)
            while plane.sent.renewals.isEmpty {
                try #require(ContinuousClock.now < deadline, "no renewal came")
                plane.loop.post(.message("agx-01", SessionID(1), .heartbeat(sequence: sequence)))
                sequence += 1
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(!plane.sent.renewals.contains(7))
        }
    }

    @Test("Heartbeats are answered while the store does not answer")
    func heartbeatsDoNotWait() async throws {
        try await Plane.with { plane, redis in
            try await plane.connect("agx-01")
            let pid = try redis.pid()
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            plane.loop.post(.message("agx-01", SessionID(1), .heartbeat(sequence: 7)))
            let deadline = ContinuousClock.now + .seconds(5)
            while !plane.sent.renewals.contains(7) {
                try #require(ContinuousClock.now < deadline, "no renewal came")
                await Task.yield()
            }
        }
    }

    @Test(
        "Work beyond what one batch takes is refused while the store is slow, and the rest is stored"
    )
    func muchAtOnce() async throws {
        // A control character is six times as long where it is stored: two such jobs fill a batch.
        let word = String(repeating: "\u{1}", count: 16 << 10)
        let request = JobRequest(kind: .custom, image: "jessica/base:latest", command: [word])
        try await Plane.with(fullWeight: 150 << 10) { plane, redis in
            let pid = try redis.pid()
            kill(pid, SIGSTOP)
            defer { kill(pid, SIGCONT) }
            let accepted = await withTaskGroup(of: (JobID, Reply?).self) { group in
                for number in 0..<8 {
                    let id = JobID("job-\(number)")
                    group.addTask { (id, await plane.submit(id, request)) }
                }
                var accepted: [JobID] = []
                for await (id, reply) in group {
                    switch reply {
                    case .accepted?: accepted.append(id)
                    case .refused(let refusal)?:
                        #expect(refusal.code == .queueFull)
                        kill(pid, SIGCONT)
                    default: Issue.record("no answer for \(id)")
                    }
                }
                return accepted
            }
            #expect((1..<8).contains(accepted.count))
            #expect(await plane.submit("late") == .accepted("late", replayed: false))
            let stored = Set(try await plane.store.load(history: 10).snapshot.jobs.map(\.id))
            #expect(stored == Set(accepted + ["late"]))
        }
    }
}
