/// JSON string escapes, both ways.
enum JSONEscapes {
    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Undoes the escapes of a string that was already checked; half a surrogate pair becomes
    /// U+FFFD.
    static func undo(_ escaped: ArraySlice<UInt8>) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(escaped.count)
        var index = escaped.startIndex
        while index < escaped.endIndex {
            let byte = escaped[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < escaped.endIndex else {
                plain.append(byte)
                continue
            }
            let letter = escaped[index]
            index += 1
            switch letter {
            case UInt8(ascii: "b"): plain.append(0x08)
            case UInt8(ascii: "f"): plain.append(0x0C)
            case UInt8(ascii: "n"): plain.append(0x0A)
            case UInt8(ascii: "r"): plain.append(0x0D)
            case UInt8(ascii: "t"): plain.append(0x09)
            case UInt8(ascii: "u"): plain.append(contentsOf: scalar(escaped, &index).utf8)
            default: plain.append(letter)
            }
        }
        return plain
    }

    /// A quoted JSON string.
    static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func scalar(_ escaped: ArraySlice<UInt8>, _ index: inout Int) -> String {
        let high = unit(escaped, &index)
        guard (0xD800..<0xDC00).contains(high) else {
            return Unicode.Scalar(high).map { String($0) } ?? "\u{FFFD}"
        }
        var after = index
        guard escaped.indices.contains(after + 1), escaped[after] == UInt8(ascii: "\\"),
            escaped[after + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        after += 2
        let low = unit(escaped, &after)
        guard (0xDC00..<0xE000).contains(low) else { return "\u{FFFD}" }
        index = after
        let value = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        return Unicode.Scalar(value).map { String($0) } ?? "\u{FFFD}"
    }

    private static func unit(_ escaped: ArraySlice<UInt8>, _ index: inout Int) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard index < escaped.endIndex, let digit = hexValue(escaped[index]) else {
                return 0xFFFD
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }
}
