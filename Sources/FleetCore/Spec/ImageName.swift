/// The name of an image in its parts, as Docker reads them: `[HOST/]PATH[:TAG][@DIGEST]`.
package struct ImageName: Hashable, Sendable, CustomStringConvertible {
    /// The registry with its port; nil in a short name.
    package private(set) var host: String?
    /// The repository there.
    package private(set) var path: String
    /// The tag; nil for the usual one.
    package private(set) var tag: String?
    /// What it is by its content, `sha256:…`; nil when the name does not say.
    package private(set) var digest: String?

    /// Splits a name; whether its parts are good is not looked at.
    package init(_ text: String) {
        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        }
        if let slash = rest.firstIndex(of: "/"), Self.isHost(rest[..<slash]) {
            host = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        }
        let last = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[last...].firstIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        path = String(rest)
    }

    private static func isHost(_ part: Substring) -> Bool {
        part == "localhost" || part.contains { $0 == "." || $0 == ":" }
    }

    /// The whole name.
    package var description: String {
        (host.map { "\($0)/" } ?? "") + path + (tag.map { ":\($0)" } ?? "")
            + (digest.map { "@\($0)" } ?? "")
    }
}
