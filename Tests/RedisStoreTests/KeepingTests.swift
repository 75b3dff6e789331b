import FleetCore
import Testing

@testable import RedisStore

@Suite("How long history is kept")
struct KeepingTests {
    private static let start = Instant(nanoseconds: 1_795_903_458_154_623_161)

    /// An event of each second.
    private static func event(_ number: UInt64) -> FleetEvent {
        FleetEvent(
            sequence: number, at: start + .seconds(Int64(number)), kind: .job,
            job: JobID("01m8j302va19dtzp36mg\(100_000 + number)"), attempt: 1, node: "agx-01",
            from: "assigned", to: "running", lasted: .nanoseconds(1_234_567_891))
    }

    private static func write(
        _ numbers: ClosedRange<UInt64>, to store: FleetStore, term: UInt64,
        as event: (UInt64) -> FleetEvent = event
    ) async throws {
        for first in stride(from: numbers.lowerBound, through: numbers.upperBound, by: 1_000) {
            var change = FleetChange(counters: .init(), clock: .zero)
            change.events = (first...min(first + 999, numbers.upperBound)).map(event)
            try await store.commit(try store.seal(change, term: term))
        }
    }

    private static func with(
        eventMax: Int = FleetStore.usualEventMax,
        _ body: (FleetStore, UInt64, RedisFixture) async throws -> Void
    ) async throws {
        try await withRedis { fixture in
            let store = FleetStore(store: fixture.store, eventMax: eventMax)
            let term = try await store.store.bumpTerm(owner: "test", version: "0")
            try await body(store, term, fixture)
        }
    }

