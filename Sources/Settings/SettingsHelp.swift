extension SettingsSource {
    /// The settings for `--help`: flag, type, default and what it is for.
    package func describe() -> String {
        specs.map { spec in
            var facts = [spec.typeText]
            if let text = spec.defaultText, !text.isEmpty, !spec.isSecret {
                facts.append("default \(text)")
            }
            if spec.isRequired { facts.append("required") }
            let names = spec.inFile ? "\(spec.key), \(spec.variable)" : spec.variable
            return """
                  \(spec.flag)
                      \(spec.help)
                      \(facts.joined(separator: "; ")). Also: \(names)
                """
        }.joined(separator: "\n")
    }

    /// The settings as a Markdown table for the documentation.
    package func markdown() -> String {
        let head = """
            | key | flag | variable | type | default | |
            |---|---|---|---|---|---|
            """
        let rows = specs.map { spec in
            let key = spec.inFile ? "`\(spec.key)`" : "—"
            let type = spec.typeText.replacing("|", with: "\\|")
            let preset =
                spec.isSecret ? "" : spec.defaultText.map { $0.isEmpty ? "" : "`\($0)`" } ?? ""
            let note = [spec.isRequired ? "Required." : "", spec.isSecret ? "Secret." : ""]
                .filter { !$0.isEmpty }.joined(separator: " ")
            let help = note.isEmpty ? spec.help : "\(spec.help) \(note)"
            return
                "| \(key) | `\(spec.flag)` | `\(spec.variable)` | \(type) | \(preset) | \(help) |"
        }
        return ([head] + rows).joined(separator: "\n") + "\n"
    }
}
