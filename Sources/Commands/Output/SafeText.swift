/// Text from elsewhere, made harmless for a terminal.
///
/// Names, messages and logs come from workers and users. Escape sequences in them could rewrite the
/// screen, and bidirectional controls could reorder a line, so both are shown instead of obeyed.
enum SafeText {
    /// One line: control characters are replaced, line breaks become spaces.
    static func line(_ text: some StringProtocol) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return String(text) }
        return rewrite(text) { $0 == "\n" || $0 == "\r" || $0 == "\t" ? " " : nil }
    }

    /// Several lines: tabs and line breaks stay, a lone carriage return becomes a line break.
    static func block(_ text: some StringProtocol) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return String(text) }
        let unified = String(text).split(separator: "\r\n", omittingEmptySubsequences: false)
            .joined(separator: "\n")
        return rewrite(unified) { $0 == "\n" || $0 == "\r" ? "\n" : $0 == "\t" ? "\t" : nil }
    }

    /// Whether the scalar can change how a terminal shows what surrounds it.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func rewrite(
        _ text: some StringProtocol, _ keep: (Unicode.Scalar) -> Unicode.Scalar?
    ) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if !isUnsafe(scalar) {
                result.append(scalar)
            } else if let kept = keep(scalar) {
                result.append(kept)
            } else {
                result.append(contentsOf: visible(scalar))
            }
        }
        return String(result)
    }

    /// `^[` for escape, as terminals show it; others by their code point.
    private static func visible(_ scalar: Unicode.Scalar) -> String.UnicodeScalarView {
        if scalar.value < 0x20, let caret = Unicode.Scalar(scalar.value + 0x40) {
            return String.UnicodeScalarView(["^", caret])
        }
        return "<U+\(String(scalar.value, radix: 16, uppercase: true))>".unicodeScalars
    }
}

/// UTF-8 that arrives in pieces: a character cut by a piece's end waits for the next piece.
struct TextPieces {
    private var pending: [UInt8] = []

    /// The complete characters so far.
    mutating func feed(_ bytes: some Sequence<UInt8>) -> String {
        pending += bytes
        let cut = pending.count - incompleteTail
        defer { pending.removeFirst(cut) }
        return String(decoding: pending[..<cut], as: UTF8.self)
    }

    /// What is left at the end, with U+FFFD for a character that never was completed.
    mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end may be the start of a longer character; also a lone CR.
    private var incompleteTail: Int {
        if pending.last == 0x0D { return 1 }
        for back in 1...4 where back <= pending.count {
            let byte = pending[pending.count - back]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back ? back : 0
        }
        return 0
    }
}
