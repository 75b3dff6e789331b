import FleetCore
import Testing

@testable import RedisStore

@Suite("Where past jobs are found")
struct PastTests {
    private static let start = Instant(nanoseconds: 1_795_903_458_000_000_000)
    private static let first = start.wholeSeconds

    /// A store, and what should be in it.
    private struct Past {
        let store: FleetStore
        let term: UInt64
        var random: SeededGenerator
        /// The seconds of the ends of past jobs.
        var ends: [JobID: Int64] = [:]
        /// What lives again.
        var again: Set<JobID> = []

        /// An id of one of some spans of nine hours; many are of the same time, so that their pieces are full.
        mutating func id() -> JobID {
            let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
            let span = ["01m8j", "01m8k", "01m8m"].randomElement(using: &random) ?? ""
            let time =
                Bool.random(using: &random)
                ? "3000" : "3\(Int.random(in: 100...999, using: &random))"
            let rest = (0..<17).map { _ in letters.randomElement(using: &random) ?? "0" }
            return JobID(span + time + String(rest))
        }

        mutating func write(_ ids: [JobID], endedAt second: Int64?) async throws {
            var change = FleetChange(counters: .init(), clock: .zero)
            change.jobs = ids.map { id in
                var job = Job(
                    id: id, request: JobRequest(kind: .image), queue: "vision",
                    submittedAt: PastTests.start)
                if again.contains(id) { job.retriedAt = PastTests.start }
                if let second {
                    job.ending = .init(
                        outcome: .failed, at: Instant(nanoseconds: second * 1_000_000_000))
                }
                return job
            }
            try await store.commit(try store.seal(change, term: term))
            for id in ids { ends[id] = second }
        }

        mutating func someEnded() -> [JobID] {
            let ids = ends.keys.sorted()
            return (0..<5).compactMap { _ in ids.randomElement(using: &random) }
        }

        /// Something that happens to the past.
        mutating func happen(forgets: Bool = true) async throws {
            switch Int.random(in: 0..<11, using: &random) {
            case 0..<4:
                let new = (0..<Int.random(in: 1...150, using: &random)).map { _ in id() }
                try await write(
                    new, endedAt: PastTests.first + .random(in: 0...5_000, using: &random))
            case 4..<6: _ = try await store.foldEnded()
            case 6:
                let ids = Array(Set(someEnded()))
                again.formUnion(ids)
                try await write(ids, endedAt: nil)
            case 7:
                // They end again.
                let ids = again.filter { ends[$0] == nil }.sorted().prefix(3)
                try await write(
                    Array(ids), endedAt: PastTests.first + .random(in: 0...5_000, using: &random))
            case 8:
                // Written once more with the same end.
                for id in someEnded() { try await write([id], endedAt: ends[id]) }
            case 9:
                // Tried again and ended again in one batch.
                let ids = Array(Set(someEnded()))
                again.formUnion(ids)
                try await write(
                    ids, endedAt: PastTests.first + .random(in: 0...5_000, using: &random))
            default:
                guard forgets else { return }
                let horizon = PastTests.first + .random(in: 0...200, using: &random)
                while try await store.foldEnded() > 0 {}
                while try await store.forgetJobs(
                    endedBefore: Instant(nanoseconds: horizon * 1_000_000_000))
                    == FleetStore.keepingChunk
                {}
                ends = ends.filter { $0.value >= horizon }
            }
        }

        mutating func check() async throws {
            let second = PastTests.first + Int64.random(in: -1...5_001, using: &random)
            let since = ends.filter { $0.value >= second }.keys.sorted()
            let found = try await store.endedJobs(since: second)
            #expect(Set(found).symmetricDifference(since).isEmpty && found.count == since.count)
            let limit = Int.random(in: 1...400, using: &random)
            let latest = try await store.latestEnded(limit: limit)
            let expected = ends.values.sorted(by: >).prefix(limit)
            let isLatest = latest.compactMap { ends[$0] } == Array(expected)
            #expect(isLatest)
            #expect(Set(latest).count == expected.count)
        }
    }

    /// Ids of one millisecond, as they are minted.
    private static func plan(of count: Int) -> [JobID] {
        let letters = Array("0123456789abcdefghjkmnpqrstvwxyz")
        return (0..<count).map { number in
            let low = stride(from: 15, through: 0, by: -5).map { letters[number >> $0 & 31] }
            return JobID("01m8j3000qcpws9f24s" + String(low) + "zzz")
        }
    }

