import FleetCore
import GRDB

/// Writes jobs into the tables.
struct CatalogueWriter {
    let db: Database
    /// The term of the controller that writes.
    let term: Int64
    /// Jobs of a volume of words.
    let volumeSize: Int

    private var volumes: CatalogueVolumes { CatalogueVolumes(db: db, size: volumeSize) }

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
            db.cachedStatement(sql: "SELECT seq, term, bin FROM jobs WHERE id = ?"),
            arguments: [entry.id])
        let bin = try bin(of: entry)
        let seq: Int64
        // Nothing but nodes is added to a job that is there.
        var labels = entry.nodes
        if let found {
            let (written, before): (Int64, Int64) = (found["term"], found["bin"])
            if isOld, written == term { return }
            seq = found["seq"]
            try db.cachedStatement(
                sql: "UPDATE jobs SET bin = ?, ended = ?, term = ? WHERE seq = ?"
            ).execute(arguments: [bin, entry.ended, term, seq])
            if before != bin {
                try db.cachedStatement(sql: "UPDATE labelled SET bin = ? WHERE seq = ?")
                    .execute(arguments: [bin, seq])
            }
        } else {
            seq = try freeSeq(entry.milliseconds)
            try insert(entry, in: bin, at: seq)
            labels.formUnion(entry.labels)
        }
        for text in labels {
            try db.cachedStatement(
                sql: "INSERT OR IGNORE INTO labelled (label, bin, seq) VALUES (?, ?, ?)"
            ).execute(arguments: [label(of: text), bin, seq])
        }
    }

    /// The number of a label; a new one for the first that has it.
    private func label(of text: String) throws -> Int64 {
        let found = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT label FROM labels WHERE text = ?"), arguments: [text])
        if let found { return found }
        try db.cachedStatement(sql: "INSERT INTO labels (text) VALUES (?)").execute(
            arguments: [text])
        return db.lastInsertedRowID
    }

    /// The bin of all jobs of that state, kind and cluster; a new one for the first.
    private func bin(of entry: CatalogueEntry) throws -> Int64 {
        let what: StatementArguments = [entry.state, entry.kind, entry.cluster]
        let found = try Int64.fetchOne(
            db.cachedStatement(
                sql: "SELECT bin FROM bins WHERE state = ? AND kind = ? AND cluster = ?"),
            arguments: what)
        if let found { return found }
        try db.cachedStatement(sql: "INSERT INTO bins (state, kind, cluster) VALUES (?, ?, ?)")
            .execute(arguments: what)
        return db.lastInsertedRowID
    }

    private func insert(_ entry: CatalogueEntry, in bin: Int64, at seq: Int64) throws {
        try db.cachedStatement(
            sql: "INSERT INTO jobs (seq, id, bin, ended, term) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: [seq, entry.id, bin, entry.ended, term])
        try volumes.add(entry.text, at: seq)
        try db.cachedStatement(sql: "INSERT INTO texts (seq, text) VALUES (?, ?)")
            .execute(arguments: [seq, entry.text])
        if entry.isAbridged {
            try db.cachedStatement(sql: "INSERT INTO abridged (seq) VALUES (?)")
                .execute(arguments: [seq])
        }
    }

    /// Lets all of an input be searched where its short form was; without one that stays.
    func complete(_ id: JobID, _ input: String?) throws {
        let found = try Row.fetchOne(
            db.cachedStatement(sql: "\(Self.withText) WHERE id = ?"), arguments: [id.rawValue])
        guard let found else { return }
        let (seq, before): (Int64, String) = (found["seq"], found["text"])
        try db.cachedStatement(sql: "DELETE FROM abridged WHERE seq = ?").execute(arguments: [seq])
        guard let input else { return }
        let text = CatalogueEntry.text(id, input)
        try volumes.change(before, to: text, at: seq)
        try db.cachedStatement(sql: "UPDATE texts SET text = ? WHERE seq = ?")
            .execute(arguments: [text, seq])
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
            db, sql: "\(Self.withText) WHERE ended < ? LIMIT ?",
            arguments: [second, limit])
        try remove(rows)
        return rows.count
    }

    /// Removes those that a former controller left alive, and of which nothing is known any more.
    func removeForgotten() throws {
        try remove(
            Row.fetchAll(
                db, sql: "\(Self.withText) WHERE ended IS NULL AND term < ?",
                arguments: [term]))
    }

    /// Removes jobs, if they are there.
    func remove(_ ids: [JobID]) throws {
        for id in ids {
            try remove(
                Row.fetchAll(
                    db, sql: "\(Self.withText) WHERE id = ?", arguments: [id.rawValue]))
        }
    }

    /// What `remove` must know of jobs.
    private static let withText = "SELECT seq, text FROM jobs CROSS JOIN texts USING (seq)"

    private func remove(_ rows: [Row]) throws {
        var labels: Set<Int64> = []
        for row in rows {
            let (seq, text): (Int64, String) = (row["seq"], row["text"])
            try volumes.remove(text, at: seq)
            labels.formUnion(
                try Int64.fetchAll(
                    db.cachedStatement(sql: "SELECT label FROM labelled WHERE seq = ?"),
                    arguments: [seq]))
            for table in ["labelled", "abridged", "texts", "jobs"] {
                try db.cachedStatement(sql: "DELETE FROM \(table) WHERE seq = ?")
                    .execute(arguments: [seq])
            }
        }
        for label in labels { try removeUnused(label) }
    }

    /// Removes a label that no job has any more.
    private func removeUnused(_ label: Int64) throws {
        try db.cachedStatement(
            sql: """
                DELETE FROM labels WHERE label = ? \
                AND NOT EXISTS (SELECT 1 FROM labelled WHERE labelled.label = labels.label)
                """
        ).execute(arguments: [label])
    }
}
