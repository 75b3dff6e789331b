import Crypto
import Foundation

/// The administrator's token: made at the first start, kept in a file for its owner only.
package struct TokenFile: Sendable {
    /// Where it is kept.
    package let path: String
    private let digest: [UInt8]

    /// Opens the token, or makes one of 256 random bits.
    package init(path: String) throws {
        self.path = path
        if let text = try SecretFile.read(path) {
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard token.utf8.count >= 32 else {
                throw IdentityError("\(path) holds no token; delete it to have a new one made")
            }
            digest = Array(SHA256.hash(data: Data(token.utf8)))
            return
        }
        let token = TokenBook.make()
        try SecretFile.write(token + "\n", to: path)
        digest = Array(SHA256.hash(data: Data(token.utf8)))
    }

    /// Whether this is the token; takes the same time for every wrong one.
    package func accepts(_ token: String) -> Bool {
        let other = Array(SHA256.hash(data: Data(token.utf8)))
        var difference: UInt8 = 0
        for (a, b) in zip(digest, other) { difference |= a ^ b }
        return difference == 0
    }
}
