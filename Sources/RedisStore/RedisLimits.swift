/// What one connection accepts from its peer and from its callers.
package struct RedisLimits: Hashable, Sendable {
    /// Elements in one reply, over all its arrays.
    package var replyElements = 4_000_000
    /// Bytes of one string in a reply.
    package var stringBytes = 64 << 20
    /// Bytes of one status, error, integer or header line.
    package var lineBytes = 64 << 10
    /// Bytes of one whole reply as it arrives.
    package var replyBytes = 256 << 20
    /// Pipelines waiting for their replies on one connection.
    package var pendingPipelines = 4_096

    /// Nested arrays in one reply; the codec's own fixed bound.
    package static let depth = 7
    /// Bytes of all arguments of one command.
    package static let commandBytes = 64 << 20
    /// Arguments of one command, the name included.
    package static let commandArguments = 500_000

    /// Creates the default limits.
    package init() {}
}
