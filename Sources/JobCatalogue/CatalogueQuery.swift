import FleetCore
import GRDB

/// One page of a list, as SQL.
///
/// The plan is chosen here and not by SQLite, which has no statistics. Jobs of the same state, kind and cluster
/// share a bin, and each index has its jobs by bin and place. So the jobs of a label, a submitter, a plan or a
/// node, in any states, kinds, cluster and time, are read without any others. Where several of these are wanted,
/// the one with the fewest jobs is followed, and each of its jobs is looked up in the rest. A text has an index
/// of its own, which knows no bins: it is followed unless the rest leaves few jobs, whose texts are read then.
///
/// What is followed may have very many jobs of which hardly one is in the rest, and a text's pieces many that have
/// not all of it. So they are looked at a volume at a time (``CatalogueVolumes``), and after a while the page ends
/// where that got: its length is bounded, and so is its time.
struct CatalogueQuery {
    let filter: JobFilter
    /// The page is behind this place.
    let cursor: Int64?
    let order: JobOrder
    let limit: Int
    /// The texts of so many jobs are rather read than searched for.
    var few = 5_000
    /// After so long no further volume is begun.
    var patience = Duration.milliseconds(60)

    /// Jobs of an index that are counted to find the one with the fewest.
    private static let countLimit = 20_000

    /// What a page found.
    struct Found<Item: Sendable>: Sendable {
        /// At most `limit`, in order.
        var items: [Item] = []
        /// How far all jobs were looked at; nil when that was the end, or as far as the page goes.
        var reached: Int64?
    }

    /// Reads the page: what is known of the jobs.
    func entries(_ db: Database) throws -> Found<JobCatalogue.Entry> {
        let statement = try db.cachedStatement(
            sql: "SELECT id, kind, state FROM jobs CROSS JOIN bins USING (bin) WHERE seq = ?")
        let places = try places(db)
        let entries = try places.items.compactMap { seq in
            try Row.fetchOne(statement, arguments: [seq]).map { row in
                JobCatalogue.Entry(
                    id: JobID(row["id"] as String), kind: row["kind"], state: row["state"],
                    seq: seq)
            }
        }
        return Found(items: entries, reached: places.reached)
    }

    /// The places of the page's jobs.
    private func places(_ db: Database) throws -> Found<Int64> {
        guard let span = PlaceSpan(filter, behind: cursor, order) else { return Found() }
        guard var indices = try indices(db) else { return Found() }
        let text = filter.text.map(CatalogueEntry.folded)
        if indices.isEmpty, !isBinned {
            guard let text else { return Found(items: try places(span, db)) }
            return try byVolume(span, db) { volume, span, limit in
                try places(of: text, volume, in: nil, passing: [], span, limit, db)
            }
        }
        let bins = try bins(db)
        if text == nil, indices.count < 2 {
            let index = indices.first ?? .all
            return Found(
                items: try places(in: index, bins, passing: [], text: nil, span, limit, db))
        }
        let (place, count) = try fewest(indices.isEmpty ? [.all] : indices, bins, span, db)
        if let text, count > few {
            let wanted = isBinned ? bins : nil
            return try byVolume(span, db) { volume, span, limit in
                try places(of: text, volume, in: wanted, passing: indices, span, limit, db)
            }
        }
        let index: CatalogueIndex = indices.isEmpty ? .all : indices.remove(at: place)
        return try byVolume(span, db) { _, span, limit in
            try places(in: index, bins, passing: indices, text: text, span, limit, db)
        }
    }

    /// Finds places a volume at a time, until the page is full, all were looked at, or the time is over.
    private func byVolume(
        _ span: PlaceSpan, _ db: Database,
        find: (CatalogueVolumes.Volume, PlaceSpan, Int) throws -> [Int64]
    ) throws -> Found<Int64> {
        let clock = ContinuousClock()
        let begun = clock.now
        var found = Found<Int64>()
        var volumes = try CatalogueVolumes(db: db).all(order, in: span)[...]
        while let volume = volumes.popFirst() {
            let part = span.within(volume)
            found.items += try find(volume, part, limit - found.items.count)
            if found.items.count == limit { break }
            if !volumes.isEmpty, clock.now - begun >= patience {
                found.reached = order == .newest ? part.first : part.last
                break
            }
        }
        return found
    }

    // MARK: Ways to the places

    /// Of all jobs.
    private func places(_ span: PlaceSpan, _ db: Database) throws -> [Int64] {
        let sql = "SELECT seq FROM jobs WHERE seq BETWEEN ? AND ? ORDER BY seq \(direction) LIMIT ?"
        return try Int64.fetchAll(
            db.cachedStatement(sql: sql), arguments: [span.first, span.last, limit])
    }

    /// Of the jobs in bins of an index that are in others too, and have a text.
    private func places(
        in index: CatalogueIndex, _ bins: [Int64], passing others: [CatalogueIndex],
        text: String?, _ span: PlaceSpan, _ limit: Int, _ db: Database
    ) throws -> [Int64] {
        var conditions =
            index.conditions + ["i.bin = ?", "i.seq BETWEEN ? AND ?"] + others.map(\.check)
        var rest = StatementArguments()
        for other in others { rest += other.arguments }
        if let text {
            conditions.append(Self.hasText)
            rest += [text]
        }
        let statement = try db.cachedStatement(
            sql: """
                SELECT i.seq FROM \(index.table) i WHERE \(conditions.joined(separator: " AND ")) \
                ORDER BY i.seq \(direction) LIMIT ?
                """)
        var page: [Int64] = []
        var span = span
        for bin in bins {
            var arguments = index.arguments
            arguments += [bin, span.first, span.last]
            arguments += rest
            arguments += [limit]
            page += try Int64.fetchAll(statement, arguments: arguments)
            page.sort { order == .newest ? $0 > $1 : $0 < $1 }
            page.removeLast(max(page.count - limit, 0))
            // Another bin adds nothing behind a page that is full.
            if page.count == limit, let last = page.last { span.end(at: last, order) }
        }
        return page
    }

