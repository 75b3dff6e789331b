/// A JSON value read in place: checked once, then walked without building a tree.
///
/// A result can be tens of megabytes of base64 in one string. A tree of values would multiply that,
/// and a hostile body of a million empty arrays would multiply it far more; here a value is only a
/// range of bytes.
struct JSONText: Sendable {
    static let depthMax = 64

    enum Kind: Sendable { case null, bool, number, string, array, object }

    private let bytes: [UInt8]
    private let range: Range<Int>

    /// Checks the whole text; throws `badResponse` naming the byte that is wrong.
    init(validating bytes: [UInt8]) throws(WorkerError) {
        var scanner = JSONScanner(bytes: bytes, index: 0)
        scanner.skipWhitespace()
        let start = scanner.index
        try scanner.skipValue(depth: 0)
        let end = scanner.index
        scanner.skipWhitespace()
        guard scanner.index == bytes.count else { throw scanner.unexpected() }
        self.bytes = bytes
        self.range = start..<end
    }

    private init(bytes: [UInt8], range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    /// The value's own bytes, as they were sent.
    var raw: ArraySlice<UInt8> { bytes[range] }

    /// Where it stands in the text that was checked.
    var place: Range<Int> { range }

    var kind: Kind {
        switch bytes[range.lowerBound] {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "n"): .null
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        default: .number
        }
    }

    /// The bytes of a string with its escapes undone; nil for any other kind.
    var stringBytes: ArraySlice<UInt8>? {
        guard kind == .string else { return nil }
        let inner = bytes[(range.lowerBound + 1)..<(range.upperBound - 1)]
        guard inner.contains(UInt8(ascii: "\\")) else { return inner }
        return JSONEscapes.undo(inner)[...]
    }

    /// The text of a string, with anything that is not UTF-8 replaced; nil for any other kind.
    var string: String? { stringBytes.map { String(decoding: $0, as: UTF8.self) } }

    /// The value of a number; nil for any other kind.
    var number: Double? {
        guard kind == .number else { return nil }
        return Double(String(decoding: raw, as: UTF8.self))
    }

    /// The elements of an array; empty for any other kind.
    ///
    /// Throws `tooLarge` past `max`.
    func elements(max: Int) throws(WorkerError) -> [JSONText] {
        guard kind == .array else { return [] }
        var found: [JSONText] = []
        var scanner = JSONScanner(bytes: bytes, index: range.lowerBound + 1)
        while try scanner.nextItem(closing: UInt8(ascii: "]")) {
            guard found.count < max else { throw tooMany(max) }
            found.append(try value(&scanner))
        }
        return found
    }

    /// The members of an object in their order; empty for any other kind.
    ///
    /// Throws `tooLarge` past `max`.
    func members(max: Int) throws(WorkerError) -> [(key: String, value: JSONText)] {
        guard kind == .object else { return [] }
        var found: [(key: String, value: JSONText)] = []
        var scanner = JSONScanner(bytes: bytes, index: range.lowerBound + 1)
        while try scanner.nextItem(closing: UInt8(ascii: "}")) {
            guard found.count < max else { throw tooMany(max) }
            let key = try value(&scanner).string ?? ""
            try scanner.expect(UInt8(ascii: ":"))
            found.append((key, try value(&scanner)))
        }
        return found
    }

    /// The last member of that name; nil when there is none or this is no object.
    func member(_ name: String) throws(WorkerError) -> JSONText? {
        guard kind == .object else { return nil }
        var found: JSONText?
        var scanner = JSONScanner(bytes: bytes, index: range.lowerBound + 1)
        while try scanner.nextItem(closing: UInt8(ascii: "}")) {
            let key = try value(&scanner)
            try scanner.expect(UInt8(ascii: ":"))
            let member = try value(&scanner)
            // Comparing lengths first keeps a huge hostile key from being copied.
            if key.raw.count <= name.utf8.count * 6 + 2, key.string == name { found = member }
        }
        return found
    }

    private func value(_ scanner: inout JSONScanner) throws(WorkerError) -> JSONText {
        scanner.skipWhitespace()
        let start = scanner.index
        try scanner.skipValue(depth: 0)
        return JSONText(bytes: bytes, range: start..<scanner.index)
    }

    private func tooMany(_ max: Int) -> WorkerError {
        WorkerError(.tooLarge, "The worker's answer has more than \(max) values in one list.")
    }
}
