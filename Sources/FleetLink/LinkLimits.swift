/// Every bound of the link, with its unit.
///
/// The defaults are the ones to run with.
package struct LinkLimits: Sendable {
    /// Largest payload taken from a peer that is not promoted yet, in bytes.
    package var initialFrameBytes = 4 << 10
    /// Largest payload of any frame, in bytes.
    package var maximumFrameBytes = 1 << 20
    /// Largest payload on the bulk lane, in bytes: what a control frame may have to wait behind.
    package var maximumBulkFrameBytes = 64 << 10

    /// From accept or connect to the end of the TLS handshake.
    package var handshakeTimeout = Duration.seconds(5)
    /// From a frame's first byte to its last.
    package var slowFrameTimeout = Duration.seconds(10)
    /// For the waiting control frames to leave on close, and again for the peer's goodbye.
    package var closeTimeout = Duration.seconds(2)

    /// Frames received and not consumed before the socket is no longer read.
    package var inboundFrames = 1_000
    /// Payload bytes received and not consumed before the socket is no longer read.
    package var inboundBytes = 8 << 20

    /// Control frames waiting to be sent before the connection counts as stuck.
    package var controlFrames = 10_000
    /// Control bytes waiting to be sent before the connection counts as stuck.
    package var controlBytes = 8 << 20
    /// Bulk bytes waiting to be sent before the producer is told to keep them.
    package var bulkBytes = 1 << 20
    /// Most credit a peer can pile up, in bytes.
    package var maximumCredit = 16 << 20

    /// The channel takes more while less than this is unsent, in bytes.
    ///
    /// Small, so that lanes overtake.
    package var writeBufferBytes = 64 << 10

    /// Connections of a server whose handshake is not over.
    package var unauthenticatedConnections = 64
    /// The same, from one address.
    package var unauthenticatedPerAddress = 32
    /// Connections of a server in all.
    package var connections = 4_096
    /// Connections accepted each second in the long run.
    package var acceptsPerSecond = 20
    /// Connections accepted at once after a quiet time.
    package var acceptBurst = 200

    /// The defaults.
    package init() {}
}
