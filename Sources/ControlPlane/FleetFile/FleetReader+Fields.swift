import FleetCore
import Settings

/// A value, its dotted key and the key's line.
struct FleetField {
    let key: String
    let line: Int
    let value: YamlNode
}

extension FleetReader {
    /// The fields of a mapping by their names, empty ones left out; other keys than `allowed` are mistakes.
    mutating func fields(of field: FleetField, allowed: [String]) -> [String: FleetField] {
        var fields: [String: FleetField] = [:]
        for entry in mapping(field) {
            let key = "\(field.key).\(entry.key)"
            guard allowed.contains(entry.key) else {
                let hint = Suggestion.hint(for: entry.key, among: allowed)
                mistakes.add(line: entry.line, key: key, "unknown key\(hint)")
                continue
            }
            guard !entry.value.isNull else { continue }
            fields[entry.key] = FleetField(key: key, line: entry.line, value: entry.value)
        }
        return fields
    }

    /// The entries of a mapping whose keys are names of the file's own.
    mutating func named(_ field: FleetField) -> [YamlEntry] { mapping(field) }

    /// A key that is a name of the file's own must be a DNS label.
    mutating func checkName(_ entry: YamlEntry, key: String) {
        if let problem = FleetText.dnsLabel(entry.key) {
            mistakes.add(line: entry.line, key: key, "the name \(problem)")
        }
    }

    private mutating func mapping(_ field: FleetField) -> [YamlEntry] {
        switch field.value.content {
        case .null: return []
        case .mapping(let entries): return entries
        case .text, .list:
            mistakes.add(
                line: field.line, key: field.key, "must be a mapping, is \(field.value.kind)")
            return []
        }
    }

    /// A text that must be there.
    mutating func required(
        _ name: String, of parent: FleetField, in fields: [String: FleetField],
        check: (String) -> String?
    ) -> String? {
        if let field = fields[name] { return text(field, check: check) }
        // When the parent is no mapping at all, that is the one mistake.
        if parent.value.entries != nil {
            mistakes.add(line: parent.line, key: parent.key, "has no \(name)")
        }
        return nil
    }

    /// A text for which `check` finds no problem.
    mutating func text(_ field: FleetField, check: (String) -> String?) -> String? {
        text(field.value, line: field.line, key: field.key, check: check)
    }

    private mutating func text(
        _ node: YamlNode, line: Int, key: String, check: (String) -> String?
    ) -> String? {
        guard case .text(let text, let quoted) = node.content else {
            mistakes.add(line: line, key: key, "must be text, is \(node.kind)")
            return nil
        }
        if !quoted, (try? ScalarText.bool(text)) != nil {
            mistakes.add(
                line: line, key: key, "must be text, is \(text); write \"\(text)\" if meant")
            return nil
        }
        if let problem = check(text) {
            mistakes.add(line: line, key: key, problem)
            return nil
        }
        return text
    }

    /// A list of texts, each with its line.
    mutating func texts(
        _ field: FleetField, limit: Int, check: (String) -> String?
    ) -> [FleetPlaced<String>] {
        guard case .list(let items) = field.value.content else {
            mistakes.add(line: field.line, key: field.key, "must be a list, is \(field.value.kind)")
            return []
        }
        guard items.count <= limit else {
            mistakes.add(
                line: field.line, key: field.key,
                "has \(items.count) items, at most \(limit) are allowed")
            return []
        }
        return items.compactMap { item in
            text(item, line: item.line, key: field.key, check: check)
                .map { FleetPlaced(value: $0, line: item.line, key: field.key) }
        }
    }

    /// A whole number within bounds.
    mutating func int(_ field: FleetField, in range: ClosedRange<Int>) -> Int? {
        plain(field, "a whole number") { text throws(TextProblem) in
            try ScalarText.int(text, in: range)
        }
    }

    /// `true` or `false`.
    mutating func bool(_ field: FleetField) -> Bool? {
        plain(field, "true or false") { text throws(TextProblem) in try ScalarText.bool(text) }
    }

    /// A duration within bounds.
    mutating func duration(_ field: FleetField, in range: ClosedRange<Duration>) -> Duration? {
        plain(field, "a duration like 45s", quotes: true) { text throws(TextProblem) in
            try ScalarText.duration(text, in: range)
        }
    }

    /// A size in bytes within bounds.
    mutating func size(_ field: FleetField, in range: ClosedRange<Int64>) -> Int64? {
        plain(field, "a size like 18GB", quotes: true) { text throws(TextProblem) in
            try ScalarText.size(text, in: range)
        }
    }

    /// One of the words of `Choice`.
    mutating func choice<Choice>(_ field: FleetField, _: Choice.Type) -> Choice?
    where Choice: RawRepresentable<String> & CaseIterable {
        let words = Choice.allCases.map(\.rawValue)
        return text(field) { FleetText.choice($0, among: words) }.flatMap(Choice.init(rawValue:))
    }

    private mutating func plain<Value>(
        _ field: FleetField, _ what: String, quotes: Bool = false,
        _ parse: (String) throws(TextProblem) -> Value
    ) -> Value? {
        guard case .text(let text, let quoted) = field.value.content else {
            mistakes.add(
                line: field.line, key: field.key, "must be \(what), is \(field.value.kind)")
            return nil
        }
        guard quotes || !quoted else {
            mistakes.add(line: field.line, key: field.key, "must be \(what), without quotes")
            return nil
        }
        do throws(TextProblem) {
            return try parse(text)
        } catch {
            mistakes.add(line: field.line, key: field.key, error.message)
            return nil
        }
    }
}
