import FleetCore
import GRDB

/// Writes jobs into the tables.
struct CatalogueWriter {
    let db: Database
    /// The term of the controller that writes.
    let term: Int64

    /// Room for the jobs of one millisecond.
    private static let perMillisecond: Int64 = 1 << 15

    /// Where jobs of a time begin.
    static func seq(milliseconds: Int64) -> Int64 {
        min(max(milliseconds, 0), Int64.max / perMillisecond - 1) * perMillisecond
    }

    /// Puts a job in, or what is new of it.
    ///
    /// With `isOld` it was read from the store, and gives way to what this controller has written already.
    func put(_ job: Job, isOld: Bool = false) throws {
        let entry = CatalogueEntry(job)
        let found = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT seq, term FROM jobs WHERE id = ?"),
            arguments: [entry.id])
        let seq: Int64
        if let found {
            let written: Int64 = found["term"]
            if isOld, written == term { return }
            seq = found["seq"]
            try db.cachedStatement(
                sql: """
                    UPDATE jobs SET state = ?, cluster = ?, ended = ?, term = ? WHERE seq = ?
                    """
            ).execute(arguments: [entry.state, entry.cluster, entry.ended, term, seq])
        } else {
            seq = try freeSeq(entry.milliseconds)
            try insert(entry, at: seq)
        }
        for node in entry.nodes {
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO tries (node, seq) VALUES (?, ?)")
                .execute(arguments: [node, seq])
        }
    }

    private func insert(_ entry: CatalogueEntry, at seq: Int64) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO jobs (seq, id, state, kind, cluster, ended, term, text)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            seq, entry.id, entry.state, entry.kind, entry.cluster, entry.ended, term, entry.text,
        ])
        try db.cachedStatement(sql: "INSERT INTO words (rowid, text) VALUES (?, ?)")
            .execute(arguments: [seq, entry.text])
        if entry.isAbridged {
            try db.cachedStatement(sql: "INSERT INTO abridged (seq) VALUES (?)")
                .execute(arguments: [seq])
        }
        for label in entry.labels {
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO labels (label, seq) VALUES (?, ?)")
                .execute(arguments: [label, seq])
        }
    }

    /// Lets all of an input be searched where its short form was; without one that stays.
    func complete(_ id: JobID, _ input: String?) throws {
        let found = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT seq, text FROM jobs WHERE id = ?"),
            arguments: [id.rawValue])
        guard let found else { return }
        let seq: Int64 = found["seq"]
        try db.cachedStatement(sql: "DELETE FROM abridged WHERE seq = ?").execute(arguments: [seq])
        guard let input else { return }
        let text = CatalogueEntry.text(id, input)
        try removeWords(found)
        try db.cachedStatement(sql: "UPDATE jobs SET text = ? WHERE seq = ?")
            .execute(arguments: [text, seq])
        try db.cachedStatement(sql: "INSERT INTO words (rowid, text) VALUES (?, ?)")
            .execute(arguments: [seq, text])
    }

    /// A place behind all jobs of that millisecond; where it is full, behind those of the next.
    private func freeSeq(_ milliseconds: Int64) throws -> Int64 {
        var first = Self.seq(milliseconds: milliseconds)
        while true {
            let end = first + Self.perMillisecond
            let last = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT max(seq) FROM jobs WHERE seq >= ? AND seq < ?"),
                arguments: [first, end])
            guard let last else { return first }
            if last + 1 < end { return last + 1 }
            first = end
        }
    }

    /// Removes at most `limit` jobs that ended before a second; how many there were.
    func removeEnded(before second: Int64, limit: Int) throws -> Int {
        let rows = try Row.fetchAll(
            db, sql: "SELECT seq, text FROM jobs WHERE ended < ? LIMIT ?",
            arguments: [second, limit])
        try remove(rows)
        return rows.count
    }

    /// Removes those that a former controller left alive, and of which nothing is known any more.
    func removeForgotten() throws {
        try remove(
            Row.fetchAll(
                db, sql: "SELECT seq, text FROM jobs WHERE ended IS NULL AND term < ?",
                arguments: [term]))
    }

    /// Removes jobs, if they are there.
    func remove(_ ids: [JobID]) throws {
        for id in ids {
            try remove(
                Row.fetchAll(
                    db, sql: "SELECT seq, text FROM jobs WHERE id = ?", arguments: [id.rawValue]))
        }
    }

    private func remove(_ rows: [Row]) throws {
        for row in rows {
            let seq: Int64 = row["seq"]
            try removeWords(row)
            for table in ["tries", "labels", "abridged", "jobs"] {
                try db.cachedStatement(sql: "DELETE FROM \(table) WHERE seq = ?")
                    .execute(arguments: [seq])
            }
        }
    }

    /// The index of words must be told what it had.
    private func removeWords(_ row: Row) throws {
        let (seq, text): (Int64, String) = (row["seq"], row["text"])
        try db.cachedStatement(
            sql: "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"
        ).execute(arguments: [seq, text])
    }
}
