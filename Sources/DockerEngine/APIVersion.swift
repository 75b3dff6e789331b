/// A version of the Docker Engine API, such as 1.41.
package struct APIVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The part before the dot.
    package let major: Int
    /// The part after the dot.
    package let minor: Int

    /// The oldest API this client speaks (Docker 19.03).
    package static let floor = APIVersion(major: 1, minor: 40)
    /// The newest API this client speaks, but for `/info`: Docker 29.0 refuses anything older than 1.44.
    package static let ceiling = APIVersion(major: 1, minor: 44)
    /// What `/info` is asked with at most: the first to tell the devices there are (CDI).
    static let info = APIVersion(major: 1, minor: 50)

    /// Creates a version from its parts.
    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Parses `1.41`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...4).contains($0.utf8.count) }),
            let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0
        else { return nil }
        self.init(major: major, minor: minor)
    }

    /// Finds the oldest version that a daemon takes in its refusal; nil when that tells none.
    init?(leastIn refusal: String) {
        guard let words = refusal.firstRange(of: "Minimum supported API version is ") else {
            return nil
        }
        let text = refusal[words.upperBound...].prefix { $0.isNumber || $0 == "." }
        self.init(text.last == "." ? text.dropLast() : text)
    }

    /// The version as the API writes it.
    package var description: String { "\(major).\(minor)" }

    /// Orders by major, then by minor.
    package static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
