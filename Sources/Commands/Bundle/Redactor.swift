import Foundation

/// Takes out of texts what nobody else may see.
struct Redactor: Sendable {
    /// What stands in its place.
    static let mark = "[removed]"
    /// Texts that are secret wherever they stand, such as the token in use.
    var known: [String] = []

    /// The text without secrets: known ones, and what looks like one or is named like one.
    func text(_ text: String) -> String {
        var text = text
        for secret in known where secret.utf8.count >= 4 {
            text = text.replacing(secret, with: Self.mark)
        }
        guard Self.mayHoldSecret(text) else { return text }
        for (pattern, replacement) in Self.patterns {
            text = pattern.stringByReplacingMatches(
                in: text, range: NSRange(text.startIndex..., in: text), withTemplate: replacement)
        }
        return text
    }

    /// The value without secrets; members that are named like one lose their value.
    func json(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool, .number: value
        case .string(let text): .string(self.text(text))
        case .array(let elements): .array(elements.map { json($0) })
        case .object(let members):
            .object(members.map { JSONValue.Member(text($0.key), member($0.key, $0.value)) })
        }
    }

    private func member(_ key: String, _ value: JSONValue) -> JSONValue {
        let name = key.lowercased().filter { $0.isLetter }
        let isSecret = Self.words.contains { name.contains($0.filter(\.isLetter)) }
        let isInput = Self.inputs.contains(name)
        switch value {
        case .null, .bool: return value
        // How many tokens something took is no secret; what somebody asked for is one in any form.
        case .number where !isInput: return value
        default: return isSecret || isInput ? .string(Self.mark) : json(value)
        }
    }

    /// Members that hold what somebody asked for, or what they named.
    private static let inputs: Set<String> = [
        "input", "inputs", "prompt", "messages", "env", "environment", "labels", "links", "url",
    ]

    /// Words that the name of a secret has.
    private static let words = [
        "password", "passwd", "secret", "token", "authorization", "api[_-]?key", "access[_-]?key",
        "private[_-]?key", "credential", "signature", "cookie",
    ]

    /// A quick look, since most texts hold none.
    private static func mayHoldSecret(_ text: String) -> Bool {
        signs.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
    }

    private static let named = "(?:" + words.joined(separator: "|") + ")"
    private static let signs = expression("://|-----BEGIN|bearer|basic|\(named)|\(shapes)")
    /// What tokens of well-known makers look like.
    private static let shapes =
        #"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"#
        + #"|\b(?:fct|ghp|gho|github_pat|glpat|hf|sk|xox[abp])[_-][A-Za-z0-9_-]{12,}"#

    private static let patterns: [(NSRegularExpression, String)] = [
        (
            expression(#"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*-----|$)"#),
            mark
        ),
        (expression(#"([a-z][a-z0-9+.-]*://)[^\s/?#"'<>]*@"#), "$1\(mark)@"),
        (expression(#"([a-z][a-z0-9+.-]*://[^\s?#"'<>]*)[?#][^\s"'<>]*"#), "$1?\(mark)"),
        (expression(#"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"#), "$1 \(mark)"),
        (
            expression(
                #"([\w.-]*\#(named)[\w-]*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&}"'\[]+)"#),
            "$1\(mark)"
        ),
        (expression(#"(--?[\w-]*\#(named)[\w-]*)\s+[^\s\[-]\S*"#), "$1 \(mark)"),
        (expression(shapes), mark),
    ]

    private static func expression(_ pattern: String) -> NSRegularExpression {
        do {
            return try NSRegularExpression(pattern: pattern, options: [.caseInsensitive])
        } catch {
            preconditionFailure("no regular expression: \(pattern)")
        }
    }
}
