import ArgumentParser

/// What of a list is wanted.
struct FilterOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp("Only in this state.", valueName: "state"),
        completion: NameCompletion.jobStates)
    var state: String?

    @Option(
        help: ArgumentHelp("Only of this cluster.", valueName: "name"),
        completion: NameCompletion.of(.clusters))
    var cluster: String?

    @Option(
        help: ArgumentHelp("Only jobs of this kind, or events of this type.", valueName: "kind"))
    var kind: String?

    @Option(
        help: ArgumentHelp("Only on this node.", valueName: "name"),
        completion: NameCompletion.of(.nodes))
    var node: String?

    @OptionGroup var search: JobSearchOptions

    @Option(help: ArgumentHelp("At most so many jobs or events; 0 is all.", valueName: "n"))
    var limit: Int = 50

    /// The limit of a paged list, nil for all.
    var pageLimit: Int? { limit > 0 ? limit : nil }

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit \(limit) is negative") }
    }

    /// Refuses filters that the noun has no use for, since ignoring them would show too much.
    func check(_ noun: Noun) throws {
        let useful: Set<String> =
            switch noun {
            case .jobs: ["state", "cluster", "kind", "node"]
            case .plans: ["state"]
            case .tokens: []
            case .nodes, .roamers: ["state", "cluster", "node"]
            case .services, .templates: ["cluster"]
            case .clusters: ["cluster", "kind"]
            case .events: ["kind", "node"]
            }
        guard noun == .jobs || search.isEmpty || noun == .plans && search.isSubmitterOnly else {
            throw CommandError.usage(
                "--label, --search, --since, --submitter and --plan mean nothing for \(noun.rawValue)"
            )
        }
        let given = [("state", state), ("cluster", cluster), ("kind", kind), ("node", node)]
        for (name, value) in given where value != nil && !useful.contains(name) {
            throw CommandError.usage(
                "--\(name) means nothing for \(noun.rawValue)",
                hint: "it takes " + useful.sorted().map { "--" + $0 }.joined(separator: ", "))
        }
    }
}
