import Crypto
import FleetCore
import Foundation

/// What a public key is known by to people: the SHA-256 of its DER SubjectPublicKeyInfo.
package struct KeyFingerprint: Sendable, Hashable, CustomStringConvertible {
    /// `SHA256:` and 64 lower-case hexadecimal digits.
    package let description: String

    /// So many of its digits that no other key can be made to begin with them.
    var digits: String { String(description.dropFirst(Self.prefix.count).prefix(16)) }

    private static let prefix = "SHA256:"

    /// Reads one; nil when it is none.
    package init?(_ text: String) {
        let digits = text.utf8.dropFirst(Self.prefix.utf8.count)
        guard text.hasPrefix(Self.prefix), digits.count == 64,
            digits.allSatisfy({ Self.hexadecimal.contains($0) })
        else { return nil }
        description = Self.prefix + String(decoding: digits, as: UTF8.self).lowercased()
    }

    /// That of a key, given as its DER SubjectPublicKeyInfo.
    init(of key: [UInt8]) {
        description = Self.prefix + SHA256.hash(data: key).hexadecimal
    }

    private static let hexadecimal = Set("0123456789abcdefABCDEF".utf8)
}
