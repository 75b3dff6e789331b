/// One value of the Redis protocol (version 2), as a reply holds it.
package enum RedisValue: Hashable, Sendable {
    /// A binary-safe string.
    case string([UInt8])
    /// A signed 64-bit number.
    case integer(Int64)
    /// A list of values.
    case array([RedisValue])
    /// No value.
    case null
    /// An error of one command; the connection is still in step.
    case error(String)
    /// A short status such as OK.
    case status(String)

    /// The bytes of a string or status, else nil.
    package var bytes: [UInt8]? {
        switch self {
        case .string(let bytes): bytes
        case .status(let text): Array(text.utf8)
        case .integer, .array, .null, .error: nil
        }
    }

    /// The text of a string or status, with broken UTF-8 repaired, else nil.
    package var text: String? {
        switch self {
        case .string(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        case .integer, .array, .null, .error: nil
        }
    }

    /// The number of an integer, or of a string that is one, else nil.
    package var integer: Int64? {
        switch self {
        case .integer(let number): number
        case .string, .status: text.flatMap { Int64($0) }
        case .array, .null, .error: nil
        }
    }

    /// The elements of an array, else nil.
    package var array: [RedisValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The message of an error, else nil.
    package var errorMessage: String? {
        if case .error(let message) = self { message } else { nil }
    }
}
