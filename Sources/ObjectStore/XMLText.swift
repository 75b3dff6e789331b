/// Reads the small XML answers of S3: elements and text, nothing else.
///
/// There is no DTD, no entity beyond the five and the numbered ones, and no namespace; anything of
/// that kind is refused, so an answer cannot make us read elsewhere or grow.
struct XMLText {
    struct Element {
        let name: String
        var text = ""
        var children: [Element] = []

        func first(_ name: String) -> Element? { children.first { $0.name == name } }
        func text(_ name: String) -> String? { first(name)?.text }
    }

    static let depthMax = 8
    static let elementsMax = 50_000

    private var rest: ArraySlice<UInt8>
    private var elements = 0

    /// The root element; throws `badResponse`.
    static func parse(_ bytes: [UInt8]) throws(ObjectStoreError) -> Element {
        var parser = XMLText(rest: bytes[...])
        try parser.skipProlog()
        let root = try parser.element(depth: 0)
        return root
    }

    private init(rest: ArraySlice<UInt8>) { self.rest = rest }

    private func wrong() -> ObjectStoreError {
        ObjectStoreError(.badResponse, "The storage's answer is not the XML it should be.")
    }

    private mutating func skipProlog() throws(ObjectStoreError) {
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        skipSpace()
        while rest.starts(with: "<?".utf8) || rest.starts(with: "<!--".utf8) {
            try skip(past: rest.starts(with: "<?".utf8) ? "?>" : "-->")
            skipSpace()
        }
    }

    private mutating func element(depth: Int) throws(ObjectStoreError) -> Element {
        elements += 1
        guard depth < Self.depthMax, elements <= Self.elementsMax,
            rest.popFirst() == UInt8(ascii: "<")
        else { throw wrong() }
        let name = try tagName()
        var element = Element(name: name)
        if try skipAttributes() { return element }
        while true {
            element.text += try text()
            if rest.starts(with: "<!--".utf8) {
                try skip(past: "-->")
            } else if rest.starts(with: "</".utf8) {
                rest = rest.dropFirst(2)
                guard try tagName() == name else { throw wrong() }
                skipSpace()
                guard rest.popFirst() == UInt8(ascii: ">") else { throw wrong() }
                return element
            } else {
                element.children.append(try self.element(depth: depth + 1))
            }
        }
    }

    private mutating func tagName() throws(ObjectStoreError) -> String {
        let name = rest.prefix { ObjectKey.isAllowed($0) || $0 == UInt8(ascii: ":") }
        guard (1...128).contains(name.count) else { throw wrong() }
        rest = rest.dropFirst(name.count)
        return String(decoding: name, as: UTF8.self)
    }

    /// Steps over attributes and the end of the tag; true when the element ends with it.
    private mutating func skipAttributes() throws(ObjectStoreError) -> Bool {
        while true {
            guard let byte = rest.popFirst() else { throw wrong() }
            switch byte {
            case UInt8(ascii: ">"): return false
            case UInt8(ascii: "/"):
                guard rest.popFirst() == UInt8(ascii: ">") else { throw wrong() }
                return true
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard let end = rest.firstIndex(of: byte) else { throw wrong() }
                rest = rest[(end + 1)...]
            case UInt8(ascii: "<"): throw wrong()
            default: continue
            }
        }
    }

    private mutating func text() throws(ObjectStoreError) -> String {
        guard let end = rest.firstIndex(of: UInt8(ascii: "<")) else { throw wrong() }
        let raw = rest[..<end]
        rest = rest[end...]
        guard raw.contains(UInt8(ascii: "&")) else { return String(decoding: raw, as: UTF8.self) }
        var plain = ""
        var pieces = String(decoding: raw, as: UTF8.self).split(
            separator: "&", omittingEmptySubsequences: false)[...]
        plain += pieces.popFirst() ?? ""
        for piece in pieces {
            guard let semicolon = piece.firstIndex(of: ";"),
                let scalar = Self.entity(piece[..<semicolon])
            else { throw wrong() }
            plain.unicodeScalars.append(scalar)
            plain += piece[piece.index(after: semicolon)...]
        }
        return plain
    }

    private static func entity(_ name: Substring) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#"), name.utf8.count <= 9 else { return nil }
            let digits = name.dropFirst()
            let value =
                digits.hasPrefix("x")
                ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits, radix: 10)
            return value.flatMap(Unicode.Scalar.init)
        }
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
    }

    private mutating func skip(past end: String) throws(ObjectStoreError) {
        let mark = Array(end.utf8)
        while !rest.isEmpty {
            if rest.starts(with: mark) {
                rest = rest.dropFirst(mark.count)
                return
            }
            rest = rest.dropFirst()
        }
        throw wrong()
    }
}
