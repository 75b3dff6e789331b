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
        // By bytes, as Docker does: an accent behind a slash makes no other character of it.
        func after(_ place: Substring.Index) -> Substring { rest[rest.utf8.index(after: place)...] }
        if let at = rest.utf8.firstIndex(of: UInt8(ascii: "@")) {
            digest = String(after(at))
            rest = rest[..<at]
        }
        if let slash = rest.utf8.firstIndex(of: UInt8(ascii: "/")), Self.isHost(rest[..<slash]) {
            host = String(rest[..<slash])
            rest = after(slash)
        }
        let name = rest.utf8.lastIndex(of: UInt8(ascii: "/")).map(after) ?? rest
        if let colon = name.utf8.firstIndex(of: UInt8(ascii: ":")) {
            tag = String(after(colon))
            rest = rest[..<colon]
        }
        path = String(rest)
    }

    /// Whether what stands before the first `/` is a registry, by Docker's rule: it has a dot, a port or a
    /// capital letter, or is `localhost`.
    ///
    /// No repository has capitals, so older engines refuse what newer ones ask that host for.
    package static func isHost(_ part: some StringProtocol) -> Bool {
        part.utf8.elementsEqual("localhost".utf8)
            || part.utf8.contains {
                $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":")
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
            }
    }

    /// The whole name.
    package var description: String {
        (host.map { "\($0)/" } ?? "") + path + (tag.map { ":\($0)" } ?? "")
            + (digest.map { "@\($0)" } ?? "")
    }
}
