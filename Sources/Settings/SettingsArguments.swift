/// Flags taken from a command line, not yet checked against their types.
package struct SettingsArguments: Sendable {
    /// What was given, by the setting's key; a repeated list is joined by commas.
    package fileprivate(set) var values: [String: String] = [:]
    /// What is no flag of the table: words without dashes, and everything after `--`.
    package fileprivate(set) var rest: [String] = []
    /// Unknown flags, flags without a value, flags given twice.
    package fileprivate(set) var mistakes: [Mistake] = []

    /// Creates an empty command line.
    package init() {}

    fileprivate mutating func refuse(
        _ flag: some StringProtocol, key: String = "", _ message: String
    ) {
        guard mistakes.count < MistakeList.limit else { return }
        mistakes.append(Mistake(source: String(flag), line: 0, key: key, message: message))
    }
}

extension SettingsSource {
    /// Takes `--flag value`, `--flag=value`, `--flag` and `--no-flag` out of a command line.
    package func parse(_ arguments: [String]) -> SettingsArguments {
        var result = SettingsArguments()
        var words = arguments[...]
        while let word = words.popFirst() {
            if word == "--" {
                result.rest += words
                break
            }
            guard word.hasPrefix("--") else {
                if word.hasPrefix("-"), word != "-" {
                    result.refuse(word, "unknown flag")
                } else {
                    result.rest.append(word)
                }
                continue
            }
            take(word, &words, &result)
        }
        return result
    }

    private func take(
        _ word: String, _ words: inout ArraySlice<String>, _ result: inout SettingsArguments
    ) {
        let equals = word.firstIndex(of: "=")
        let flag = String(word[..<(equals ?? word.endIndex)])
        var value = equals.map { String(word[word.index(after: $0)...]) }
        guard let spec = specs.first(where: { $0.flag == flag }) else {
            if let spec = negated(flag) {
                guard value == nil else {
                    result.refuse(flag, key: spec.key, "takes no value")
                    return
                }
                set(spec, "false", flag, &result)
            } else {
                let hint = Suggestion.hint(for: flag, among: specs.map(\.flag))
                result.refuse(flag, "unknown flag\(hint)")
            }
            return
        }
        if value == nil {
            if case .bool = spec.kind {
                value = "true"
            } else if let next = words.first, !next.hasPrefix("--") {
                value = words.popFirst()
            }
        }
        guard let value else {
            result.refuse(flag, key: spec.key, "needs a value: a \(spec.typeText)")
            return
        }
        set(spec, value, flag, &result)
    }

    private func negated(_ flag: String) -> SettingSpec? {
        specs.first { spec in
            guard case .bool = spec.kind else { return false }
            return flag == "--no-" + spec.flag.dropFirst(2)
        }
    }

    private func set(
        _ spec: SettingSpec, _ value: String, _ flag: String, _ result: inout SettingsArguments
    ) {
        guard let earlier = result.values[spec.key] else {
            result.values[spec.key] = value
            return
        }
        if case .list = spec.kind {
            result.values[spec.key] = "\(earlier),\(value)"
        } else {
            result.refuse(flag, key: spec.key, "is given twice")
        }
    }
}
