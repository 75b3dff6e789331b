import ArgumentParser

extension Runner {
    /// Moves global options given before the verb behind it: `jctl --debug get jobs` works too.
    static func verbFirst(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var index = arguments.startIndex
        while index < arguments.endIndex {
            let argument = arguments[index]
            let name = String(argument.prefix { $0 != "=" })
            if GlobalOptions.flags.contains(argument)
                || (GlobalOptions.valued.contains(name) && name != argument)
            {
                leading.append(argument)
            } else if GlobalOptions.valued.contains(argument), index + 1 < arguments.endIndex {
                index += 1
                leading += [argument, arguments[index]]
            } else {
                break
            }
            index += 1
        }
        guard !leading.isEmpty, index < arguments.endIndex, !arguments[index].hasPrefix("-") else {
            return arguments
        }
        return [arguments[index]] + leading + arguments[(index + 1)...]
    }

    /// A word where a command, or a command's own command, should be is answered with the nearest ones.
    static func unknownVerb(_ arguments: [String]) -> CommandError? {
        var words = arguments[...]
        if words.first == "help" { words.removeFirst() }
        if let first = words.first, first.hasPrefix("-") { return unknownOption(first) }
        var type: any ParsableCommand.Type = Jctl.self
        var call = "jctl"
        while let word = words.popFirst(), !word.hasPrefix("-") {
            let inner = type.configuration.subcommands
            guard !inner.isEmpty else { return nil }
            guard let next = inner.first(where: { $0._commandName == word }) else {
                return .usage(
                    "unknown command '\(word)'",
                    hint: DidYouMean.hint(word, among: inner.map { $0._commandName })
                        ?? "`\(call) --help` lists the commands")
            }
            type = next
            call += " " + word
        }
        return nil
    }

    /// An option before the verb can be one of every command only.
    private static func unknownOption(_ argument: String) -> CommandError? {
        let name = String(argument.prefix { $0 != "=" })
        let known = GlobalOptions.valued.union(GlobalOptions.flags).union(["--help", "--version"])
        // The last is what the shell's completion asks with.
        guard name.hasPrefix("--"), !known.contains(name), !name.hasPrefix("--generate-"),
            !name.hasPrefix("--experimental-"), !name.hasPrefix("---")
        else { return nil }
        return .usage(
            "unknown option '\(name)'",
            hint: DidYouMean.hint(name, among: known.sorted())
                ?? "options of a command stand behind it: jctl get jobs --state queued")
    }
}