    @Test("One that ended again is neither deleted for its earlier end nor put among the old")
    func endedAgain() async throws {
        try await Self.with(seed: 1) { past in
            let ids = Self.plan(of: 3)
            try await past.write(ids, endedAt: Self.first)
            while try await past.store.foldEnded() > 0 {}
            past.again = [ids[1]]
            try await past.write([ids[1]], endedAt: Self.first + 100)
            let horizon = Instant(nanoseconds: (Self.first + 50) * 1_000_000_000)
            #expect(try await past.store.latestEnded(limit: 1) == [ids[1]])
            #expect(try await past.store.forgetJobs(endedBefore: horizon) == 2)
            #expect(try await past.store.readable(ids).jobs.map(\.id) == [ids[1]])
        }
    }

    @Test("One that a version without pieces tried again is not deleted while it lives")
    func triedElsewhere() async throws {
        try await withRedis { fixture in
            let store = FleetStore(store: fixture.store)
            let term = try await store.store.bumpTerm(owner: "test", version: "0")
            var past = Past(store: store, term: term, random: SeededGenerator(seed: 1))
            let ids = Self.plan(of: 2)
            try await past.write(ids, endedAt: Self.first)
            while try await store.foldEnded() > 0 {}
            _ = try await fixture.read("SADD", store.keys.active, ids[0].rawValue)
            #expect(try await store.forgetJobs(endedBefore: .distantFuture) == 2)
            #expect(try await store.readable(ids).jobs.map(\.id) == [ids[0]])
            #expect(try await store.pieces(since: .min).isEmpty)
        }
    }

    private static func with(seed: UInt64, _ body: (inout Past) async throws -> Void) async throws {
        try await withRedis { fixture in
            let store = FleetStore(store: fixture.store)
            let term = try await store.store.bumpTerm(owner: "test", version: "0")
            var past = Past(store: store, term: term, random: SeededGenerator(seed: seed))
            try await body(&past)
        }
    }

    @Test(
        "Whatever ends, is moved, lives again and goes, just what is past is found",
        arguments: 1...4)
    func found(seed: UInt64) async throws {
        try await Self.with(seed: seed) { past in
            for _ in 0..<60 {
                try await past.happen()
                try await past.check()
            }
            // Full pieces have others beside them, those of one millisecond too, and none has too many.
            try await past.write((0..<3_000).map { _ in past.id() }, endedAt: Self.first + 6_000)
            try await past.write(Self.plan(of: 4_000), endedAt: Self.first + 6_001)
            while try await past.store.foldEnded() > 0 {}
            let pieces = try await past.store.pieces(since: .min)
            #expect(Set(pieces.map(\.letters.count)) == Set(PastScript.letters))
            for piece in pieces {
                let jobs = try await past.store.jobs(in: [piece])
                #expect((1...PastScript.room).contains(jobs.count))
            }
            try await past.check()
            // Each is in one of them, and the records of just these are there.
            let all = try await past.store.jobs(in: pieces)
            #expect(all.map(\.id).sorted() == past.ends.keys.sorted())
            #expect(all.allSatisfy { past.ends[$0.id] == $0.second })
            let kept = try await past.store.readable(past.ends.keys.sorted()).jobs
            #expect(kept.count == past.ends.count)
            // At last nothing is left of it.
            while try await past.store.forgetJobs(endedBefore: .distantFuture) > 0 {}
            #expect(try await past.store.pieces(since: .min).isEmpty)
            #expect(try await past.store.readable(past.ends.keys.sorted()).jobs.isEmpty)
        }
    }

    @Test(
        "A reader of all of it reads each once, while jobs are moved and live again",
        arguments: 1...6)
    func pages(seed: UInt64) async throws {
        try await Self.with(seed: seed) { past in
            for _ in 0..<10 { try await past.happen(forgets: false) }
            try await past.write((0..<1_500).map { _ in past.id() }, endedAt: Self.first)
            for _ in 0..<Int.random(in: 0...12, using: &past.random) {
                _ = try await past.store.foldEnded()
            }
            let before = past.ends
            var pages = try await past.store.pastPages(limit: 100)
            var read: [JobID] = []
            var touched: Set<JobID> = []
            while let page = try await past.store.nextPage(&pages) {
                #expect(page.count <= 100)
                read += page
                if Bool.random(using: &past.random) {
                    try await past.happen(forgets: false)
                    touched.formUnion(past.again)
                }
                let known = Set(read)
                for id in before.keys where !touched.contains(id) {
                    #expect(pages.hadRead(id, at: pages.reached) == known.contains(id))
                }
            }
            let untouched = read.filter { before[$0] != nil && !touched.contains($0) }
            #expect(
                untouched.sorted() == before.keys.filter { !touched.contains($0) }.sorted())
        }
    }
}
