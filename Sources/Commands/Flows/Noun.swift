/// What `get` and `describe` know.
enum Noun: String, CaseIterable {
    case jobs, nodes, clusters, roamers, services, templates, events

    /// Other ways to write each.
    private var aliases: [String] {
        switch self {
        case .jobs: ["job", "jo"]
        case .nodes: ["node", "no"]
        case .clusters: ["cluster", "cl"]
        case .roamers: ["roamer", "ro"]
        case .services: ["service", "svc"]
        case .templates: ["template", "tpl"]
        case .events: ["event", "ev"]
        }
    }

    /// One of them: `job`.
    var singular: String { aliases[0] }

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
