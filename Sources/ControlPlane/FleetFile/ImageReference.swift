import Settings

/// The grammar of image references: `[host[:port]/]name[/name…][:tag][@digest]`.
package enum ImageReference {
    /// The longest reference, in bytes: a name of 255, a tag of 128 and a digest.
    static let lengthLimit = 512

    /// What is wrong with a reference, or nil.
    package static func problem(in text: String) -> String? {
        guard !text.isEmpty else { return "must not be empty" }
        guard text.utf8.count <= lengthLimit else {
            return "is longer than \(lengthLimit) bytes"
        }
        let bad = "is not an image reference like jessica/sdxl:latest: \(Shown.quoted(text))"
        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            guard isDigest(rest[rest.index(after: at)...]) else {
                return bad + " (its digest is wrong)"
            }
            rest = rest[..<at]
        }
        let nameStart = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[nameStart...].lastIndex(of: ":") {
            guard isTag(rest[rest.index(after: colon)...]) else {
                return bad + " (its tag is wrong)"
            }
            rest = rest[..<colon]
        }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count > 1, let host = parts.first, looksLikeHost(host) {
            guard FleetText.isHost(host) else { return bad + " (its registry is wrong)" }
            parts.removeFirst()
        }
        guard rest.utf8.count <= 255, !parts.isEmpty, parts.allSatisfy(isNamePart) else {
            if parts.contains(where: { $0.utf8.contains(where: FleetText.isUpper) }) {
                return bad + " (names are lowercase)"
            }
            return bad
        }
        return nil
    }

    /// Docker takes capitals for a sign of a host too; here they are taken for a slip of the hand.
    private static func looksLikeHost(_ part: Substring) -> Bool {
        part == "localhost" || part.contains(".") || part.contains(":")
    }

    /// Lowercase letters and digits, between them one of `.`, `_`, `__` or any number of `-`.
    private static func isNamePart(_ part: Substring) -> Bool {
        var separator = ""
        var last: UInt8?
        for byte in part.utf8 {
            if FleetText.isLower(byte) || FleetText.isDigit(byte) {
                guard separator.isEmpty || isSeparator(separator) else { return false }
                separator = ""
            } else {
                guard byte < 0x80, last != nil else { return false }
                separator.unicodeScalars.append(Unicode.Scalar(byte))
            }
            last = byte
        }
        return last != nil && separator.isEmpty
    }

    private static func isSeparator(_ text: String) -> Bool {
        text == "." || text == "_" || text == "__"
            || text.utf8.allSatisfy { $0 == UInt8(ascii: "-") }
    }

    private static func isTag(_ tag: Substring) -> Bool {
        guard (1...128).contains(tag.utf8.count), let first = tag.utf8.first else { return false }
        let word: (UInt8) -> Bool = {
            FleetText.isLower($0) || FleetText.isUpper($0) || FleetText.isDigit($0)
                || $0 == UInt8(ascii: "_")
        }
        return word(first)
            && tag.utf8.allSatisfy {
                word($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
            }
    }

    /// `sha256:` or `sha512:` and its lowercase hexadecimal digits.
    static func isDigest(_ digest: Substring) -> Bool {
        for (name, digits) in [("sha256:", 64), ("sha512:", 128)] where digest.hasPrefix(name) {
            let hex = digest.utf8.dropFirst(name.utf8.count)
            return hex.count == digits
                && hex.allSatisfy { FleetText.isHex($0) && !FleetText.isUpper($0) }
        }
        return false
    }
}
