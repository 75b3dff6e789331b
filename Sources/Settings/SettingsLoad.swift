extension SettingsSource {
    /// Reads everything: the command line, the environment, and the file that `config` names among them.
    ///
    /// With a `config` setting (a path) in the table, that file is read; one given by its default alone may be absent.
    package func load(arguments: [String], environment: [String: String]) -> SettingsOutcome {
        let flags = parse(arguments)
        var mistakes: [Mistake] = []
        for word in flags.rest.prefix(MistakeList.limit) {
            mistakes.append(
                Mistake(
                    source: Shown.quoted(word), line: 0, key: "", message: "unexpected argument"))
        }
        var file: SettingsText?
        if let spec = spec("config") {
            let given = flags.values["config"] ?? environment[spec.variable]
            if let path = given ?? spec.defaultText, !path.isEmpty {
                do throws(TextProblem) {
                    file = SettingsText(name: path, text: try TextFile.read(path))
                } catch {
                    if given != nil || TextFile.exists(path) {
                        mistakes.append(
                            Mistake(source: path, line: 0, key: "", message: error.message))
                    }
                }
            }
        }
        let outcome = resolve(arguments: flags, environment: environment, file: file)
        return SettingsOutcome(
            settings: mistakes.isEmpty ? outcome.settings : nil,
            mistakes: mistakes + outcome.mistakes, unknownVariables: outcome.unknownVariables)
    }
}
