/// A JSON value as the controller sent it: order of keys and digits of numbers kept.
enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number, by its text.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// One key and its value.
    struct Member: Equatable, Sendable {
        /// The key.
        let key: String
        /// The value.
        let value: JSONValue

        /// Creates a member.
        init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// An object from pairs; those without a value are left out.
    static func dictionary(_ pairs: [(String, JSONValue?)]) -> JSONValue {
        .object(pairs.compactMap { key, value in value.map { Member(key, $0) } })
    }

    /// A number.
    static func int(_ value: Int) -> JSONValue { .number(String(value)) }

    /// A number of seconds or the like, whole if it is.
    static func double(_ value: Double) -> JSONValue {
        .number(value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)")
    }

    /// The member's value, nil when this is no object or has no such key.
    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The object with a member set; without a value as it was.
    func with(_ key: String, _ value: JSONValue?) -> JSONValue {
        guard case .object(let members) = self, let value else { return self }
        return .object(members.filter { $0.key != key } + [Member(key, value)])
    }

    /// The elements, nil when this is no array.
    var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The text of a string, nil when this is none.
    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// What names it in a list: its id or name, an event's number, or the node it is about.
    var identity: String? {
        for key in ["id", "name"] {
            if let text = self[key]?.text { return text }
        }
        if case .number(let number)? = self["seq"] { return number }
        return self["node"]?.text
    }
}
