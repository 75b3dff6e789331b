import GRDB

/// The tables of the catalogue.
enum CatalogueSchema {
    /// Another number makes every catalogue anew.
    static let version = 5

    /// Makes the tables in an empty database.
    ///
    /// `seq` orders jobs as their ids do: milliseconds of the submission, and a place among those of the same
    /// millisecond, in the order in which they were written. Every index ends with it, so that each page is read
    /// from its place on; before it comes the bin of the job's state, kind and cluster, so that none is read in
    /// vain. Labels have numbers, and texts stand apart, as what is looked up of many jobs shall be small.
    static func create(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE bins (
                    bin INTEGER PRIMARY KEY, state TEXT NOT NULL, kind TEXT NOT NULL,
                    cluster TEXT NOT NULL, UNIQUE (state, kind, cluster));
                CREATE TABLE jobs (
                    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, bin INTEGER NOT NULL,
                    ended INTEGER, term INTEGER NOT NULL);
                CREATE INDEX jobs_by_bin ON jobs (bin);
                CREATE INDEX jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;
                CREATE INDEX jobs_alive ON jobs (term) WHERE ended IS NULL;
                CREATE TABLE labels (label INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
                CREATE TABLE labelled (
                    label INTEGER NOT NULL, bin INTEGER NOT NULL, seq INTEGER NOT NULL,
                    PRIMARY KEY (label, bin, seq)) WITHOUT ROWID;
                CREATE INDEX labelled_by_job ON labelled (seq);
                CREATE TABLE abridged (seq INTEGER PRIMARY KEY);
                CREATE TABLE texts (seq INTEGER PRIMARY KEY, text TEXT NOT NULL);
                CREATE TABLE volumes (
                    volume INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL UNIQUE,
                    jobs INTEGER NOT NULL, bytes INTEGER NOT NULL);
                CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
                PRAGMA user_version = \(version);
                """)
    }
}

/// What the catalogue remembers of itself.
enum CatalogueMark: String {
    /// The term of the controller that wrote last.
    case term
    /// Every job that ended before this second is here.
    case through

    func read(_ db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db, sql: "SELECT value FROM marks WHERE name = ?", arguments: [rawValue])
    }

    func remove(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM marks WHERE name = ?", arguments: [rawValue])
    }

    func write(_ value: Int64, _ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)",
            arguments: [rawValue, value])
    }
}
