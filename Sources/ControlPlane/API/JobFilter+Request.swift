import FleetCore
import Hummingbird
import JobCatalogue

extension JobFilter {
    /// The names of what can be asked for.
    static let names = [
        "state", "kind", "cluster", "node", "label", "submitter", "plan", "q", "since", "until",
    ]
    private static let stateNames = JobState.allCases.map(\.rawValue) + ["active", "ended"]
    private static let lists: Set<String> = ["state", "kind", "label"]
    private static let labelLimit = 32

    /// Reads the filter in the query of a request.
    init(query request: Request) throws {
        let query = request.uri.queryParameters
        try self.init { name in
            let texts = query.getAll(name)
            guard name == "state" || name == "kind" else { return texts }
            return texts.flatMap { $0.split(separator: ",").map(String.init) }
        }
    }

    /// Reads the filter in the body of a request: a text under each name, or a list of texts.
    init(body fields: [String: JSONValue]) throws {
        for name in fields.keys.sorted() where !Self.names.contains(name) {
            throw APIError.invalid(
                "no filter is named `\(name)`; there are \(Self.names.joined(separator: ", "))")
        }
        try self.init { name in
            func text(_ value: JSONValue) throws -> String {
                guard case .string(let text) = value else {
                    throw APIError.invalid("the filter `\(name)` takes texts")
                }
                return text
            }
            switch fields[name] {
            case nil: return []
            case .array(let values)? where Self.lists.contains(name): return try values.map(text)
            case .some(let value) where !Self.lists.contains(name): return [try text(value)]
            case .some: throw APIError.invalid("the filter `\(name)` takes a list of texts")
            }
        }
    }

    /// Reads a filter; `texts` gives what was asked for under a name.
    private init(_ texts: (String) throws -> [String]) throws {
        self.init()
        for text in try texts("state") {
            switch text {
            case "active": states.formUnion(JobState.allCases.filter { !$0.isFinal })
            case "ended": states.formUnion(JobState.allCases.filter(\.isFinal))
            default:
                guard let state = JobState(rawValue: text) else {
                    throw APIError.unknown("state", text, among: Self.stateNames)
                }
                states.insert(state)
            }
        }
        for text in try texts("kind") {
            guard let kind = JobKind(rawValue: text) else {
                throw APIError.unknown("kind", text, among: JobKind.allCases.map(\.rawValue))
            }
            kinds.insert(kind)
        }
        cluster = try Self.one("cluster", texts, most: 128).map { ClusterName($0) }
        node = try Self.one("node", texts, most: 128).map { NodeName($0) }
        submitter = try Self.one("submitter", texts, most: 128).map { SubmitterName($0) }
        plan = try Self.one("plan", texts, most: 128).map { PlanID($0) }
        for name in Self.names {
            guard try texts(name).allSatisfy({ !$0.utf8.contains(0) }) else {
                throw APIError.impossible(
                    "the filter `\(name)` has a character that no text has")
            }
        }
        labels = try texts("label")
        guard labels.count <= Self.labelLimit,
            labels.allSatisfy({ (1...192).contains($0.unicodeScalars.count) && !$0.hasPrefix("=") })
        else {
            throw APIError.invalid(
                "a label is KEY=VALUE or KEY, and \(Self.labelLimit) are taken at most")
        }
        text = try Self.one("q", texts)
        if let text {
            guard (Self.shortestText...200).contains(text.unicodeScalars.count) else {
                throw APIError.invalid("q takes \(Self.shortestText) to 200 characters")
            }
        }
        since = try Self.time("since", texts)
        until = try Self.time("until", texts)
    }

    private static func one(
        _ name: String, _ texts: (String) throws -> [String], most: Int = 200
    ) throws -> String? {
        let given = try texts(name)
        guard given.count <= 1 else { throw APIError.invalid("`\(name)` is taken once") }
        guard let text = given.first else { return nil }
        guard text.unicodeScalars.count <= most else {
            throw APIError.invalid("`\(name)` is too long")
        }
        return text
    }

    private static func time(_ name: String, _ texts: (String) throws -> [String]) throws
        -> Instant?
    {
        try one(name, texts).map { try RFC3339.instant($0, of: name) }
    }
}
