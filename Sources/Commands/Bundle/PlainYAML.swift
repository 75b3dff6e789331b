import Yams

/// A YAML file without its comments and secrets.
enum PlainYAML {
    /// Values that are read: an alias may stand for very many.
    private static let valuesMax = 100_000

    /// The file's content, written anew.
    static func read(_ source: String, _ redactor: Redactor) throws -> String {
        guard let root = try Yams.compose(yaml: source) else { return "" }
        var budget = valuesMax
        return redactor.json(try value(root, &budget)).yaml + "\n"
    }

    private static func value(_ node: Yams.Node, _ budget: inout Int) throws -> JSONValue {
        budget -= 1
        guard budget > 0 else { throw CommandError(.failed, "the file is too large") }
        switch node {
        case .mapping(let mapping):
            return .object(
                try mapping.map { key, value in
                    JSONValue.Member(key.string ?? "?", try Self.value(value, &budget))
                })
        case .sequence(let sequence):
            return .array(try sequence.map { try value($0, &budget) })
        case .scalar(let scalar):
            // A word without quotes that is no text to YAML stays without them.
            let isPlain = scalar.style == .plain || scalar.style == .any
            let isOther = node.null != nil || node.bool != nil || node.float != nil
            return isPlain && isOther ? .number(scalar.string) : .string(scalar.string)
        case .alias: return .string("an alias")
        }
    }
}
