/// Why an object could not be stored, read or addressed.
package struct ObjectStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case notFound
        /// The key is not one we ever use; see ``ObjectKey``.
        case invalidKey
        /// A setting or a parameter is out of its bounds.
        case invalidRequest
        /// The credentials or their rights do not suffice.
        case accessDenied
        /// The disk or the quota is full. Nothing was stored.
        case noSpace
        case tooLarge
        /// The stream ended before or after the length it was announced with. Nothing was stored.
        case lengthMismatch
        /// Another key is in the way, such as "a" for "a/b" in a folder.
        case conflict
        /// The store is unreachable or overloaded; the same thing may work later.
        case unavailable
        case timeout
        /// The store answered something that is not its protocol.
        case badResponse
        case cancelled
        /// The file system reported an error, or holds something that is not ours, such as a
        /// symbolic link.
        case io
    }

    package let code: Code
    /// One sentence for a person; never contains a secret or a signature.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
