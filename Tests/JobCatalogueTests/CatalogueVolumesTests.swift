import Foundation
import GRDB
import Testing

@testable import FleetCore
@testable import JobCatalogue

/// How words are divided among volumes.
@Suite("Volumes of words")
struct CatalogueVolumesTests {
    private static let size = 16

    private func queue() throws -> DatabaseQueue {
        let queue = try DatabaseQueue()
        try queue.write { try CatalogueSchema.create($0) }
        return queue
    }

    private func job(_ number: Int) -> Job {
        let input = #"{"prompt":"sunset number \#(number % 10)"}"#
        return Job(
            id: JobID("job-\(10_000 + number)"), request: JobRequest(kind: .image, input: input),
            queue: "vision", submittedAt: Instant(nanoseconds: Int64(number) * 1_000_000_000))
    }

    private func volumes(_ db: Database) throws -> [CatalogueVolumes.Volume] {
        try CatalogueVolumes(db: db, size: Self.size).all(.oldest, in: .all)
    }

    private func writer(_ db: Database) -> CatalogueWriter {
        CatalogueWriter(db: db, term: 1, volumeSize: Self.size)
    }

    /// What is searched for is found, each volume knows how many jobs it has, and no index is damaged.
    private func check(_ numbers: Set<Int>, _ db: Database) throws {
        for digit in 0..<10 {
            var filter = JobFilter()
            filter.text = "number \(digit)"
            let query = CatalogueQuery(filter: filter, cursor: nil, order: .oldest, limit: 10_000)
            let expected = numbers.filter { $0 % 10 == digit }.sorted().map { job($0).id }
            #expect(try query.entries(db).items.map(\.id) == expected)
        }
        let volumes = try volumes(db)
        for (place, volume) in volumes.enumerated() {
            let table = volume.table
            try db.execute(sql: "INSERT INTO \(table) (\(table)) VALUES ('integrity-check')")
            let jobs = try Int.fetchOne(
                db, sql: "SELECT jobs FROM volumes WHERE volume = ?", arguments: [volume.number])
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)_docsize") == jobs)
            #expect((1...Self.size).contains(jobs ?? 0))
            if place > 0 { #expect(volumes[place - 1].last == volume.first - 1) }
        }
        #expect(try String.fetchAll(db, sql: Self.tables).count == volumes.count)
    }

    private static let tables = #"SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"#

    @Test("Jobs in their order fill one volume after the other")
    func inOrder() throws {
        try queue().write { db in
            for number in 0..<Self.size * 5 { try writer(db).put(job(number)) }
            #expect(try volumes(db).count == 5)
            try check(Set(0..<Self.size * 5), db)
        }
    }

    @Test("Long texts fill a volume sooner")
    func longTexts() throws {
        try queue().write { db in
            let words = (0..<1_000).map { "w\($0)" }.joined(separator: " ")
            for number in 0..<2_100 {
                try CatalogueWriter(db: db, term: 1, volumeSize: CatalogueVolumes.size)
                    .put(job(number).holding(input: #"{"prompt":"\#(words)"}"#))
            }
            #expect(try volumes(db).count == 2)
            for volume in try volumes(db) {
                let bytes = try Int.fetchOne(
                    db,
                    sql:
                        "SELECT sum(length(CAST(text AS BLOB))) FROM texts WHERE seq BETWEEN ? AND ?",
                    arguments: [volume.first, volume.last])
                #expect(
                    try Int.fetchOne(
                        db, sql: "SELECT bytes FROM volumes WHERE volume = ?",
                        arguments: [volume.number]) == bytes)
            }
        }
    }

    @Test("Those that are alive when the rest is read from the record are in nobody's way")
    func rebuilt() throws {
        try queue().write { db in
            for number in 900..<904 { try writer(db).put(job(number)) }
            for number in 0..<Self.size * 10 { try writer(db).put(job(number)) }
            // Each volume has the four, until it is split behind the others.
            #expect(try volumes(db).count <= 15)
            try check(Set(900..<904).union(0..<Self.size * 10), db)
        }
    }

    @Test(
        "In whatever order jobs come, change and go, each is in its volume",
        arguments: 0..<6 as Range)
    func anyOrder(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let queue = try queue()
        var kept: Set<Int> = []
        for round in 0..<6 {
            let new = (0..<Int.random(in: 1...150, using: &random)).map { _ in
                Int.random(in: 0..<400, using: &random)
            }
            kept.formUnion(new)
            let changed = kept.sorted().shuffled(using: &random).prefix(10)
            try queue.write { db in
                for number in new { try writer(db).put(job(number)) }
                for number in changed {
                    try writer(db).complete(job(number).id, job(number).request.input)
                }
            }
            try queue.write { try check(kept, $0) }
            let isLast = round == 5
            let gone = kept.sorted().filter { _ in isLast || Bool.random(using: &random) }
            try queue.write { try writer($0).remove(gone.map { job($0).id }) }
            kept.subtract(gone)
            try queue.write { try check(kept, $0) }
        }
        #expect(try queue.read { try volumes($0) }.isEmpty)
    }
}
