/// An input that lies in the object store: too large for the record, which has an abridged copy of it.
package struct StoredInput: Hashable, Sendable, Codable {
    /// Bytes of the whole.
    package var size: Int
    /// SHA-256 of the whole, in hexadecimal.
    package var digest: String

    /// The largest input, in bytes of JSON.
    package static let sizeLimit = 256 << 10

    /// Notes an input.
    package init(size: Int, digest: String) {
        self.size = size
        self.digest = digest
    }
}
