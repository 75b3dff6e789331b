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
    private let path: String
    private let term: Int64
    private let volumeSize: Int
    private let waiting = Mutex(Waiting())
    /// Ticks when something was recorded; for one reader.
    package let changes: AsyncStream<Void>
    private let tick: AsyncStream<Void>.Continuation

    private struct Waiting {
        var jobs: [JobID: Job] = [:]
        /// Whether a writer holds jobs that are not in the file yet.
        var isWriting = false
        /// Whether something was let go of, so that the list is not true any more.
        var isLost = false
        /// Whether all of the record is in the file.
        var isWhole = false
    }

    /// Jobs written in one transaction when the catalogue is made.
    package static let chunk = 1_000

    /// Opens the catalogue in a file, or makes it; a file that is damaged, of another record or of another
    /// version is made anew.
    ///
    /// `term` is that of the controller that writes from now on. Throws what the file system says.
    package convenience init(path: String, term: UInt64) throws {
        try self.init(path: path, term: term, volumeSize: CatalogueVolumes.size)
    }

    /// The same with volumes of another size.
    init(path: String, term: UInt64, volumeSize: Int) throws {
        let term = Int64(clamping: term)
        self.volumeSize = volumeSize
        self.term = term
        self.path = path
        (changes, tick) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        do {
            pool = try Self.open(path, term)
        } catch let error where error is Foreign || (error as? DatabaseError)?.isDamage == true {
            // Tables of a million jobs are not emptied in a moment, and would keep their room.
            try CatalogueFile.remove(path)
            pool = try Self.open(path, term)
        }
    }

    /// The file is of another version, or of another record.
    private struct Foreign: Error {}

    /// Removes the file of a catalogue that nobody has open; the next one is made anew.
    package static func remove(path: String) throws { try CatalogueFile.remove(path) }

    private static func open(_ path: String, _ term: Int64) throws -> DatabasePool {
        try CatalogueFile.make(path)
        var configuration = Configuration()
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            // What a power cut takes from it is read from Redis again.
            try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4000")
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        do {
            try pool.write { try takeOver($0, term) }
        } catch {
            // What SQLite keeps beside a file goes with the last who has it open, by its name.
            try? pool.close()
            throw error
        }
        return pool
    }

    /// Makes the tables of an empty file, and takes those of an earlier controller of this record as they are.
    private static func takeOver(_ db: Database, _ term: Int64) throws {
        if try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0 {
            try CatalogueSchema.create(db)
        } else {
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version")
            guard version == CatalogueSchema.version else { throw Foreign() }
            // Terms only rise: a greater one belongs to another record.
            if let last = try CatalogueMark.term.read(db), last >= term { throw Foreign() }
        }
        try CatalogueMark.term.write(term, db)
    }

    // MARK: Writing

    /// Notes jobs as they were just stored; they are written when somebody asks, or by `write`.
    ///
    /// When too many wait, because the disk takes none, they are let go, and so is the list: it is made anew at
    /// the next start.
    package func record(_ jobs: [Job]) {
        guard !jobs.isEmpty else { return }
        waiting.withLock { waiting in
            for job in jobs { waiting.jobs[job.id] = job }
            guard waiting.jobs.count > Self.waitingLimit else { return }
            waiting.jobs = [:]
            waiting.isLost = true
        }
        tick.yield()
    }

    /// Jobs that may wait to be written.
    private static let waitingLimit = 200_000

    /// Whether something is not in the file yet, or only on its way there.
    private var isBehind: Bool { waiting.withLock { !$0.jobs.isEmpty || $0.isWriting } }

    /// Writes what was recorded; all of it is in the file when this returns.
    package func write() async throws {
        // Writers come one after the other, so one with nothing to do waits for the one before.
        guard isBehind else { return }
        try await guarded {
            try await pool.writeWithoutTransaction { [self] db in
                // Taken when it is this writer's turn: whoever waits for its end finds all of it in the file.
                let (jobs, isWhole, isLost) = waiting.withLock { waiting in
                    defer { waiting.jobs = [:] }
                    waiting.isWriting = true
                    return (waiting.jobs, waiting.isWhole, waiting.isLost)
                }
                do {
                    try db.inTransaction {
                        try write(jobs, to: db, moving: isWhole && !isLost)
                        if isLost { try CatalogueMark.through.remove(db) }
                        return .commit
                    }
                    waiting.withLock { $0.isWriting = false }
                } catch {
                    waiting.withLock { waiting in
                        waiting.isWriting = false
                        // Before the next writer's turn, and not over what has changed meanwhile.
                        waiting.jobs.merge(jobs) { now, _ in now }
                    }
                    throw error
                }
            }
        }
    }

    private func writer(_ db: Database) -> CatalogueWriter {
        CatalogueWriter(db: db, term: term, volumeSize: volumeSize)
    }

    private func write(_ jobs: [JobID: Job], to db: Database, moving: Bool) throws {
        let writer = writer(db)
        for id in jobs.keys.sorted() {
            if let job = jobs[id] { try writer.put(job) }
        }
        guard moving, let last = jobs.values.compactMap({ $0.ending?.at }).max() else { return }
        let second = last.nanoseconds / 1_000_000_000
        if try CatalogueMark.through.read(db) ?? 0 < second {
            try CatalogueMark.through.write(second, db)
        }
    }

    /// Lets the next start make the file anew when it turns out to be damaged.
    private func guarded<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as DatabaseError where error.isDamage {
            try? CatalogueFile.remove(path)
            throw error
        }
    }

    // MARK: Making it whole

    /// Every job that ended before this second is in the file; nil when it must be made from the beginning.
    package func wholeThrough() async throws -> Int64? {
        try await pool.read { try CatalogueMark.through.read($0) }
    }

    /// Writes jobs that were read from the record; what is newer stays.
    package func add(_ jobs: [Job]) async throws {
        // In the order of their ids: jobs of the same millisecond stand as they were written.
        try await write()
        try await pool.write { [self] db in
            let writer = writer(db)
            for job in jobs { try writer.put(job, isOld: true) }
        }
    }

    /// Tells that every job of the record was added that had ended by this second, and all that are alive.
    package func isWhole(through second: Int64) async throws {
        // Those that are alive are known by having been written in this life.
        try await write()
        try await pool.write { [self] db in
            try writer(db).removeForgotten()
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
            let count = try await pool.write { [self] db in
                try writer(db).removeEnded(before: second, limit: Self.chunk)
            }
            total += count
            if count < Self.chunk { return total }
        }
    }

    /// Forgets jobs of which the record has nothing any more.
    package func forget(_ ids: [JobID]) async throws {
        guard !ids.isEmpty else { return }
        try await pool.write { [self] db in try writer(db).remove(ids) }
    }

    // MARK: Inputs that the record has not all of

    /// Jobs of which only a short form of the input can be searched so far, the latest first.
    package func abridged(limit: Int) async throws -> [JobID] {
        try await pool.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM abridged JOIN jobs USING (seq) ORDER BY seq DESC LIMIT ?
                    """, arguments: [limit]
            ).map { JobID($0) }
        }
    }

    /// Lets whole inputs be searched; of one that is nowhere any more the short form stays.
    package func complete(_ inputs: [(job: JobID, input: String?)]) async throws {
        try await guarded {
            try await pool.write { [self] db in
                let writer = writer(db)
                for (job, input) in inputs { try writer.complete(job, input) }
            }
        }
    }

    // MARK: Reading

    /// What the catalogue itself knows of a job.
    package struct Entry: Hashable, Sendable {
        /// Which job.
        package let id: JobID
        /// Its kind.
        package let kind: String
        /// Its state, as it was stored last.
        package let state: String
        let seq: Int64
    }

    /// A place in the list: behind a job, whether that is still kept or not.
    package struct Cursor: Hashable, Sendable, CustomStringConvertible {
        let seq: Int64
        /// Reads a cursor; nil when it is none.
        package init?(_ text: some StringProtocol) {
            guard let seq = Int64(text), seq >= 0 else { return nil }
            self.seq = seq
        }
        init(seq: Int64) { self.seq = seq }
        /// The text that `init(_:)` reads.
        package var description: String { "\(seq)" }
    }

    /// One page of a list.
    package struct Page: Hashable, Sendable {
        /// The jobs, in order.
        package var entries: [Entry]
        /// Where the next page begins; nil when this is the last.
        package var next: Cursor?
        /// The jobs' ids.
        package var ids: [JobID] { entries.map(\.id) }
        /// Creates a page.
        package init(entries: [Entry] = [], next: Cursor? = nil) {
            self.entries = entries
            self.next = next
        }
    }

    /// The jobs that a filter chooses, behind a place; at most `limit`.
    ///
    /// Fewer, or none, and yet a next page, where very many jobs would have to be looked at to fill it.
    package func page(
        _ filter: JobFilter, after cursor: Cursor? = nil, order: JobOrder = .newest, limit: Int
    ) async throws -> Page {
        try await write()
        guard !waiting.withLock({ $0.isLost }) else { throw Incomplete() }
        return try await guarded {
            try await pool.read { db in
                let query = CatalogueQuery(
                    filter: filter, cursor: cursor?.seq, order: order, limit: limit + 1)
                let found = try query.entries(db)
                let page = Array(found.items.prefix(limit))
                let next = found.items.count > limit ? page.last?.seq : found.reached
                return Page(entries: page, next: next.map { Cursor(seq: $0) })
            }
        }
    }

    /// Whether every job of the record is in it by now.
    package var isComplete: Bool { waiting.withLock { $0.isWhole && !$0.isLost } }

    /// How many jobs are in it.
    package func count() async throws -> Int {
        try await write()
        return try await pool.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM jobs") ?? 0
        }
    }

    /// Ends all use of the file.
    package func close() throws { try pool.close() }

    /// Too much happened while the disk took nothing: the list is made anew at the next start.
    package struct Incomplete: Error, CustomStringConvertible {
        /// What to do.
        package var description: String {
            "too much happened while nothing could be written; restart the controller"
        }
    }
}

extension DatabaseError {
    /// Whether the file is no database, or a damaged one.
    fileprivate var isDamage: Bool {
        [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(resultCode)
    }
}
