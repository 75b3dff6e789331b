/// An image's name split into what the pull request wants apart.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// Registry host and repository, such as `127.0.0.1:5000/sdxl`.
    package let repository: String
    /// A tag, or a digest such as `sha256:…`; never empty.
    package let version: String

    /// True when the version is a digest.
    package var isDigest: Bool { version.contains(":") }

    /// Splits a reference; a missing tag becomes `latest`, since a pull without one fetches all.
    ///
    /// - Throws: `.invalidArgument`. The daemon checks the finer rules.
    package init(_ text: String) throws(DockerError) {
        let allowed = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x25 && $0 != 0x3f }
        guard allowed, (1...512).contains(text.utf8.count) else {
            throw DockerError(.invalidArgument, "not an image reference")
        }
        var name = text[...]
        var version = ""
        if let at = name.firstIndex(of: "@") {
            version = String(name[name.index(after: at)...])
            name = name[..<at]
            guard version.contains(":") else {
                throw DockerError(.invalidArgument, "not a digest: \(version)")
            }
        }
        let lastSegment = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        if let colon = name[lastSegment...].firstIndex(of: ":") {
            // With both a tag and a digest, the digest decides.
            if version.isEmpty { version = String(name[name.index(after: colon)...]) }
            name = name[..<colon]
        } else if version.isEmpty {
            version = "latest"
        }
        let segments = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !version.isEmpty, !segments.contains(where: { ["", ".", ".."].contains($0) }) else {
            throw DockerError(.invalidArgument, "not an image reference: \(text)")
        }
        self.repository = String(name)
        self.version = version
    }

    /// The full reference with its tag or digest.
    package var description: String { repository + (isDigest ? "@" : ":") + version }
}
