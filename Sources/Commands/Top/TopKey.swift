/// A key as a terminal sends it.
enum TopKey: Hashable, Sendable {
    case character(Character)
    case control(Character)
    case enter, escape, backspace, tab
    case up, down, left, right, pageUp, pageDown, home, end
}

/// Takes keys out of the bytes of a terminal.
///
/// A sequence comes in one piece; an escape at a piece's end is the key.
struct TopKeyReader: Sendable {
    /// A character whose bytes are not all there.
    private var pending: [UInt8] = []

    /// The keys in the bytes; what is no key is left out.
    mutating func feed(_ bytes: [UInt8]) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == 0x1B {
                pending = []
                if let key = Self.sequence(&rest) { keys.append(key) }
            } else if byte < 0x80 {
                pending = []
                if let key = Self.plain(byte) { keys.append(key) }
            } else if let character = character(byte) {
                keys.append(.character(character))
            }
        }
        return keys
    }

    private static func plain(_ byte: UInt8) -> TopKey? {
        switch byte {
        case 0x0D, 0x0A: .enter
        case 0x09: .tab
        case 0x08, 0x7F: .backspace
        case 0x01...0x1A: .control(Character(Unicode.Scalar(byte + 0x60)))
        case 0x20..<0x7F: .character(Character(Unicode.Scalar(byte)))
        default: nil
        }
    }

    /// What follows an escape: a sequence, or nothing of it.
    ///
    /// Over a slow network a key that was pressed after it comes with it, so Alt cannot be told from that.
    private static func sequence(_ rest: inout ArraySlice<UInt8>) -> TopKey? {
        guard let kind = rest.first, kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else {
            return .escape
        }
        rest = rest.dropFirst()
        let parameters = rest.prefix { (0x20..<0x40).contains($0) }
        rest = rest.dropFirst(parameters.count)
        guard let final = rest.popFirst() else { return nil }
        switch Unicode.Scalar(final) {
        case "A": return .up
        case "B": return .down
        case "C": return .right
        case "D": return .left
        case "H": return .home
        case "F": return .end
        case "~":
            switch String(decoding: parameters.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self) {
            case "1", "7": return .home
            case "4", "8": return .end
            case "5": return .pageUp
            case "6": return .pageDown
            default: return nil
            }
        default: return nil
        }
    }

    private mutating func character(_ byte: UInt8) -> Character? {
        if byte & 0b1100_0000 == 0b1100_0000 { pending = [] }
        pending.append(byte)
        let first = pending[0]
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
        guard pending.count >= length else { return nil }
        defer { pending = [] }
        guard let text = String(validating: pending, as: UTF8.self), text.count == 1 else {
            return nil
        }
        return text.first
    }
}
