/// The settings a program has, and where their values come from: flag > variable > file > default.
package struct SettingsSource: Sendable {
    /// What every variable's name begins with.
    package static let variablePrefix = "JESSICA_"

    /// The settings, in the order of the documentation.
    package let specs: [SettingSpec]

    /// Creates a source; traps on a table that contradicts itself, which a test of the program must load once.
    package init(_ specs: [SettingSpec]) {
        self.specs = specs
        var flags: Set<String> = []
        for spec in specs {
            precondition(flags.insert(spec.flag).inserted, "two settings called \(spec.flag)")
            precondition(
                !specs.contains { $0.key.hasPrefix(spec.key + ".") }, "\(spec.key) is a group too")
            precondition(
                !spec.isRequired || spec.defaultText == nil, "\(spec.key) needs no default")
            if let text = spec.defaultText {
                precondition((try? spec.parse(text)) != nil, "bad default of \(spec.key)")
            }
        }
    }

    /// The setting of that key.
    package func spec(_ key: String) -> SettingSpec? { specs.first { $0.key == key } }

    /// Finds every value, or every mistake in all sources; a bad value is one even where a better source overrides it.
    ///
    /// A variable of the right prefix that is no setting is not a mistake, as other programs share the prefix.
    package func resolve(
        arguments: SettingsArguments = SettingsArguments(), environment: [String: String] = [:],
        file: SettingsText? = nil
    ) -> SettingsOutcome {
        var values: [String: ResolvedSetting] = [:]
        var mistakes: [Mistake] = []
        if let file {
            var list = MistakeList(source: file.name)
            readFile(file.text, into: &values, mistakes: &list)
            mistakes += list.sorted
        }
        for spec in specs {
            if let text = environment[spec.variable] {
                take(text, for: spec, from: .variable(spec.variable), &values, &mistakes)
            }
        }
        mistakes += arguments.mistakes
        for spec in specs {
            if let text = arguments.values[spec.key] {
                take(text, for: spec, from: .flag(spec.flag), &values, &mistakes)
            }
        }
        // A value that is wrong somewhere was given, so it is not reported as missing too.
        let wrong = Set(mistakes.map(\.key))
        for spec in specs where values[spec.key] == nil {
            if let text = spec.defaultText, let value = try? spec.parse(text) {
                values[spec.key] = ResolvedSetting(value: value, origin: .byDefault)
            } else if spec.isRequired, !wrong.contains(spec.key) {
                let or = "\(spec.flag) or \(spec.variable)"
                mistakes.append(
                    Mistake(
                        source: file?.name ?? "settings", line: 0, key: spec.key,
                        message:
                            "is required; \(spec.inFile ? "set it here, or by \(or)" : "give \(or)")"
                    ))
            }
        }
        let settings = ResolvedSettings(source: self, values: values)
        return SettingsOutcome(
            settings: mistakes.isEmpty ? settings : nil, mistakes: mistakes,
            unknownVariables: unknownVariables(environment))
    }

    private func take(
        _ text: String, for spec: SettingSpec, from origin: SettingOrigin,
        _ values: inout [String: ResolvedSetting], _ mistakes: inout [Mistake]
    ) {
        do throws(TextProblem) {
            values[spec.key] = ResolvedSetting(value: try spec.parse(text), origin: origin)
        } catch {
            let message = spec.isSecret ? "must be \(spec.expected)" : error.message
            mistakes.append(
                Mistake(source: origin.description, line: 0, key: spec.key, message: message))
        }
    }

    private func unknownVariables(_ environment: [String: String]) -> [String] {
        let known = Set(specs.map(\.variable))
        return environment.keys.filter { $0.hasPrefix(Self.variablePrefix) && !known.contains($0) }
            .sorted()
    }
}

extension SettingsSource {
    private func readFile(
        _ text: String, into values: inout [String: ResolvedSetting], mistakes: inout MistakeList
    ) {
        guard let root = YamlReader.read(text, mayBeEmpty: true, into: &mistakes) else { return }
        guard let entries = root.entries else {
            if !root.isNull { mistakes.add(line: root.line, "must be a mapping, is \(root.kind)") }
            return
        }
        var lines: [String: Int] = [:]
        walk(entries, prefix: "", &values, &lines, &mistakes, file: mistakes.source)
    }

    private func walk(
        _ entries: [YamlEntry], prefix: String, _ values: inout [String: ResolvedSetting],
        _ lines: inout [String: Int], _ mistakes: inout MistakeList, file: String
    ) {
        for entry in entries {
            let key = prefix + entry.key
            if let spec = spec(key) {
                // `link.port: 1` beside `link: {port: 2}`.
                if let first = lines.updateValue(entry.line, forKey: key) {
                    mistakes.add(
                        line: entry.line, key: key, "is already given on line \(first)")
                    continue
                }
                takeFromFile(entry, spec, &values, &mistakes, file: file)
            } else if specs.contains(where: { $0.key.hasPrefix(key + ".") }) {
                switch entry.value.content {
                case .null: break
                case .mapping(let inner):
                    walk(inner, prefix: key + ".", &values, &lines, &mistakes, file: file)
                case .text, .list:
                    mistakes.add(
                        line: entry.line, key: key, "must be a mapping, is \(entry.value.kind)")
                }
            } else {
                let hint = Suggestion.hint(for: key, among: specs.filter(\.inFile).map(\.key))
                mistakes.add(line: entry.line, key: key, "unknown setting\(hint)")
            }
        }
    }

    private func takeFromFile(
        _ entry: YamlEntry, _ spec: SettingSpec, _ values: inout [String: ResolvedSetting],
        _ mistakes: inout MistakeList, file: String
    ) {
        guard spec.inFile else {
            mistakes.add(
                line: entry.line, key: spec.key,
                "cannot be set in a file, only by \(spec.flag) or \(spec.variable)")
            return
        }
        // An empty value leaves the setting as if the line were not there.
        guard !entry.value.isNull else { return }
        do throws(TextProblem) {
            values[spec.key] = ResolvedSetting(
                value: try spec.parse(entry.value), origin: .file(name: file, line: entry.line))
        } catch {
            let message = spec.isSecret ? "must be \(spec.expected)" : error.message
            mistakes.add(line: entry.line, key: spec.key, message)
        }
    }
}
