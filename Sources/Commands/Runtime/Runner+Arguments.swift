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

    /// An unknown verb is answered with the nearest ones.
    static func unknownVerb(_ arguments: [String]) -> CommandError? {
        guard let verb = arguments.first, !verb.hasPrefix("-"), verb != "help" else { return nil }
        let verbs = Jctl.configuration.subcommands.map { $0._commandName }
        guard !verbs.contains(verb) else { return nil }
        return .usage(
            "unknown command '\(verb)'",
            hint: DidYouMean.hint(verb, among: verbs) ?? "`jctl --help` lists the commands")
    }
}
