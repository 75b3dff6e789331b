import FleetCore
import GRDB

/// One page of a list, as SQL.
///
/// The plan is chosen here and not by SQLite, which has no statistics: one index gives the jobs in their order
/// from the page's place on, and what it does not say of them is looked up. Where several states or kinds are
/// wanted, each has its own part, and the parts are merged.
struct CatalogueQuery {
    let filter: JobFilter
    /// The page is behind this place.
    let cursor: Int64?
    let order: JobOrder
    let limit: Int

    /// Reads the page: what is known of the jobs, in order, at most `limit`.
    func entries(_ db: Database) throws -> [JobCatalogue.Entry] {
        var arguments = StatementArguments()
        let sql = sql(&arguments)
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).map { row in
            JobCatalogue.Entry(
                id: JobID(row["id"] as String), kind: row["kind"], state: row["state"],
                seq: row["seq"])
        }
    }

    private func sql(_ arguments: inout StatementArguments) -> String {
        // The rarest first: whichever can, drives.
        if let text = filter.text {
            arguments += [#""\#(text.replacing("\"", with: "\"\""))""#]
            return driven(
                "words CROSS JOIN jobs j ON j.seq = words.rowid", by: "words.rowid",
                where: "words MATCH ?", labels: filter.marks[...], node: filter.node, &arguments)
        }
        // Few jobs are alive, whatever else is wanted of them.
        let areAlive = !filter.states.isEmpty && !filter.states.contains(where: \.isFinal)
        if areAlive { return merged(&arguments) }
        if let label = filter.marks.first {
            arguments += [label]
            return driven(
                "labels l CROSS JOIN jobs j ON j.seq = l.seq", by: "l.seq", where: "l.label = ?",
                labels: filter.marks.dropFirst(), node: filter.node, &arguments)
        }
        if let node = filter.node {
            arguments += [node.rawValue]
            return driven(
                "tries t CROSS JOIN jobs j ON j.seq = t.seq", by: "t.seq", where: "t.node = ?",
                labels: [], node: nil, &arguments)
        }
        return merged(&arguments)
    }

    /// A query that follows one index, and looks everything else up.
    private func driven(
        _ tables: String, by seq: String, where condition: String, labels: ArraySlice<String>,
        node: NodeName?, _ arguments: inout StatementArguments
    ) -> String {
        var conditions = [condition] + range(seq, &arguments)
        func any(_ column: String, _ values: [String]) {
            guard !values.isEmpty else { return }
            conditions.append("\(column) IN (\(values.map { _ in "?" }.joined(separator: ", ")))")
            for value in values { arguments += [value] }
        }
        any("j.state", states ?? [])
        any("j.kind", kinds ?? [])
        any("j.cluster", filter.cluster.map { [$0.rawValue] } ?? [])
        conditions += owned("j.seq", labels, node, &arguments)
        arguments += [limit]
        return """
            SELECT j.seq, j.id, j.kind, j.state FROM \(tables) WHERE \(conditions.joined(separator: " AND ")) \
            ORDER BY \(seq) \(direction) LIMIT ?
            """
    }

    /// The conditions that a job has labels and was on a node.
    private func owned(
        _ seq: String, _ labels: ArraySlice<String>, _ node: NodeName?,
        _ arguments: inout StatementArguments
    ) -> [String] {
        for label in labels { arguments += [label] }
        if let node { arguments += [node.rawValue] }
        return labels.map { _ in "EXISTS (SELECT 1 FROM labels WHERE label = ? AND seq = \(seq))" }
            + (node == nil
                ? [] : ["EXISTS (SELECT 1 FROM tries WHERE node = ? AND seq = \(seq))"])
    }

    /// A part for each combination of values that an index has as its beginning.
    private func merged(_ arguments: inout StatementArguments) -> String {
        var parts: [[(column: String, value: String)]] = [[]]
        func expand(_ column: String, _ values: [String]?) {
            guard let values else { return }
            parts = parts.flatMap { part in values.map { part + [(column, $0)] } }
        }
        let needsKind = filter.cluster != nil || kinds != nil
        expand("cluster", filter.cluster.map { [$0.rawValue] })
        expand("kind", needsKind ? kinds ?? JobKind.allCases.map(\.rawValue) : nil)
        expand("state", needsKind ? states ?? JobState.allCases.map(\.rawValue) : states)
        let selects = parts.map { part in
            for (_, value) in part { arguments += [value] }
            let conditions =
                part.map { "\($0.column) = ?" } + range("seq", &arguments)
                + owned("jobs.seq", filter.marks[...], filter.node, &arguments)
            let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
            arguments += [limit]
            return """
                SELECT * FROM (SELECT seq, id, kind, state FROM jobs \(filter) \
                ORDER BY seq \(direction) LIMIT ?)
                """
        }
        arguments += [limit]
        return """
            SELECT seq, id, kind, state FROM (\(selects.joined(separator: " UNION ALL "))) \
            ORDER BY seq \(direction) LIMIT ?
            """
    }

    private var direction: String { order == .newest ? "DESC" : "ASC" }
    private var states: [String]? {
        filter.states.isEmpty ? nil : filter.states.map(\.rawValue).sorted()
    }
    private var kinds: [String]? {
        filter.kinds.isEmpty ? nil : filter.kinds.map(\.rawValue).sorted()
    }

    /// The conditions on the place of a job.
    private func range(_ seq: String, _ arguments: inout StatementArguments) -> [String] {
        var conditions: [String] = []
        func add(_ comparison: String, _ value: Int64) {
            conditions.append("\(seq) \(comparison) ?")
            arguments += [value]
        }
        if let cursor { add(order == .newest ? "<" : ">", cursor) }
        if let since = filter.since { add(">=", Self.seq(since)) }
        if let until = filter.until { add("<", Self.seq(until)) }
        return conditions
    }

    /// The first place of the jobs submitted in the millisecond of an instant or later.
    private static func seq(_ instant: Instant) -> Int64 {
        let (whole, rest) = instant.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return CatalogueWriter.seq(milliseconds: rest > 0 ? whole + 1 : whole)
    }
}
