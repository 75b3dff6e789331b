import GRDB

/// Jobs by bin and place: all of them, or those that have a label.
enum CatalogueIndex {
    case all
    /// The number of a label.
    case label(Int64)

    /// The table that has it.
    var table: String {
        switch self {
        case .all: "jobs"
        case .label: "labelled"
        }
    }

    /// What a row of the table must be; takes `arguments`.
    var conditions: [String] {
        switch self {
        case .all: []
        case .label: ["label = ?"]
        }
    }

    /// What `conditions` and `check` take.
    var arguments: StatementArguments {
        switch self {
        case .all: []
        case .label(let label): [label]
        }
    }

    /// The condition that a job `i` of another index is in this one.
    var check: String {
        let own = conditions + ["bin = i.bin", "seq = i.seq"]
        return "EXISTS (SELECT 1 FROM \(table) WHERE \(own.joined(separator: " AND ")))"
    }
}
