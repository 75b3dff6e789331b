import ArgumentParser

/// How data is printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case table, wide, json, jsonl, yaml, name

    /// Whether it is made for programs.
    var isMachine: Bool { self != .table && self != .wide }
}