    /// Of the jobs that have a text, are in bins, unless any will do, and in all of these indices.
    private func places(
        of text: String, _ volume: CatalogueVolumes.Volume, in bins: [Int64]?,
        passing indices: [CatalogueIndex], _ span: PlaceSpan, _ limit: Int, _ db: Database
    ) throws -> [Int64] {
        let words = volume.table
        var conditions = ["\(words) MATCH ?", "\(words).rowid BETWEEN ? AND ?"]
        var arguments: StatementArguments = [Self.phrase(text), span.first, span.last]
        if text.count > 2 * Self.piece {
            conditions.append(Self.hasText)
            arguments += [text]
        }
        if let bins {
            conditions.append("i.bin IN (\(bins.map { _ in "?" }.joined(separator: ", ")))")
            for bin in bins { arguments += [bin] }
        }
        for index in indices {
            conditions.append(index.check)
            arguments += index.arguments
        }
        arguments += [limit]
        let sql = """
            SELECT i.seq FROM \(words) CROSS JOIN jobs i ON i.seq = \(words).rowid \
            WHERE \(conditions.joined(separator: " AND ")) \
            ORDER BY \(words).rowid \(direction) LIMIT ?
            """
        // Not one to be kept: there may be one for each number of bins and of indices.
        return try Int64.fetchAll(db, sql: sql, arguments: arguments)
    }

    /// What the index is asked for: of a longer text its beginning and its end.
    ///
    /// It compares every place in a text at which a piece of three characters is, for each of these: of a long
    /// text that repeats itself that takes more than to look into the jobs that have its ends.
    private static func phrase(_ text: String) -> String {
        let pieces =
            text.count > 2 * piece ? [text.prefix(piece), text.suffix(piece)] : [text[...]]
        return pieces.map { #""\#($0.replacing("\"", with: "\"\""))""# }.joined(separator: " AND ")
    }

    /// Characters of each end.
    private static let piece = 12
    /// Whether a job `i` has a text.
    private static let hasText = "instr((SELECT text FROM texts WHERE texts.seq = i.seq), ?) > 0"

    // MARK: Choosing

    /// Whether it takes jobs of some bins only.
    private var isBinned: Bool {
        !filter.states.isEmpty || !filter.kinds.isEmpty || filter.cluster != nil
    }

    /// Those of the labels that are wanted; nil when no job has one of them.
    private func indices(_ db: Database) throws -> [CatalogueIndex]? {
        let statement = try db.cachedStatement(sql: "SELECT label FROM labels WHERE text = ?")
        var indices: [CatalogueIndex] = []
        for text in filter.marks {
            guard let label = try Int64.fetchOne(statement, arguments: [text]) else { return nil }
            indices.append(.label(label))
        }
        return indices
    }

    /// The bins of the states, kinds and cluster that are wanted; there are some dozens.
    private func bins(_ db: Database) throws -> [Int64] {
        let states = Set(filter.states.map(\.rawValue))
        let kinds = Set(filter.kinds.map(\.rawValue))
        let statement = try db.cachedStatement(sql: "SELECT bin, state, kind, cluster FROM bins")
        return try Row.fetchAll(statement).compactMap { row in
            let (bin, cluster): (Int64, String) = (row["bin"], row["cluster"])
            let (state, kind): (String, String) = (row["state"], row["kind"])
            guard states.isEmpty || states.contains(state), kinds.isEmpty || kinds.contains(kind),
                filter.cluster == nil || filter.cluster?.rawValue == cluster
            else { return nil }
            return bin
        }
    }

    /// Which of several indices has the fewest jobs in the bins, and how many, as far as they are counted.
    private func fewest(
        _ indices: [CatalogueIndex], _ bins: [Int64], _ span: PlaceSpan, _ db: Database
    ) throws -> (place: Int, count: Int) {
        var best = (place: 0, count: Int.max)
        for (place, index) in indices.enumerated() {
            let count = try count(index, bins, span, most: min(best.count, Self.countLimit), db)
            if count < best.count { best = (place, count) }
        }
        return best
    }

    private func count(
        _ index: CatalogueIndex, _ bins: [Int64], _ span: PlaceSpan, most: Int, _ db: Database
    ) throws -> Int {
        let conditions = index.conditions + ["i.bin = ?", "i.seq BETWEEN ? AND ?"]
        let statement = try db.cachedStatement(
            sql: """
                SELECT count(*) FROM (SELECT 1 FROM \(index.table) i \
                WHERE \(conditions.joined(separator: " AND ")) LIMIT ?)
                """)
        var total = 0
        for bin in bins where total < most {
            var arguments = index.arguments
            arguments += [bin, span.first, span.last, most - total]
            total += try Int.fetchOne(statement, arguments: arguments) ?? 0
        }
        return total
    }

    private var direction: String { order == .newest ? "DESC" : "ASC" }
}
