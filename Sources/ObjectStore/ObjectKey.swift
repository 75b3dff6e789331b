/// The name of an object: a relative path that is safe in a URL, in a bucket and in a folder alike.
///
/// 1 to 512 bytes; components of `[A-Za-z0-9._-]`, 1 to 200 bytes, none starting with a dot.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package static let bytesMax = 512
    package static let componentBytesMax = 200

    package let text: String

    /// Throws `invalidKey` saying which rule is broken.
    package init(_ text: some StringProtocol) throws(ObjectStoreError) {
        guard (1...Self.bytesMax).contains(text.utf8.count) else {
            throw ObjectStoreError(.invalidKey, "A key has 1 to \(Self.bytesMax) bytes.")
        }
        for component in text.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard (1...Self.componentBytesMax).contains(component.count) else {
                throw ObjectStoreError(
                    .invalidKey,
                    "Each part of a key between slashes has 1 to \(Self.componentBytesMax) bytes.")
            }
            guard component.first != UInt8(ascii: ".") else {
                throw ObjectStoreError(.invalidKey, "No part of a key starts with a dot.")
            }
            guard component.allSatisfy(Self.isAllowed) else {
                throw ObjectStoreError(
                    .invalidKey, "A key has only letters, digits, '.', '_', '-' and '/'.")
            }
        }
        self.text = String(text)
    }

    package var description: String { text }

    /// The parts between slashes; never empty.
    package var components: [String] { text.split(separator: "/").map(String.init) }

    /// By bytes, as S3 lists them.
    package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Throws `invalidKey` unless the text could begin a key; the empty prefix is every key.
    static func checkPrefix(_ prefix: String) throws(ObjectStoreError) {
        let fine =
            prefix.utf8.count <= bytesMax
            && prefix.utf8.allSatisfy { isAllowed($0) || $0 == UInt8(ascii: "/") }
        let parts = prefix.split(separator: "/", omittingEmptySubsequences: false)
        guard fine, !parts.contains(where: { $0.hasPrefix(".") }), !prefix.hasPrefix("/"),
            !prefix.contains("//")
        else { throw ObjectStoreError(.invalidKey, "That cannot be the beginning of a key.") }
    }
}
