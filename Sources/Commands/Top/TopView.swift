/// What `top` can show.
enum TopView: Int, CaseIterable, Sendable {
    case overview = 1
    case nodes, jobs, roamers, events

    /// The name, as `:` takes it.
    var name: String {
        switch self {
        case .overview: "overview"
        case .nodes: "nodes"
        case .jobs: "jobs"
        case .roamers: "roamers"
        case .events: "events"
        }
    }

    /// Reads a name, its start or another word for it that `get` knows.
    init?(_ word: String) {
        let lower = word.lowercased()
        guard !lower.isEmpty else { return nil }
        if let view = Self.allCases.first(where: { $0.name.hasPrefix(lower) }) {
            self = view
            return
        }
        switch try? Noun.parse(lower) {
        case .nodes: self = .nodes
        case .jobs: self = .jobs
        case .roamers: self = .roamers
        case .events: self = .events
        case .clusters: self = .overview
        default: return nil
        }
    }
}

/// One thing that can be selected.
enum TopTarget: Hashable, Sendable {
    case job(String)
    case node(String)
    case cluster(String)
    case event(Int)
}

/// The terminal's size in characters.
struct TopSize: Hashable, Sendable {
    var columns: Int
    var rows: Int

    /// The smallest one that something useful fits on.
    static let least = TopSize(columns: 40, rows: 10)

    /// Whether something useful fits on it.
    var isEnough: Bool { columns >= Self.least.columns && rows >= Self.least.rows }
}
