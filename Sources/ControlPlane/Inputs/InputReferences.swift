import FleetCore

/// References in an input, and what stands in their place.
enum InputReferences {
    /// The most references in one input.
    static let limit = 64

    /// Every reference in a value, in any order; throws where an object looks like one and is none.
    static func all(in value: JSONValue) throws -> [InputReference] {
        var found: [InputReference] = []
        try walk(value) { found.append($0) }
        guard found.count <= limit else {
            throw APIError.impossible("an input may have \(limit) references, not \(found.count)")
        }
        return found
    }

    private static func walk(_ value: JSONValue, _ visit: (InputReference) -> Void) throws {
        switch value {
        case .null, .bool, .int, .number, .string: return
        case .array(let items): for item in items { try walk(item, visit) }
        case .object(let members):
            for key in [InputReference.outputKey, InputReference.uploadKey] {
                guard let value = members[key] else { continue }
                guard members.count == 1, case .string(let text) = value,
                    let reference = InputReference(key: key, text: text)
                else {
                    throw APIError.impossible(
                        "a reference is {\"\(key)\": \"…\"} and nothing else: "
                            + "\"STEP.OUTPUT\", \"STEP[3].OUTPUT\", or the id of an upload")
                }
                return visit(reference)
            }
            for key in members.keys.sorted() {
                if let member = members[key] { try walk(member, visit) }
            }
        }
    }

    /// The input of one job of a step of several: `{"$index": true}` is its number, and `$index` in the
    /// text of a reference too.
    static func numbered(_ value: JSONValue, _ index: Int) -> JSONValue {
        switch value {
        case .null, .bool, .int, .number, .string: return value
        case .array(let items): return .array(items.map { numbered($0, index) })
        case .object(let members):
            if members == ["$index": .bool(true)] { return .int(Int64(index)) }
            if members.count == 1, case .string(let text)? = members[InputReference.outputKey] {
                return .object([
                    InputReference.outputKey: .string(
                        text.replacing("[$index]", with: "[\(index)]"))
                ])
            }
            return .object(members.mapValues { numbered($0, index) })
        }
    }
}
