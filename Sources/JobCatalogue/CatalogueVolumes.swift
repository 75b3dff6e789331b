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
        /// The table of its words, by place.
        var table: String { Self.table(number) }
        /// Its places; up to the next volume.
        let (first, last): (Int64, Int64)

        static func table(_ number: Int64) -> String { "words_\(number)" }
    }

    // MARK: Reading

    /// Those that have places of a span, in order.
    func all(_ order: JobOrder, in span: PlaceSpan) throws -> [Volume] {
        let rows = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT volume, first FROM volumes ORDER BY first"))
        var volumes: [Volume] = []
        for (place, row) in rows.enumerated() {
            let next: Int64? = place + 1 < rows.count ? rows[place + 1]["first"] : nil
            let volume = Volume(
                number: row["volume"], first: row["first"], last: next.map { $0 - 1 } ?? .max)
            if volume.first <= span.last, volume.last >= span.first { volumes.append(volume) }
        }
        return order == .newest ? volumes.reversed() : volumes
    }

    // MARK: Writing

    /// Puts the text of a job in that is not in the tables yet.
    func add(_ text: String, at seq: Int64) throws {
        let found = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT volume, jobs, bytes FROM volumes WHERE first <= ? ORDER BY first DESC LIMIT 1
                    """), arguments: [seq])
        var number: Int64
        if let found {
            number = found["volume"]
            let (jobs, bytes): (Int, Int) = (found["jobs"], found["bytes"])
            if jobs >= size || bytes >= Self.bytes && jobs > 1 {
                number = try split(number, of: jobs, for: seq)
            }
        } else {
            number = try make(first: 0)
        }
        try insert(text, at: seq, in: number)
        try count(1, bytes: text.utf8.count, in: number)
    }

    /// Puts a text in another's place.
    func change(_ before: String, to text: String, at seq: Int64) throws {
        let number = try volume(of: seq)
        try delete(before, at: seq, in: number)
        try insert(text, at: seq, in: number)
        try count(0, bytes: text.utf8.count - before.utf8.count, in: number)
    }

    /// Removes the text of a job, and with the last one the volume.
    func remove(_ text: String, at seq: Int64) throws {
        let number = try volume(of: seq)
        try delete(text, at: seq, in: number)
        try count(-1, bytes: -text.utf8.count, in: number)
        try db.cachedStatement(sql: "DELETE FROM volumes WHERE volume = ? AND jobs = 0")
            .execute(arguments: [number])
        // Its number is given once: what the table holds back until the commit is in nobody's way.
        if db.changesCount > 0 { try db.execute(sql: "DROP TABLE \(Volume.table(number))") }
    }

    private func volume(of seq: Int64) throws -> Int64 {
        let number = try Int64.fetchOne(
            db.cachedStatement(
                sql: "SELECT volume FROM volumes WHERE first <= ? ORDER BY first DESC LIMIT 1"),
            arguments: [seq])
        guard let number else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
        return number
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
    private func split(_ number: Int64, of jobs: Int, for seq: Int64) throws -> Int64 {
        guard let volume = try all(.oldest, in: .all).first(where: { $0.number == number }),
            let middle = try Int64.fetchOne(
                db,
                sql: """
                    SELECT seq FROM jobs WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT 1 OFFSET ?
                    """, arguments: [volume.first, volume.last, jobs / 2])
        else { return number }
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
