import Foundation
import GRDB
import Testing

@testable import FleetCore
@testable import JobCatalogue

@Suite("The catalogue of jobs")
struct CatalogueTests {
    /// A catalogue in a file of its own.
    private func with(
        term: UInt64 = 1, _ body: (JobCatalogue, String) async throws -> Void
    ) async throws {
        let path = NSTemporaryDirectory() + "jessica-catalogue-\(UUID().uuidString).sqlite"
        defer {
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + suffix)
            }
        }
        try await body(JobCatalogue(path: path, term: term), path)
    }

    /// Jobs as a seed draws them; some were submitted in the same millisecond.
    private func jobs(_ count: Int, seed: UInt64) -> [Job] {
        var random = SeededGenerator(seed: seed)
        let words = ["sunset", "Sun", "cat", "ünïcode", "say \"hi\"", "100%", "o'clock", "雪の夜"]
        var milliseconds: Int64 = 1_700_000_000_000
        return (0..<count).map { number in
            milliseconds += Int64.random(in: 0...3, using: &random)
            let prompt = (0..<3).map { _ in words.randomElement(using: &random) ?? "" }
                .joined(separator: " ")
            let input = ["prompt": prompt]
            let data = (try? JSONEncoder().encode(input)) ?? Data()
            var request = JobRequest(
                kind: JobKind.allCases.randomElement(using: &random) ?? .image,
                input: String(decoding: data, as: UTF8.self))
            if Bool.random(using: &random) {
                request.labels = [
                    .init(key: "album", value: Bool.random(using: &random) ? "a" : "b")
                ]
            }
            var job = Job(
                id: JobID("job-\(100_000 + number)"), request: request,
                queue: ["vision", "voice"].randomElement(using: &random) ?? "vision",
                submittedAt: Instant(nanoseconds: milliseconds * 1_000_000))
            if Bool.random(using: &random) {
                job.attempts = [
                    Attempt(
                        number: 1, node: Bool.random(using: &random) ? "agx-01" : "agx-02",
                        worker: nil, roamer: false, hedge: false, assignedAt: job.submittedAt)
                ]
            }
            let outcomes: [Job.Outcome?] = [nil, .succeeded, .failed, .cancelled]
            if let outcome = outcomes.randomElement(using: &random) ?? nil {
                job.ending = Job.Ending(outcome: outcome, at: job.submittedAt, outputs: [])
            }
            return job
        }
    }

    /// What a filter means, said as plainly as can be.
    private func isChosen(_ job: Job, by filter: JobFilter) -> Bool {
        let input =
            (try? JSONDecoder().decode([String: String].self, from: Data(job.request.input.utf8)))
        let text = "\(job.id)\n\(input?["prompt"] ?? "")".lowercased()
        let labels = job.request.labels.flatMap { [$0.key, "\($0.key)=\($0.value)"] }
        var isChosen = filter.states.isEmpty || filter.states.contains(job.state)
        isChosen = isChosen && (filter.kinds.isEmpty || filter.kinds.contains(job.request.kind))
        if let cluster = filter.cluster { isChosen = isChosen && job.queue == cluster }
        if let node = filter.node {
            isChosen = isChosen && job.attempts.contains { $0.node == node }
        }
        isChosen = isChosen && filter.labels.allSatisfy { labels.contains($0) }
        if let wanted = filter.text { isChosen = isChosen && text.contains(wanted.lowercased()) }
        if let since = filter.since { isChosen = isChosen && job.submittedAt >= since }
        if let until = filter.until { isChosen = isChosen && job.submittedAt < until }
        return isChosen
    }

    private func filter(_ jobs: [Job], _ random: inout SeededGenerator) -> JobFilter {
        var filter = JobFilter()
        func sometimes(_ body: () -> Void) {
            if Int.random(in: 0..<3, using: &random) == 0 { body() }
        }
        sometimes { filter.states = Set(JobState.allCases.shuffled(using: &random).prefix(3)) }
        sometimes { filter.kinds = Set(JobKind.allCases.shuffled(using: &random).prefix(2)) }
        sometimes { filter.cluster = ["vision", "voice", "nowhere"].randomElement(using: &random) }
        sometimes { filter.node = ["agx-01", "agx-02", "agx-03"].randomElement(using: &random) }
        sometimes {
            filter.labels =
                ["album", "album=a", "album=b", "x"].shuffled(using: &random).suffix(1) + []
        }
        sometimes {
            filter.text =
                [
                    "sun", "SUNSET", "nïc", "\"hi\"", "100%", "o'c", "雪の夜", "job-1000", "prompt",
                    "* OR",
                ]
                .randomElement(using: &random)
        }
        sometimes { filter.since = jobs.randomElement(using: &random)?.submittedAt }
        sometimes { filter.until = jobs.randomElement(using: &random)?.submittedAt }
        return filter
    }

    @Test("Every filter chooses what it says, page by page", arguments: [1, 2, 3] as [UInt64])
    func pages(seed: UInt64) async throws {
        try await with { catalogue, _ in
            var random = SeededGenerator(seed: seed)
            let jobs = jobs(400, seed: seed)
            catalogue.record(jobs)
            for _ in 0..<120 {
                let filter = filter(jobs, &random)
                for order in JobOrder.allCases {
                    let all = jobs.filter { isChosen($0, by: filter) }.map(\.id)
                    let expected = order == .newest ? all.reversed() : all
                    var seen: [JobID] = []
                    var page = try await catalogue.page(filter, order: order, limit: 37)
                    seen += page.ids
                    while let next = page.next {
                        page = try await catalogue.page(
                            filter, after: next, order: order, limit: 37)
                        seen += page.ids
                    }
                    #expect(seen == expected, "\(filter) \(order)")
                }
            }
        }
    }

    @Test("A job whose millisecond is full stands behind those of the next")
    func fullMillisecond() async throws {
        try await with { catalogue, path in
            func job(_ id: JobID, _ milliseconds: Int64) -> Job {
                Job(
                    id: id, request: JobRequest(kind: .image), queue: "vision",
                    submittedAt: Instant(nanoseconds: milliseconds * 1_000_000))
            }
            catalogue.record([job("a", 1), job("b", 2)])
            try await catalogue.write()
            // As if it had come after very many others.
            let file = try DatabaseQueue(path: path)
            try await file.write {
                try $0.execute(sql: "UPDATE jobs SET seq = 2 * 32768 - 1 WHERE id = 'a'")
            }
            try file.close()
            catalogue.record([job("c", 1)])
            try await catalogue.write()
            #expect(try await catalogue.page(JobFilter(), limit: 10).ids == ["c", "b", "a"])
        }
    }

    @Test("A change of a job is found under its new state, and not under the old")
    func changes() async throws {
        try await with { catalogue, _ in
            var job = Job(
                id: "a", request: JobRequest(kind: .image), queue: "vision", submittedAt: .zero)
            catalogue.record([job])
            try await catalogue.write()
            var queued = JobFilter()
            queued.states = [.queued]
            #expect(try await catalogue.page(queued, limit: 10).ids == ["a"])
            job.ending = Job.Ending(outcome: .succeeded, at: .zero, outputs: [])
            catalogue.record([job])
            #expect(try await catalogue.page(queued, limit: 10).ids.isEmpty)
            #expect(try await catalogue.count() == 1)
        }
    }

    @Test("A change of a job is found by its labels, its submitter and its nodes")
    func changesOfIndices() async throws {
        try await with { catalogue, _ in
            var request = JobRequest(kind: .image)
            request.labels = [.init(key: "album", value: "a")]
            request.submitter = "alice"
            var job = Job(id: "a", request: request, queue: "vision", submittedAt: .zero)
            job.attempts = [
                Attempt(
                    number: 1, node: "agx-01", worker: nil, roamer: false, hedge: false,
                    assignedAt: .zero)
            ]
            let owners: [(inout JobFilter) -> Void] = [
                { $0.labels = ["album=a"] }, { $0.labels = ["album"] },
                { $0.submitter = "alice" }, { $0.node = "agx-01" },
            ]
            func found(_ state: JobState, _ cluster: ClusterName) async throws -> Int {
                var count = 0
                for owner in owners {
                    var filter = JobFilter()
                    (filter.states, filter.cluster) = ([state], cluster)
                    owner(&filter)
                    count += try await catalogue.page(filter, limit: 10).ids.count
                }
                return count
            }
            catalogue.record([job])
            #expect(try await found(.assigned, "vision") == owners.count)
            try await catalogue.write()
            job.ending = Job.Ending(outcome: .failed, at: .zero, outputs: [])
            job.queue = "voice"
            catalogue.record([job])
            #expect(try await found(.failed, "voice") == owners.count)
            #expect(try await found(.assigned, "vision") == 0)
            #expect(try await found(.failed, "vision") == 0)
            try await catalogue.forget(["a"])
            #expect(try await found(.failed, "voice") == 0)
        }
    }

    @Test("What is read from the record gives way to what this controller has written")
    func oldGivesWay() async throws {
        try await with { catalogue, _ in
            var job = Job(
                id: "a", request: JobRequest(kind: .image), queue: "vision", submittedAt: .zero)
            job.ending = Job.Ending(outcome: .failed, at: .zero, outputs: [])
            let old = job
            job.ending = nil
            catalogue.record([job])
            try await catalogue.write()
            try await catalogue.add([old])
            var failed = JobFilter()
            failed.states = [.failed]
            #expect(try await catalogue.page(failed, limit: 10).ids.isEmpty)
        }
    }

    @Test(
        "All of an input is searched once it is known, and nothing of it when its job is forgotten")
    func completed() async throws {
        try await with { catalogue, _ in
            var request = JobRequest(kind: .text, input: #"{"prompt":"short…"}"#)
            request.stored = StoredInput(size: 600, digest: String(repeating: "0", count: 64))
            let job = Job(id: "a", request: request, queue: "brain", submittedAt: .zero)
            func isFound(_ text: String) async throws -> Bool {
                var filter = JobFilter()
                filter.text = text
                return try await !catalogue.page(filter, limit: 10).ids.isEmpty
            }
            catalogue.record([job])
            try await catalogue.write()
            #expect(try await catalogue.abridged(limit: 10) == ["a"])
            try await catalogue.complete([("a", #"{"prompt":"a long one"}"#), ("none", "{}")])
            #expect(try await catalogue.abridged(limit: 10) == [])
            #expect(try await isFound("long one"))
            #expect(try await !isFound("short"))
            // A change of the job changes nothing of it.
            catalogue.record([job])
            #expect(try await isFound("long one"))
            #expect(try await catalogue.abridged(limit: 10) == [])
            try await catalogue.forget(["a"])
            #expect(try await !isFound("long one"))
        }
    }

    @Test("A later controller goes on with the file, and another record's file is made anew")
    func reopened() async throws {
        try await with { catalogue, path in
            catalogue.record(jobs(10, seed: 5))
            try await catalogue.write()
            try await catalogue.isWhole(through: 1_800_000_000)
            try catalogue.close()
            let next = try JobCatalogue(path: path, term: 2)
            #expect(try await next.count() == 10)
            #expect(try await next.wholeThrough() == 1_800_000_000)
            try next.close()
            let other = try JobCatalogue(path: path, term: 1)
            #expect(try await other.count() == 0)
            #expect(try await other.wholeThrough() == nil)
        }
    }

    @Test(
        "Jobs that a former controller left alive and nobody knows are forgotten once all is added")
    func forgotten() async throws {
        try await with { catalogue, path in
            catalogue.record([
                Job(id: "known", request: JobRequest(kind: .image), queue: "v", submittedAt: .zero),
                Job(id: "gone", request: JobRequest(kind: .image), queue: "v", submittedAt: .zero),
            ])
            try await catalogue.write()
            try catalogue.close()
            let next = try JobCatalogue(path: path, term: 2)
            next.record([
                Job(id: "known", request: JobRequest(kind: .image), queue: "v", submittedAt: .zero)
            ])
            try await next.write()
            try await next.isWhole(through: 1)
            #expect(try await next.page(JobFilter(), limit: 10).ids == ["known"])
        }
    }

    @Test("The mark of what is whole moves only once it is")
    func marks() async throws {
        try await with { catalogue, _ in
            let jobs = jobs(50, seed: 9)
            catalogue.record(Array(jobs.prefix(25)))
            try await catalogue.write()
            #expect(try await catalogue.wholeThrough() == nil)
            try await catalogue.isWhole(through: 5)
            catalogue.record(Array(jobs.suffix(25)))
            try await catalogue.write()
            #expect(try #require(await catalogue.wholeThrough()) >= 1_700_000_000)
        }
    }

    @Test("What ended long ago is forgotten, and its words with it")
    func retention() async throws {
        try await with { catalogue, path in
            catalogue.record(jobs(3_000, seed: 11))
            try await catalogue.write()
            let total = try await catalogue.count()
            let gone = try await catalogue.forget(
                endedBefore: Instant(nanoseconds: 1_800_000_000_000_000_000))
            #expect(gone > 1_000)
            #expect(try await catalogue.count() == total - gone)
            var alive = JobFilter()
            alive.states = [.queued, .assigned, .running, .provisioning]
            var sun = alive
            sun.text = "sun"
            let found = try await catalogue.page(sun, limit: 5_000).ids
            let expected = jobs(3_000, seed: 11).filter { isChosen($0, by: sun) }.count
            #expect(found.count == expected)
            try catalogue.close()
            // SQLite's own check of an index against its table.
            let queue = try DatabaseQueue(path: path)
            let unused = try await queue.write { db in
                for volume in try CatalogueVolumes(db: db).all(.oldest, in: .all) {
                    let table = volume.table
                    try db.execute(
                        sql: "INSERT INTO \(table) (\(table)) VALUES ('integrity-check')")
                }
                return try Int.fetchOne(
                    db,
                    sql: """
                        SELECT count(*) FROM labels WHERE label NOT IN (SELECT label FROM labelled)
                        """)
            }
            #expect(unused == 0, "a label goes with the last job that has it")
        }
    }

    @Test("A file of another version is made anew, and nothing is left of it")
    func otherVersion() async throws {
        try await with { catalogue, path in
            catalogue.record(jobs(2_000, seed: 8))
            try await catalogue.write()
            try catalogue.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write {
                try $0.execute(sql: "CREATE TABLE older (a); PRAGMA user_version = 3")
            }
            try queue.close()
            func size() throws -> Int {
                try Data(contentsOf: URL(fileURLWithPath: path)).count
            }
            let before = try size()
            let next = try JobCatalogue(path: path, term: 2)
            #expect(try await next.count() == 0)
            #expect(try await next.wholeThrough() == nil)
            next.record(jobs(10, seed: 8))
            #expect(try await next.count() == 10)
            try next.close()
            #expect(try size() < before / 2)
        }
    }

    @Test("A damaged file is made anew")
    func damaged() async throws {
        try await with { catalogue, path in
            catalogue.record(jobs(100, seed: 3))
            try await catalogue.write()
            try catalogue.close()
            try Data(repeating: 0x41, count: 100_000).write(to: URL(fileURLWithPath: path))
            let next = try JobCatalogue(path: path, term: 2)
            #expect(try await next.count() == 0)
        }
    }

    @Test("A page goes on behind a job that was forgotten meanwhile")
    func cursor() async throws {
        try await with { catalogue, _ in
            let jobs = jobs(5, seed: 1)
            catalogue.record(jobs)
            let first = try await catalogue.page(JobFilter(), order: .oldest, limit: 2)
            try await catalogue.forget(first.ids)
            let second = try await catalogue.page(
                JobFilter(), after: first.next, order: .oldest, limit: 9)
            #expect(second.ids == jobs.dropFirst(2).map(\.id))
            #expect(second.next == nil)
            let text = try #require(first.next).description
            #expect(JobCatalogue.Cursor(text) == first.next)
            for text in ["", "x", "-1", "99999999999999999999"] {
                #expect(JobCatalogue.Cursor(text) == nil)
            }
        }
    }

    @Test("No job keeps the others from being listed, whatever its labels and its input hold")
    func hostileTexts() async throws {
        try await with { catalogue, _ in
            var request = JobRequest(kind: .image, input: #"{"p":"a\u0000b nul \ud800"}"#)
            request.labels = [
                .init(key: "a\0b", value: "c"), .init(key: "a", value: "\0"),
                .init(key: "a ", value: ""),
            ]
            let odd = Job(id: "odd", request: request, queue: "v", submittedAt: .zero)
            let plain = Job(
                id: "plain", request: JobRequest(kind: .image), queue: "v", submittedAt: .zero)
            catalogue.record([odd, plain])
            try await catalogue.write()
            #expect(
                try await catalogue.page(JobFilter(), order: .oldest, limit: 9).ids == [
                    "odd", "plain",
                ])
            var filter = JobFilter()
            filter.text = "nul"
            #expect(try await catalogue.page(filter, limit: 9).ids == ["odd"])
        }
    }

    @Test("A list has everything recorded before it was asked for, whoever writes meanwhile")
    func readsItsWrites() async throws {
        try await with { catalogue, _ in
            let jobs = jobs(300, seed: 21)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for job in jobs {
                    catalogue.record([job])
                    group.addTask { try await catalogue.write() }
                    let page = try await catalogue.page(JobFilter(), limit: 1)
                    #expect(page.ids == [job.id])
                }
                try await group.waitForAll()
            }
            #expect(try await catalogue.count() == 300)
        }
    }
}
