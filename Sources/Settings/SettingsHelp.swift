extension SettingsSource {
    /// The settings for `--help`: flag, what it is for, type and default, and its other names.
    package func describe() -> String {
        specs.map { spec in
            var facts = [spec.typeText]
            if let text = spec.defaultText, !text.isEmpty, !spec.isSecret {
                facts.append("default \(text)")
            }
            if spec.isRequired { facts.append("required") }
            let names = spec.inFile ? "\(spec.key), \(spec.variable)" : spec.variable
            let paragraphs = [spec.help, facts.joined(separator: "; "), "Also: \(names)"]
            return (["  \(spec.flag)"] + paragraphs.flatMap(Self.lines)).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// A text's words in lines below a flag; a word that is too long for one has its own.
    private static func lines(_ text: String) -> [String] {
        // ArgumentParser, which prints some of these, breaks a line of 80 columns.
        let columns = 79
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let line = lines.last, line.count + 1 + word.count <= columns {
                lines[lines.count - 1] = "\(line) \(word)"
            } else {
                lines.append("      \(word)")
            }
        }
        return lines
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
