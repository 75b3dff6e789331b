/// The text in a job's input, as people search for it: its values, without the names of its members.
enum InputText {
    /// The strings and numbers of a JSON text, a line each, at most `limit` bytes.
    ///
    /// It reads any text without failing: what is no JSON gives what looks like values.
    static func words(of json: String, limit: Int) -> String {
        var scanner = Scanner(bytes: Array(json.utf8), limit: limit)
        return scanner.scan()
    }

    private struct Scanner {
        let bytes: [UInt8]
        let limit: Int
        var place = 0
        var found: [UInt8] = []

        mutating func scan() -> String {
            while place < bytes.count, found.count < limit {
                let byte = bytes[place]
                if byte == UInt8(ascii: "\"") {
                    let text = string()
                    if !isName() { add(text) }
                } else if byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) {
                    add(number())
                } else {
                    place += 1
                }
            }
            return String(decoding: found, as: UTF8.self)
        }

        private mutating func add(_ text: [UInt8]) {
            guard !text.isEmpty else { return }
            if !found.isEmpty { found.append(0x0A) }
            var part = text.prefix(limit - min(found.count, limit))
            // Not in the middle of a character.
            if part.count < text.count {
                while let last = part.last, last & 0xC0 == 0x80 { part.removeLast() }
                if let last = part.last, last & 0xC0 == 0xC0 { part.removeLast() }
            }
            found += part
        }

        /// The string that begins here, without its quotes; escapes are read.
        private mutating func string() -> [UInt8] {
            var text: [UInt8] = []
            place += 1
            while place < bytes.count {
                let byte = bytes[place]
                place += 1
                if byte == UInt8(ascii: "\"") { break }
                guard byte == UInt8(ascii: "\\") else {
                    text.append(byte)
                    continue
                }
                guard place < bytes.count else { break }
                let escaped = bytes[place]
                place += 1
                switch escaped {
                case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): text.append(0x20)
                case UInt8(ascii: "u"): text += Array(String(unicode()).utf8)
                case UInt8(ascii: "b"), UInt8(ascii: "f"): break
                default: text.append(escaped)
                }
            }
            return text
        }

        /// The character of `\uXXXX`, and of the pair that follows it where it needs one.
        private mutating func unicode() -> Unicode.Scalar {
            guard let high = hex() else { return "\u{FFFD}" }
            if let scalar = Unicode.Scalar(high) { return scalar }
            guard (0xD800...0xDBFF).contains(high), place + 1 < bytes.count,
                bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u")
            else { return "\u{FFFD}" }
            place += 2
            guard let low = hex(), (0xDC00...0xDFFF).contains(low) else { return "\u{FFFD}" }
            return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
        }

        private mutating func hex() -> UInt32? {
            guard place + 4 <= bytes.count,
                let text = String(validating: bytes[place..<place + 4], as: UTF8.self),
                let value = UInt32(text, radix: 16)
            else { return nil }
            place += 4
            return value
        }

        private mutating func number() -> [UInt8] {
            let start = place
            while place < bytes.count, bytes[place] != UInt8(ascii: ","),
                bytes[place] != UInt8(ascii: "}"), bytes[place] != UInt8(ascii: "]"),
                bytes[place] > 0x20
            {
                place += 1
            }
            return Array(bytes[start..<place])
        }

        /// Whether the string just read is the name of a member.
        private func isName() -> Bool {
            var next = place
            while next < bytes.count, bytes[next] <= 0x20 { next += 1 }
            return next < bytes.count && bytes[next] == UInt8(ascii: ":")
        }
    }
}
