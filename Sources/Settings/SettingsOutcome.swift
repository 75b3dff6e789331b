/// A settings file as read: its name for messages, and its text.
package struct SettingsText: Sendable {
    /// What mistakes call it, `controller.yaml`.
    package let name: String
    /// Its YAML.
    package let text: String
    /// Creates a file's text.
    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

/// The result of reading all sources.
package struct SettingsOutcome: Sendable {
    /// The values; nil when anything was wrong.
    package let settings: ResolvedSettings?
    /// Everything that was wrong: file first, then variables, then flags.
    package let mistakes: [Mistake]
    /// Variables that begin with the prefix and are no setting, sorted; worth a log line.
    package let unknownVariables: [String]
}

/// Where a value came from.
package enum SettingOrigin: Hashable, Sendable, CustomStringConvertible {
    /// A flag on the command line.
    case flag(String)
    /// An environment variable.
    case variable(String)
    /// A line of the file.
    case file(name: String, line: Int)
    /// The program's own default.
    case byDefault

    /// `--link-port`, `JESSICA_LINK_PORT`, `controller.yaml:3` or `default`.
    package var description: String {
        switch self {
        case .flag(let name), .variable(let name): name
        case .file(let name, let line): "\(name):\(line)"
        case .byDefault: "default"
        }
    }
}

/// A value and where it came from.
package struct ResolvedSetting: Hashable, Sendable {
    /// The value, of the setting's type.
    package let value: SettingValue
    /// Where it came from.
    package let origin: SettingOrigin
}

/// Every setting of a program, checked.
///
/// The getters trap on a key or a type the table does not have: a bug of the program, which its first test finds.
package struct ResolvedSettings: Sendable {
    private let source: SettingsSource
    private let values: [String: ResolvedSetting]

    init(source: SettingsSource, values: [String: ResolvedSetting]) {
        self.source = source
        self.values = values
    }

    /// The value and its origin; nil when it was not given and has no default.
    package subscript(key: String) -> ResolvedSetting? {
        precondition(source.spec(key) != nil, "no setting \(key)")
        return values[key]
    }

    /// A string, a path or a choice that has a default or is required.
    package func string(_ key: String) -> String { must(string(ifSet: key), key) }
    /// A string, a path or a choice; nil when not given.
    package func string(ifSet key: String) -> String? {
        switch self[key]?.value {
        case .text(let text)?: text
        case nil: nil
        default: wrongType(key)
        }
    }

    /// A path that has a default or is required.
    package func path(_ key: String) -> String { string(key) }
    /// A path; nil when not given.
    package func path(ifSet key: String) -> String? { string(ifSet: key) }

    /// A whole number that has a default or is required.
    package func int(_ key: String) -> Int { must(int(ifSet: key), key) }
    /// A whole number; nil when not given.
    package func int(ifSet key: String) -> Int? {
        switch self[key]?.value {
        case .number(let number)?: number
        case nil: nil
        default: wrongType(key)
        }
    }

    /// A truth value; false when not given.
    package func bool(_ key: String) -> Bool {
        switch self[key]?.value {
        case .flag(let flag)?: flag
        case nil: false
        default: wrongType(key)
        }
    }

    /// A duration that has a default or is required.
    package func duration(_ key: String) -> Duration { must(duration(ifSet: key), key) }
    /// A duration; nil when not given.
    package func duration(ifSet key: String) -> Duration? {
        switch self[key]?.value {
        case .duration(let duration)?: duration
        case nil: nil
        default: wrongType(key)
        }
    }

    /// A size in bytes that has a default or is required.
    package func size(_ key: String) -> Int64 { must(size(ifSet: key), key) }
    /// A size in bytes; nil when not given.
    package func size(ifSet key: String) -> Int64? {
        switch self[key]?.value {
        case .size(let size)?: size
        case nil: nil
        default: wrongType(key)
        }
    }

    /// A list; empty when not given.
    package func list(_ key: String) -> [String] {
        switch self[key]?.value {
        case .list(let items)?: items
        case nil: []
        default: wrongType(key)
        }
    }

    /// Every value given or defaulted, in the table's order, one line each; secrets are not shown.
    package func describe() -> [String] {
        source.specs.compactMap { spec in
            guard let setting = values[spec.key] else { return nil }
            let text = spec.isSecret ? "(secret)" : Shown.oneLine(setting.value.text, limit: 200)
            return "\(spec.key): \(text)  # \(setting.origin)"
        }
    }

    /// A mistake about a value found later, naming the place the value came from; for checks across settings.
    package func mistake(_ key: String, _ message: String) -> Mistake {
        switch values[key]?.origin {
        case .file(let name, let line)?:
            Mistake(source: name, line: line, key: key, message: message)
        case .flag(let name)?, .variable(let name)?:
            Mistake(source: name, line: 0, key: key, message: message)
        case .byDefault?, nil:
            Mistake(source: "settings", line: 0, key: key, message: message)
        }
    }

    private func must<Value>(_ value: Value?, _ key: String) -> Value {
        guard let value else { preconditionFailure("\(key) has no default and is not required") }
        return value
    }

    private func wrongType(_ key: String) -> Never {
        preconditionFailure("\(key) is of another type")
    }
}
