import GRDB

/// The index of words, in volumes: each has a stretch of places, and so many jobs or so much text.
///
/// SQLite says that no job has a text only when it has been through the whole index, which takes long where many
/// jobs have its pieces. So a page is read a volume at a time, and can end between two of them.
struct CatalogueVolumes {
    let db: Database
    /// A volume of so many jobs takes no more, and is split.
    var size = Self.size

    /// Some milliseconds' worth of looking up.
    static let size = 1 << 16
    /// The same for one with so many bytes of text.
    static let bytes = 8 << 20

    struct Volume {
        let number: Int64
        /// Its places; up to the next volume.
        let (first, last): (Int64, Int64)
        /// What it holds.
        let (jobs, bytes): (Int, Int)
        /// The table of its words, by place.
        var table: String { Self.table(number) }

        /// What the columns say; `next` is where the next one begins.
        fileprivate init(_ row: Row) {
            number = row["volume"]
            let next: Int64? = row["next"]
            (first, last) = (row["first"], next.map { $0 - 1 } ?? .max)
            (jobs, bytes) = (row["jobs"], row["bytes"])
        }

        static func table(_ number: Int64) -> String { "words_\(number)" }
    }

    // MARK: Reading

    /// Those that have places of a span, in order.
    func all(_ order: JobOrder, in span: PlaceSpan) throws -> [Volume] {
        let volumes = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT volume, first, jobs, bytes, LEAD(first) OVER (ORDER BY first) AS next
                    FROM volumes ORDER BY first
                    """)
        ).map { Volume($0) }.filter { $0.first <= span.last && $0.last >= span.first }
        return order == .newest ? volumes.reversed() : volumes
    }

    // MARK: Writing

    /// Puts the text of a job in that is not in the tables yet.
    func add(_ text: String, at seq: Int64) throws {
        let number: Int64
        if let volume = try volume(of: seq) {
            let isFull = volume.jobs >= size || volume.bytes >= Self.bytes && volume.jobs > 1
            number = isFull ? try split(volume, for: seq) : volume.number
        } else {
            number = try make(first: 0)
        }
        try insert(text, at: seq, in: number)
        try count(1, bytes: text.utf8.count, in: number)
    }

    /// Puts a text in another's place.
    func change(_ before: String, to text: String, at seq: Int64) throws {
        let number = try number(of: seq)
        try delete(before, at: seq, in: number)
        try insert(text, at: seq, in: number)
        try count(0, bytes: text.utf8.count - before.utf8.count, in: number)
    }

    /// Removes the text of a job, and with the last one the volume.
    func remove(_ text: String, at seq: Int64) throws {
        let number = try number(of: seq)
        try delete(text, at: seq, in: number)
        try count(-1, bytes: -text.utf8.count, in: number)
        try db.cachedStatement(sql: "DELETE FROM volumes WHERE volume = ? AND jobs = 0")
            .execute(arguments: [number])
        // Its number is given once: what the table holds back until the commit is in nobody's way.
        if db.changesCount > 0 { try db.execute(sql: "DROP TABLE \(Volume.table(number))") }
    }

    /// The volume of a place; nil when there is none before it.
    private func volume(of seq: Int64) throws -> Volume? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT volume, first, jobs, bytes,
                        (SELECT MIN(first) FROM volumes WHERE first > ?1) AS next
                    FROM volumes WHERE first <= ?1 ORDER BY first DESC LIMIT 1
                    """), arguments: [seq]
        ).map { Volume($0) }
    }

    private func number(of seq: Int64) throws -> Int64 {
        guard let volume = try volume(of: seq) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
        return volume.number
    }

    private func make(first: Int64) throws -> Int64 {
        try db.execute(
            sql: "INSERT INTO volumes (first, jobs, bytes) VALUES (?, 0, 0)", arguments: [first])
        let number = db.lastInsertedRowID
        // The texts are in a table of their own.
        try db.execute(
            sql: """
                CREATE VIRTUAL TABLE \(Volume.table(number)) USING fts5 (
                    text, content='', tokenize='trigram case_sensitive 1')
                """)
        return number
    }

    /// Splits a full volume for a job that comes into it; the number of that job's.
    ///
    /// Nearly always it is the latest, and nothing is moved; at most half of the jobs are.
    private func split(_ volume: Volume, for seq: Int64) throws -> Int64 {
        let number = volume.number
        let middle = try Int64.fetchOne(
            db,
            sql: """
                SELECT seq FROM jobs WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT 1 OFFSET ?
                """, arguments: [volume.first, volume.last, volume.jobs / 2])
        guard let middle else { return number }
        let start = max(seq, middle)
        let new = try make(first: start)
        var next = start
        while true {
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT seq, text FROM texts WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT 500
                        """), arguments: [next, volume.last])
            for row in rows {
                let (seq, text): (Int64, String) = (row["seq"], row["text"])
                try delete(text, at: seq, in: number)
                try insert(text, at: seq, in: new)
            }
            let bytes = rows.reduce(0) { $0 + ($1["text"] as String).utf8.count }
            try count(-rows.count, bytes: -bytes, in: number)
            try count(rows.count, bytes: bytes, in: new)
            guard let last: Int64 = rows.last?["seq"], last < volume.last else { break }
            next = last + 1
        }
        return seq < start ? number : new
    }

    private func insert(_ text: String, at seq: Int64, in number: Int64) throws {
        try db.cachedStatement(
            sql: "INSERT INTO \(Volume.table(number)) (rowid, text) VALUES (?, ?)"
        ).execute(arguments: [seq, text])
    }

    /// The index must be told what it had.
    private func delete(_ text: String, at seq: Int64, in number: Int64) throws {
        let table = Volume.table(number)
        try db.cachedStatement(
            sql: "INSERT INTO \(table) (\(table), rowid, text) VALUES ('delete', ?, ?)"
        ).execute(arguments: [seq, text])
    }

    private func count(_ jobs: Int, bytes: Int, in number: Int64) throws {
        try db.cachedStatement(
            sql: "UPDATE volumes SET jobs = jobs + ?, bytes = bytes + ? WHERE volume = ?"
        ).execute(arguments: [jobs, bytes, number])
    }
}
