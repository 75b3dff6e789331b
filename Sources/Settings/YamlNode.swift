/// A YAML value with the line it stands on; keys are text, and unique within their mapping.
package struct YamlNode: Sendable {
    /// What a value can be.
    package enum Content: Sendable {
        /// Nothing: `key:`, `~` or `null`.
        case null
        /// A scalar as written, without its quotes.
        case text(String, quoted: Bool)
        /// A sequence.
        case list([YamlNode])
        /// A mapping in the order of the file.
        case mapping([YamlEntry])
    }

    /// The value.
    package let content: Content
    /// Where it begins, from 1; for an alias, where the anchor is.
    package let line: Int

    /// Creates a value.
    package init(_ content: Content, line: Int) {
        self.content = content
        self.line = line
    }

    /// Whether there is no value.
    package var isNull: Bool {
        if case .null = content { true } else { false }
    }

    /// The entries of a mapping; nil for anything else.
    package var entries: [YamlEntry]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    /// What it is, for messages: `a list`.
    package var kind: String {
        switch content {
        case .null: "empty"
        case .text: "text"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// One `key: value` of a mapping.
package struct YamlEntry: Sendable {
    /// The key.
    package let key: String
    /// The key's line, from 1.
    package let line: Int
    /// The value.
    package let value: YamlNode

    /// Creates an entry.
    package init(key: String, line: Int, value: YamlNode) {
        self.key = key
        self.line = line
        self.value = value
    }
}
