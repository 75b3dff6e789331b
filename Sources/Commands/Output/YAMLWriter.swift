extension JSONValue {
    /// The value as YAML in block style, ending without a line break.
    var yaml: String {
        switch self {
        case .array(let elements) where !elements.isEmpty:
            elements.map { "- " + Self.nested($0.yaml, "  ") }.joined(separator: "\n")
        case .object(let members) where !members.isEmpty:
            members.map(Self.yamlMember).joined(separator: "\n")
        case .string(let text):
            Self.isPlain(text) ? text : Self.quoted(text)
        default:
            compact
        }
    }

    private static func yamlMember(_ member: Member) -> String {
        let key = isPlain(member.key) ? member.key : quoted(member.key)
        let isBlock =
            switch member.value {
            case .object(let members): !members.isEmpty
            case .array(let elements): !elements.isEmpty
            default: false
            }
        guard isBlock else { return key + ": " + member.value.yaml }
        return key + ":\n  " + nested(member.value.yaml, "  ")
    }

    private static func nested(_ text: String, _ indent: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(
            separator: "\n" + indent)
    }

    /// Whether the text stays a string without quotes, in YAML 1.1 and 1.2.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 200
        else { return false }
        func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A }
        guard isLetter(first) || first == UInt8(ascii: "/"), last != 0x20 else { return false }
        let isWordly = text.utf8.allSatisfy { byte in
            isLetter(byte) || (byte >= 0x30 && byte <= 0x39) || " _-./".utf8.contains(byte)
        }
        return isWordly && !reserved.contains(text.lowercased())
    }

    private static let reserved: Set<String> = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n",
    ]
}
