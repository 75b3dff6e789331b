package import FleetCore
import GRDB
import Synchronization

/// Every job that is kept, for lists and searches: a view of the record that can be made anew at any time.
///
/// The control loop hands over what each batch has stored (`record`); it costs the loop nothing, and the last
/// of several changes of a job wins. A list is read after all that was handed over before it was asked for.
/// It is kept in an SQLite file; Redis stays the record.
package final class JobCatalogue: Sendable {
    private let pool: DatabasePool
    private let term: Int64
    private let waiting = Mutex(Waiting())
    /// Ticks when something was recorded; for one reader.
    package let changes: AsyncStream<Void>
    private let tick: AsyncStream<Void>.Continuation

    private struct Waiting {
        var jobs: [JobID: Job] = [:]
        /// What transactions hold that have not ended yet.
        var onTheirWay: [UInt64: [JobID: Job]] = [:]
        var lastToken: UInt64 = 0
        /// Whether all of the record is in the file.
        var isWhole = false
    }

    /// Jobs written in one transaction when the catalogue is made.
    package static let chunk = 1_000

    /// Opens the catalogue in a file, or makes it; a file that is damaged, of another record or of another
    /// version is made anew.
    ///
    /// `term` is that of the controller that writes from now on. Throws what the file system says.
    package init(path: String, term: UInt64) throws {
        let term = Int64(clamping: term)
        self.term = term
        (changes, tick) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        do {
            pool = try Self.open(path, term)
        } catch let error as DatabaseError
            where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
        {
            try CatalogueFile.remove(path)
            pool = try Self.open(path, term)
        }
    }

    private static func open(_ path: String, _ term: Int64) throws -> DatabasePool {
        try CatalogueFile.make(path)
        var configuration = Configuration()
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            // What a power cut takes from it is read from Redis again.
            try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4000")
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        try pool.write { db in
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version")
            var isOurs = version == CatalogueSchema.version
            // Terms only rise: a greater one belongs to another record.
            if isOurs, let last = try CatalogueMark.term.read(db) { isOurs = last < term }
            if !isOurs {
                try CatalogueSchema.drop(db)
                try CatalogueSchema.create(db)
            }
            try CatalogueMark.term.write(term, db)
        }
        return pool
    }

    // MARK: Writing

    /// Notes jobs as they were just stored; they are written when somebody asks, or by `write`.
    package func record(_ jobs: [Job]) {
        guard !jobs.isEmpty else { return }
        waiting.withLock { waiting in
            for job in jobs { waiting.jobs[job.id] = job }
        }
        tick.yield()
    }

    /// Whether something is not in the file yet, or only on its way there.
    private var isBehind: Bool { waiting.withLock { !$0.jobs.isEmpty || !$0.onTheirWay.isEmpty } }

    /// Writes what was recorded; all of it is in the file when this returns.
    package func write() async throws {
        // Transactions come one after the other, so an empty one waits for those on their way.
        guard isBehind else { return }
        let token = waiting.withLock { waiting in
            waiting.lastToken += 1
            return waiting.lastToken
        }
        do {
            try await pool.write { [self] db in try write(to: db, token) }
            waiting.withLock { $0.onTheirWay[token] = nil }
        } catch {
            waiting.withLock { waiting in
                // Not over what has changed meanwhile.
                let jobs = waiting.onTheirWay.removeValue(forKey: token) ?? [:]
                waiting.jobs.merge(jobs) { now, _ in now }
            }
            throw error
        }
    }

    private func write(to db: Database, _ token: UInt64) throws {
        // Taken when it is this transaction's turn: whoever waits for its end finds all of it in the file.
        let (jobs, isWhole) = waiting.withLock { waiting in
            defer { waiting.jobs = [:] }
            waiting.onTheirWay[token] = waiting.jobs
            return (waiting.jobs, waiting.isWhole)
        }
        let writer = CatalogueWriter(db: db, term: term)
        for id in jobs.keys.sorted() {
            if let job = jobs[id] { try writer.put(job) }
        }
        guard isWhole, let last = jobs.values.compactMap({ $0.ending?.at }).max() else { return }
        let second = last.nanoseconds / 1_000_000_000
        if try CatalogueMark.through.read(db) ?? 0 < second {
            try CatalogueMark.through.write(second, db)
        }
    }

    // MARK: Making it whole

    /// Every job that ended before this second is in the file; nil when it must be made from the beginning.
    package func wholeThrough() async throws -> Int64? {
        try await pool.read { try CatalogueMark.through.read($0) }
    }

    /// Writes jobs that were read from the record; what is newer stays.
    package func add(_ jobs: [Job]) async throws {
        try await pool.write { [term] db in
            let writer = CatalogueWriter(db: db, term: term)
            for job in jobs { try writer.put(job, isOld: true) }
        }
    }

    /// Tells that every job of the record was added that had ended by this second, and all that are alive.
    package func isWhole(through second: Int64) async throws {
        // Those that are alive are known by having been written in this life.
        try await write()
        try await pool.write { [term] db in
            try CatalogueWriter(db: db, term: term).removeForgotten()
            try CatalogueMark.through.write(second, db)
        }
        waiting.withLock { $0.isWhole = true }
    }

    /// Forgets jobs that ended before an instant; how many.
    @discardableResult
    package func forget(endedBefore instant: Instant) async throws -> Int {
        let second = instant.nanoseconds / 1_000_000_000
        var total = 0
        while true {
            let count = try await pool.write { [term] db in
                try CatalogueWriter(db: db, term: term)
                    .removeEnded(before: second, limit: Self.chunk)
            }
            total += count
            if count < Self.chunk { return total }
        }
    }

    /// Forgets one job, of which the record has nothing any more.
    package func forget(_ id: JobID) async throws {
        try await pool.write { [term] db in try CatalogueWriter(db: db, term: term).remove(id) }
    }

    // MARK: Reading

    /// One page of a list.
    package struct Page: Hashable, Sendable {
        /// The jobs, in order.
        package var ids: [JobID]
        /// Whether there are more behind.
        package var hasMore: Bool
        /// Creates a page.
        package init(ids: [JobID] = [], hasMore: Bool = false) {
            self.ids = ids
            self.hasMore = hasMore
        }
    }

    /// The jobs that a filter chooses, behind the job `cursor`; at most `limit`.
    package func page(
        _ filter: JobFilter, after cursor: JobID? = nil, order: JobOrder = .newest, limit: Int
    ) async throws -> Page {
        try await write()
        return try await pool.read { db in
            var place: Int64?
            if let cursor {
                guard
                    let seq = try Int64.fetchOne(
                        db, sql: "SELECT seq FROM jobs WHERE id = ?", arguments: [cursor.rawValue])
                else { throw UnknownCursor() }
                place = seq
            }
            let query = CatalogueQuery(
                filter: filter, cursor: place, order: order, limit: limit + 1)
            let ids = try query.ids(db)
            return Page(ids: Array(ids.prefix(limit)), hasMore: ids.count > limit)
        }
    }

    /// How many jobs are in it.
    package func count() async throws -> Int {
        try await write()
        return try await pool.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM jobs") ?? 0
        }
    }

    /// Ends all use of the file.
    package func close() throws { try pool.close() }

    /// The job that a page shall begin behind is not kept any more.
    package struct UnknownCursor: Error {
        /// Creates the error.
        package init() {}
    }
}
