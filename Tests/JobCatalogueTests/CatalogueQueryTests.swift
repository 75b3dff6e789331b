import Foundation
import GRDB
import Testing

@testable import FleetCore
@testable import JobCatalogue

/// How pages are read, beside what is on them.
@Suite("Ways to a page of jobs")
struct CatalogueQueryTests {
    /// Gives the file of a catalogue that holds some jobs.
    private func with(volumeSize: Int = 1_000, _ body: (DatabaseQueue, [Job]) async throws -> Void)
        async throws
    {
        let path = NSTemporaryDirectory() + "jessica-catalogue-\(UUID().uuidString).sqlite"
        defer {
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + suffix)
            }
        }
        let catalogue = try JobCatalogue(path: path, term: 1, volumeSize: volumeSize)
        let jobs = (0..<120).map { Self.job($0) }
        catalogue.record(jobs)
        try await catalogue.write()
        try catalogue.close()
        var configuration = Configuration()
        configuration.publicStatementArguments = true
        try await body(DatabaseQueue(path: path, configuration: configuration), jobs)
    }

    private static func job(_ number: Int) -> Job {
        let prompt = ["sunset", "ÜNÏCODE", #"sun \"set\""#, "rain"][number % 4]
        var request = JobRequest(
            kind: number % 2 == 0 ? .image : .text, input: #"{"prompt":"\#(prompt)"}"#,
            labels: number % 3 == 0 ? [.init(key: "album", value: "\(number % 5)")] : [])
        request.submitter = number % 7 == 0 ? "alice" : nil
        if number % 11 == 0 { request.place = PlanPlace(plan: "p", step: "s") }
        let at = Instant(nanoseconds: Int64(number) * 1_000_000_000)
        var job = Job(
            id: JobID("job-\(1_000 + number)"), request: request,
            queue: number % 5 == 0 ? "brain" : "vision", submittedAt: at)
        if number % 4 != 3 {
            job.attempts = [
                Attempt(
                    number: 1, node: NodeName("agx-0\(number % 3)"), worker: nil, roamer: false,
                    hedge: false, assignedAt: at)
            ]
            job.ending = Job.Ending(outcome: number % 13 == 0 ? .failed : .succeeded, at: at)
        }
        return job
    }

    /// One thing that can be asked for, with what it means.
    private struct Wish: Sendable {
        let name: String
        let ask: @Sendable (inout JobFilter) -> Void
        let isMet: @Sendable (Job) -> Bool
    }

    private static let wishes = [
        Wish(name: "state", ask: { $0.states = [.failed] }, isMet: { $0.state == .failed }),
        Wish(name: "kind", ask: { $0.kinds = [.image] }, isMet: { $0.request.kind == .image }),
        Wish(name: "cluster", ask: { $0.cluster = "brain" }, isMet: { $0.queue == "brain" }),
        Wish(
            name: "node", ask: { $0.node = "agx-01" },
            isMet: { $0.attempts.contains { $0.node == "agx-01" } }),
        Wish(
            name: "label", ask: { $0.labels = ["album=1"] },
            isMet: { $0.request.labels.contains { $0.value == "1" } }),
        Wish(
            name: "submitter", ask: { $0.submitter = "alice" },
            isMet: { $0.request.submitter == "alice" }),
        Wish(
            name: "plan", ask: { $0.plan = "p" }, isMet: { $0.request.place?.plan == "p" }),
        Wish(
            name: "text", ask: { $0.text = #"N "SET""# },
            isMet: { $0.request.input.contains(#"sun \"set"#) }),
        Wish(
            name: "time", ask: { $0.since = Instant(nanoseconds: 30_000_000_000) },
            isMet: { $0.submittedAt.nanoseconds >= 30_000_000_000 }),
    ]

    private static func query(
        _ one: Wish, _ other: Wish, few: Int, _ order: JobOrder = .newest
    ) -> CatalogueQuery {
        var filter = JobFilter()
        one.ask(&filter)
        other.ask(&filter)
        var query = CatalogueQuery(filter: filter, cursor: nil, order: order, limit: 30)
        query.few = few
        return query
    }

    @Test("Any two filters choose what both say, whether words are followed or texts are read")
    func pairs() async throws {
        try await with { queue, jobs in
            for one in Self.wishes {
                for other in Self.wishes {
                    for order in JobOrder.allCases {
                        let found = try await queue.read { db in
                            try [0, 5_000].map { few in
                                try Self.query(one, other, few: few, order).entries(db).items.map(
                                    \.id)
                            }
                        }
                        let all = jobs.filter { one.isMet($0) && other.isMet($0) }.map(\.id)
                        let expected = Array((order == .newest ? all.reversed() : all).prefix(30))
                        #expect(found == [expected, expected], "\(one.name) and \(other.name)")
                    }
                }
            }
        }
    }

    @Test("Of a long text not only its beginning and its end are compared")
    func longText() async throws {
        let path = NSTemporaryDirectory() + "jessica-catalogue-\(UUID().uuidString).sqlite"
        defer { try? JobCatalogue.remove(path: path) }
        let catalogue = try JobCatalogue(path: path, term: 1)
        let start = "a weathered fisherman "
        let end = " while gulls circle above"
        let jobs = ["mends his nets", "sells his boat", #"says "no\""#].enumerated().map {
            Job(
                id: JobID("job-\($0.offset)"),
                request: JobRequest(
                    kind: .image, input: #"{"prompt":"\#(start)\#($0.element)\#(end)"}"#),
                queue: "vision", submittedAt: Instant(nanoseconds: Int64($0.offset)))
        }
        catalogue.record(jobs)
        for (text, found) in [
            (start + "MENDS his nets" + end, ["job-0"]), (start + "burns his nets" + end, []),
            (start, ["job-2", "job-1", "job-0"]), ("fisherman sells his boat", ["job-1"]),
            ("fisherman sells his boats", []),
        ] {
            var filter = JobFilter()
            filter.text = text
            #expect(try await catalogue.page(filter, limit: 9).ids.map(\.rawValue) == found)
        }
        try catalogue.close()
    }

    @Test("Any two filters are read by their indices, each in the order of the page")
    func plans() async throws {
        try await with { queue, _ in
            for one in Self.wishes {
                for other in Self.wishes {
                    let steps = try await queue.read { db in
                        try [0, 5_000].flatMap {
                            try Self.steps(of: Self.query(one, other, few: $0), db)
                        }
                    }
                    #expect(!steps.isEmpty)
                    for step in steps {
                        #expect(Self.isSound(step), "\(one.name) and \(other.name): \(step)")
                    }
                }
            }
        }
    }

    @Test("However small the volumes are, the pages have all that any two filters choose")
    func volumes() async throws {
        try await with(volumeSize: 7) { queue, jobs in
            for one in Self.wishes {
                for other in Self.wishes {
                    for (order, few) in [(JobOrder.newest, 0), (.oldest, 0), (.newest, 5_000)] {
                        var query = Self.query(one, other, few: few, order)
                        query.patience = .zero
                        var (ids, pages): ([JobID], Int) = ([], 0)
                        while pages <= jobs.count {
                            let asked = query
                            let found = try await queue.read { try asked.entries($0) }
                            ids += found.items.map(\.id)
                            pages += 1
                            // As a client of pages goes on.
                            let isFull = found.items.count == query.limit
                            guard let next = isFull ? found.items.last?.seq : found.reached else {
                                break
                            }
                            query = CatalogueQuery(
                                filter: query.filter, cursor: next, order: order, limit: 30,
                                few: few, patience: .zero)
                        }
                        let all = jobs.filter { one.isMet($0) && other.isMet($0) }.map(\.id)
                        #expect(
                            ids == (order == .newest ? all.reversed() : all),
                            "\(one.name) and \(other.name)")
                    }
                }
            }
        }
    }

    @Test(
        "A page of what hardly any job is ends after a volume when time is over, and says how far it got"
    )
    func bounded() async throws {
        try await with(volumeSize: 10) { queue, jobs in
            var filter = JobFilter()
            filter.text = "rain"
            // Those of even numbers, of which none is of odd ones.
            filter.kinds = [.image]
            for few in [0, 5_000] {
                var query = CatalogueQuery(filter: filter, cursor: nil, order: .newest, limit: 30)
                (query.few, query.patience) = (few, .zero)
                let asked = query
                let found = try await queue.read { try asked.entries($0) }
                #expect(found.items.isEmpty)
                let first = CatalogueWriter.seq(
                    milliseconds: jobs[110].submittedAt.nanoseconds / 1_000_000)
                #expect(found.reached == first)
                query.patience = .seconds(3_600)
                let patient = query
                #expect(try await queue.read { try patient.entries($0).reached } == nil)
            }
        }
    }

    /// What SQLite says of how it reads a page.
    private static func steps(of query: CatalogueQuery, _ db: Database) throws -> [String] {
        var asked: [String] = []
        db.trace { asked.append("\($0)") }
        _ = try query.entries(db)
        db.trace()
        // Without what the index of words asks of its own tables.
        let own = asked.filter { $0.hasPrefix("SELECT") && !Self.isOfIndex($0) }
        return try own.flatMap { sql in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
        }
    }

    private static func isOfIndex(_ sql: String) -> Bool {
        ["_data'", "_idx'", "_docsize'", "_config'", "_content'"].contains { sql.contains($0) }
    }

    /// Whether a step reads nothing in vain: no table from end to end, no jobs of other bins, nothing to sort.
    private static func isSound(_ step: String) -> Bool {
        let scans = ["i", "jobs", "labels", "labelled", "texts"].map { "SCAN \($0)" }
        if step.contains("TEMP B-TREE") || scans.contains(where: { step.hasPrefix($0) }) {
            return false
        }
        return !step.hasPrefix("SEARCH i ") || step.contains("bin=?") || step.contains("(rowid=?)")
    }
}
