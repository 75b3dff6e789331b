/// The keys of one shard of one installation.
///
/// A key is `prefix:{shard}:name`. The braces make the shard the part that Redis Cluster hashes, so
/// all keys of a shard live together and one script may touch any of them.
package struct KeySpace: Hashable, Sendable {
    /// The name of the installation.
    package let prefix: String
    /// The number of the shard.
    package let shard: UInt32
    private let stem: String

    /// The keys of the default installation: `jessica:{0}:`.
    package static let standard = KeySpace(checkedPrefix: "jessica", shard: 0)

    /// Creates a key space; a prefix is 1 to 64 letters, digits, `-`, `_`, `.` or `:`.
    package init(prefix: String, shard: UInt32 = 0) throws(RedisStoreError) {
        let allowed = prefix.utf8.allSatisfy { byte in
            (byte >= 0x30 && byte <= 0x3A) || (byte >= 0x41 && byte <= 0x5A)
                || (byte >= 0x61 && byte <= 0x7A) || byte == 0x2D || byte == 0x2E || byte == 0x5F
        }
        guard allowed, (1...64).contains(prefix.utf8.count) else {
            throw RedisStoreError(
                .invalidArgument,
                "a Redis key prefix is 1 to 64 letters, digits, '-', '_', '.' or ':', "
                    + "not '\(prefix)'"
            )
        }
        self.init(checkedPrefix: prefix, shard: shard)
    }

    private init(checkedPrefix prefix: String, shard: UInt32) {
        self.prefix = prefix
        self.shard = shard
        self.stem = "\(prefix):{\(shard)}:"
    }

    /// The key of a name.
    package func key(_ name: String) -> String { stem + name }

    /// The hash with the term, its owner and the last committed batch.
    package var meta: String { key("meta") }
    /// The key of the leader lease.
    package var leader: String { key("leader") }
}
