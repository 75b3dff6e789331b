/// What `get` and `describe` know.
enum Noun: String, CaseIterable {
    case jobs, plans, nodes, clusters, roamers, services, templates, events, tokens

    /// Other ways to write each.
    private var aliases: [String] {
        switch self {
        case .jobs: ["job", "jo"]
        case .plans: ["plan", "pl"]
        case .nodes: ["node", "no"]
        case .clusters: ["cluster", "cl"]
        case .roamers: ["roamer", "ro"]
        case .services: ["service", "svc"]
        case .templates: ["template", "tpl"]
        case .events: ["event", "ev"]
        case .tokens: ["token", "tok"]
        }
    }

    /// One of them: `job`.
    var singular: String { aliases[0] }

    /// The plans of `plan ID…`; nil where jobs are named.
    static func plans(named words: [String]) throws -> [String]? {
        guard let first = words.first, Noun.plans.aliases.contains(first) || first == "plans" else {
            return nil
        }
        guard words.count > 1 else { throw CommandError.usage("no plan is named") }
        return Array(words.dropFirst())
    }

    /// Reads a noun; an unknown one is a usage error that names the nearest.
    static func parse(_ word: String) throws -> Noun {
        let lower = word.lowercased()
        if let noun = allCases.first(where: { $0.rawValue == lower || $0.aliases.contains(lower) })
        {
            return noun
        }
        let names = allCases.map(\.rawValue)
        throw CommandError.usage(
            "unknown kind '\(word)'", why: "there are " + names.joined(separator: ", "),
            hint: DidYouMean.hint(word, among: names + allCases.map(\.singular)))
    }
}
