import FoundationEssentials
import NIOCore
import NIOFoundationCompat

/// A JSON tree, read by looking up what is needed.
///
/// Engines add, drop and null out fields between versions, so a missing or mistyped field reads
/// as nil here instead of failing the whole answer.
enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Deeper trees are refused: decoding recurses, and the stack is finite.
    private static let depthMax = 32

    /// Parses a complete JSON text.
    init(parsing buffer: ByteBuffer) throws(DockerError) {
        do {
            self = try JSONDecoder().decode(JSONValue.self, from: buffer)
        } catch {
            throw DockerError(.malformedAnswer, "the daemon's answer is not the expected JSON")
        }
    }

    /// The member of an object; null when there is none.
    subscript(key: String) -> JSONValue {
        guard case .object(let members) = self else { return .null }
        return members[key] ?? .null
    }

    var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    var int64: Int64? {
        switch self {
        case .int(let value): value
        case .double(let value): Int64(exactly: value)
        case .null, .bool, .string, .array, .object: nil
        }
    }

    var int: Int? { int64.flatMap { Int(exactly: $0) } }

    /// The elements of an array; empty for anything else.
    var elements: [JSONValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    /// The members of an object; empty for anything else.
    var members: [String: JSONValue] {
        guard case .object(let members) = self else { return [:] }
        return members
    }

    var strings: [String] { elements.compactMap(\.string) }

    /// The members whose values are strings.
    var stringMap: [String: String] { members.compactMapValues(\.string) }

    /// The value as JSON text with sorted keys.
    func encoded() throws(DockerError) -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return ByteBuffer(bytes: try encoder.encode(self))
        } catch {
            throw DockerError(.invalidArgument, "a value of the request cannot be written as JSON")
        }
    }
}

extension JSONValue: Codable {
    init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count <= Self.depthMax else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "nested too deeply"))
        }
        let value = try decoder.singleValueContainer()
        // Commonest first: every miss costs a thrown error.
        if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if value.decodeNil() {
            self = .null
        } else if let number = try? value.decode(Int64.self) {
            self = .int(number)
        } else if let flag = try? value.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .double(number)
        } else if (try? decoder.container(keyedBy: AnyKey.self)) != nil {
            self = .object(try value.decode([String: JSONValue].self))
        } else if (try? decoder.unkeyedContainer()) != nil {
            self = .array(try value.decode([JSONValue].self))
        } else {
            // A number no type can hold.
            self = .null
        }
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

extension JSONValue {
    /// An array of strings.
    static func list(_ strings: [String]) -> JSONValue { .array(strings.map(JSONValue.string)) }

    /// An object of strings.
    static func map(_ strings: [String: String]) -> JSONValue {
        .object(strings.mapValues(JSONValue.string))
    }
}
