/// One setting a program has: its names, its type, its default and what it is for.
package struct SettingSpec: Sendable {
    /// What a setting's value is, and within which bounds.
    package enum Kind: Sendable {
        /// Text on one line.
        case string
        /// A whole number within bounds.
        case int(ClosedRange<Int>)
        /// True or false; as a flag `--x`, `--no-x` or `--x=false`.
        case bool
        /// A duration within bounds, `30s`.
        case duration(ClosedRange<Duration>)
        /// A size in bytes within bounds, `512MiB`.
        case size(ClosedRange<Int64>)
        /// A path of the file system; not looked at.
        case path
        /// Several texts: a list in the file, else separated by commas, flags may be repeated.
        case list
        /// One of a few words.
        case choice([String])
    }

    /// The dotted key in the file, `link.stop_after`.
    package let key: String
    /// What the value is.
    package let kind: Kind
    /// The default as it would be written; nil when there is none.
    package let defaultText: String?
    /// Whether it must be given somewhere; only without a default.
    package let isRequired: Bool
    /// Whether its value must never be shown.
    package let isSecret: Bool
    /// Whether the file may give it; false for where the file itself is.
    package let inFile: Bool
    /// One sentence for `--help` and the documentation.
    package let help: String

    /// Creates a setting; the flag's and the variable's names follow from the key.
    package init(
        _ key: String, _ kind: Kind, default defaultText: String? = nil, required: Bool = false,
        secret: Bool = false, inFile: Bool = true, help: String
    ) {
        self.key = key
        self.kind = kind
        self.defaultText = defaultText
        self.isRequired = required
        self.isSecret = secret
        self.inFile = inFile
        self.help = help
    }

    /// The flag, `--link-stop-after`.
    package var flag: String {
        "--" + String(key.map { $0 == "." || $0 == "_" ? "-" : $0 })
    }

    /// The environment variable, `JESSICA_LINK_STOP_AFTER`.
    package var variable: String {
        SettingsSource.variablePrefix
            + String(key.map { $0 == "." || $0 == "-" ? "_" : $0 }).uppercased()
    }

    /// The type in words, `whole number from 1 to 65535`.
    package var typeText: String {
        switch kind {
        case .string: "text"
        case .int(let range): "whole number " + ScalarText.words(range)
        case .bool: "true or false"
        case .duration(let range):
            "duration from \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
        case .size(let range):
            "size from \(SizeText.format(range.lowerBound)) to \(SizeText.format(range.upperBound))"
        case .path: "path"
        case .list: "list"
        case .choice(let words): words.joined(separator: "|")
        }
    }
}

/// A setting's value.
package enum SettingValue: Hashable, Sendable {
    /// Of a string, a path or a choice.
    case text(String)
    /// Of an int.
    case number(Int)
    /// Of a bool.
    case flag(Bool)
    /// Of a duration.
    case duration(Duration)
    /// Of a size, in bytes.
    case size(Int64)
    /// Of a list.
    case list([String])

    /// The value as it would be written.
    package var text: String {
        switch self {
        case .text(let text): text
        case .number(let number): String(number)
        case .flag(let flag): String(flag)
        case .duration(let duration): DurationText.format(duration)
        case .size(let size): SizeText.format(size)
        case .list(let items): items.joined(separator: ",")
        }
    }
}

extension SettingSpec {
    /// The longest value, in bytes.
    static let lengthLimit = 8192

    /// Reads a value from a flag, a variable, a default or an unquoted scalar of the file.
    func parse(_ text: String) throws(TextProblem) -> SettingValue {
        guard text.utf8.count <= Self.lengthLimit else {
            throw TextProblem("is longer than \(Self.lengthLimit) bytes")
        }
        switch kind {
        case .string: return .text(try oneLine(text))
        case .path:
            guard !text.isEmpty else { throw TextProblem("must not be empty") }
            return .text(try oneLine(text))
        case .int(let range): return .number(try ScalarText.int(text, in: range))
        case .bool: return .flag(try ScalarText.bool(text))
        case .duration(let range):
            return .duration(try ScalarText.duration(text, in: range))
        case .size(let range): return .size(try ScalarText.size(text, in: range))
        case .list: return .list(try text.split(separator: ",").map(item))
        case .choice(let words):
            guard words.contains(text) else {
                let hint = Suggestion.hint(for: text, among: words)
                throw TextProblem(
                    "must be one of \(words.joined(separator: ", ")), not \(Shown.quoted(text))\(hint)"
                )
            }
            return .text(text)
        }
    }

    /// Reads a value from the file.
    func parse(_ node: YamlNode) throws(TextProblem) -> SettingValue {
        switch (node.content, kind) {
        case (.text(let text, _), .string), (.text(let text, _), .path),
            (.text(let text, _), .choice), (.text(let text, quoted: false), _),
            (.text(let text, quoted: true), .duration), (.text(let text, quoted: true), .size),
            (.text(let text, quoted: true), .list):
            return try parse(text)
        case (.text(_, quoted: true), .int), (.text(_, quoted: true), .bool):
            throw TextProblem("must be a \(typeText), without quotes")
        case (.list(let nodes), .list):
            var items: [String] = []
            for node in nodes {
                guard case .text(let text, _) = node.content else {
                    throw TextProblem("must be a list of texts, has \(node.kind)")
                }
                items.append(try item(text))
            }
            return .list(items)
        case (.null, _), (.list, _), (.mapping, _):
            throw TextProblem("must be \(expected), is \(node.kind)")
        }
    }

    /// What a value must be, to follow `must be`.
    var expected: String {
        switch kind {
        case .list: "a list"
        case .string, .path: "text"
        case .choice: "one of \(typeText)"
        case .bool: "true or false"
        case .int, .duration, .size: "a \(typeText)"
        }
    }

    private func oneLine(_ text: String) throws(TextProblem) -> String {
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw TextProblem("must be one line without control characters")
        }
        return text
    }

    private func item(_ text: some StringProtocol) throws(TextProblem) -> String {
        var item = Substring(text)
        while item.first == " " { item.removeFirst() }
        while item.last == " " { item.removeLast() }
        guard !item.isEmpty else { throw TextProblem("has an empty item") }
        return try oneLine(String(item))
    }
}