    @Test("Events go by their time, in pieces, and the latest stay")
    func events() async throws {
        try await Self.with { store, term, _ in
            #expect(try await store.eventSpan().map(\.count) == nil)
            #expect(try await store.forgetEvents(before: Self.start, sparing: 10) == 0)
            try await Self.write(1...1_000, to: store, term: term)
            func forget(_ second: Int64, sparing: Int = 10) async throws -> [Int] {
                var pieces: [Int] = []
                repeat {
                    pieces.append(
                        try await store.forgetEvents(
                            before: Self.start + .seconds(second), sparing: sparing))
                } while pieces.last == FleetStore.keepingChunk
                return pieces
            }
            #expect(try await forget(1) == [0])
            #expect(try await forget(501) == [200, 200, 100])
            #expect(try await store.events(after: 0, limit: 1).first == Self.event(501))
            // A new one of its time is not touched, and a number stays a number.
            #expect(try await forget(10_000) == [200, 200, 90])
            #expect(
                try await store.events(after: 0, limit: 20) == (991...1_000).map(Self.event))
            let span = try #require(try await store.eventSpan())
            #expect(span.count == 10 && span.since == Self.event(991).at)
        }
    }

    @Test("More events than may be are cut, whatever their age")
    func ceiling() async throws {
        try await Self.with(eventMax: 100) { store, term, _ in
            try await Self.write(1...2_000, to: store, term: term)
            let span = try #require(try await store.eventSpan())
            // Redis cuts whole pieces.
            #expect((100...300).contains(span.count))
            #expect(try await store.latestEvents(limit: 1) == [Self.event(2_000)])
        }
    }

    @Test("The first event of a time is found by a few looks, across a gap too")
    func lastBefore() async throws {
        try await Self.with { store, term, _ in
            #expect(try await store.lastEvent(before: Self.start) == 0)
            try await Self.write(5...400, to: store, term: term)
            try await Self.write(10_000_401...10_000_600, to: store, term: term)
            for number in [5, 6, 100, 399, 400, 10_000_402, 10_000_600] as [UInt64] {
                let at = Self.event(number).at
                #expect(try await store.lastEvent(before: at + .nanoseconds(1)) == number)
            }
            #expect(try await store.lastEvent(before: Self.event(5).at) == 0)
            #expect(try await store.lastEvent(before: Self.event(10_000_401).at) == 400)
            #expect(try await store.lastEvent(before: .distantFuture) == 10_000_600)
        }
    }

    /// One of the five events of a job.
    private static func part(_ number: UInt64) -> FleetEvent {
        let whole = event(number)
        let (state, part) = (["queued", "assigned", "provisioning", "running"], Int(number % 5))
        return FleetEvent(
            sequence: number, at: whole.at, kind: .job, job: whole.job,
            attempt: part > 0 ? 1 : nil, node: part > 0 ? whole.node : nil,
            from: part > 0 ? state[part - 1] : nil, to: part < 4 ? state[part] : "succeeded",
            reason: part == 1 ? "a free slot on agx-01" : nil,
            lasted: part > 0 ? whole.lasted : nil)
    }

    @Test("An event of a job's way takes about 100 bytes of Redis' memory")
    func memory() async throws {
        try await Self.with { store, term, fixture in
            func write(_ numbers: ClosedRange<UInt64>) async throws {
                try await Self.write(numbers, to: store, term: term, as: Self.part)
            }
            try await write(1...4_000)
            let before = try await fixture.usedMemory()
            try await write(4_001...24_000)
            #expect(try await store.events(after: 100, limit: 5) == (101...105).map(Self.part))
            let each = (try await fixture.usedMemory() - before) / 20_000
            #expect(each <= 110, "\(each) bytes each")
            print("event: \(each) bytes")
        }
    }

    private static func job(_ id: JobID, endedAt second: Int64, input: String = "{}") -> Job {
        var job = Job(
            id: id, request: JobRequest(kind: .image, input: input), queue: "vision",
            submittedAt: start)
        job.ending = .init(outcome: .failed, at: start + .seconds(second))
        return job
    }

    private static func write(
        _ jobs: [Job], to store: FleetStore, term: UInt64
    ) async throws {
        var change = FleetChange(counters: .init(), clock: .zero)
        change.jobs = jobs
        try await store.commit(try store.seal(change, term: term))
    }

    @Test("Past jobs go when their time is over, but not one that is tried again or just restored")
    func jobs() async throws {
        try await Self.with { store, term, fixture in
            try await Self.write(
                [
                    Self.job("old", endedAt: 10), Self.job("again", endedAt: 10),
                    Self.job("young", endedAt: 30),
                ], to: store, term: term)
            var again = Self.job("again", endedAt: 10)
            again.ending = nil
            again.retriedAt = Self.start + .seconds(20)
            try await Self.write([again], to: store, term: term)
            while try await store.foldEnded() > 0 {}
            let horizon = Self.start + .seconds(20)
            let mark = store.keys.restored
            _ = try await fixture.read("SET", mark, "1")
            #expect(try await store.forgetJobs(endedBefore: horizon) == 0)
            _ = try await fixture.read("DEL", mark)
            #expect(try await store.forgetJobs(endedBefore: horizon) == 1)
            let left = try await store.jobs(["old", "again", "young"]).map(\.id)
            #expect(Set(left) == ["again", "young"])
            #expect(try await store.endedJobs(since: 0) == ["young"])
            #expect(try await fixture.read("TTL", store.keys.job("young")).integer == -1)
        }
    }

    @Test("A long record is shortened once, and never over what was written meanwhile")
    func long() async throws {
        try await Self.with { store, term, fixture in
            var random = SeededGenerator(seed: 1)
            let text = (0..<500).map { _ in
                String(Int.random(in: 0..<36, using: &random), radix: 36)
            }.joined()
            let job = Self.job("long", endedAt: 1, input: #"{"prompt":"\#(text)"}"#)
            try await Self.write([job, Self.job("short", endedAt: 1)], to: store, term: term)
            let found = try await store.longRecords(limit: 10)
            #expect(found.map(\.job) == [job])
            let record = try #require(found.first)
            let shorter = job.holding(
                input: "{}",
                of: StoredInput(size: 513, digest: String(repeating: "0", count: 64)))
            #expect(try store.isShort(shorter) && !store.isShort(job))

            var again = job
            again.ending = nil
            try await Self.write([again], to: store, term: term)
            #expect(try await !store.shorten(record, to: shorter))
            #expect(try await store.job("long") == again)
            // It lives: nothing is to be shortened.
            let alive = try #require(try await store.longRecords(limit: 10).first)
            #expect(try await store.shorten(alive, to: nil))
            #expect(try await store.longRecords(limit: 10).isEmpty)

            try await Self.write([job], to: store, term: term)
            let ended = try #require(try await store.longRecords(limit: 10).first)
            #expect(try await store.shorten(ended, to: shorter))
            #expect(try await store.job("long") == shorter)
            #expect(try await store.longRecords(limit: 10).isEmpty)
            // One that is gone, or that nobody can read, is not asked for again and again.
            try await Self.write([job], to: store, term: term)
            _ = try await fixture.read("DEL", store.keys.job("long"))
            let gone = try #require(try await store.longRecords(limit: 10).first)
            #expect(gone.job == nil)
            #expect(try await store.shorten(gone, to: nil))
        }
    }
}
