/// Refuses YAML whose aliases could expand without bound, before any parser sees it.
///
/// A parser hashes the keys of a mapping, so even composing such a text can take for ever. The bound is on what the
/// text *could* hold: with `a` anchors and `l` aliases, spread as badly as possible, the tree has at most
/// `bytes × (1 + l/(a+1))^(a+1)` values.
enum AliasBound {
    /// The most values a text may expand to.
    static let expansionLimit = 4_000_000.0

    /// Whether the text cannot expand beyond the limit.
    static func isHarmless(_ text: String) -> Bool {
        let (anchors, aliases) = count(text)
        guard anchors > 0, aliases > 0 else { return true }
        let factor = 1 + Double(aliases) / Double(anchors + 1)
        var values = Double(text.utf8.count)
        for _ in 0...anchors {
            values *= factor
            guard values <= expansionLimit else { return false }
        }
        return true
    }

    /// How many anchors and aliases there are at most; comments and quoted text count too.
    static func count(_ text: String) -> (anchors: Int, aliases: Int) {
        var anchors = 0
        var aliases = 0
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if isNameByte(byte) {
                if previous == UInt8(ascii: "&") { anchors += 1 }
                if previous == UInt8(ascii: "*") { aliases += 1 }
            }
            previous = byte
        }
        return (anchors, aliases)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: byte >= 0x80
        }
    }
}
