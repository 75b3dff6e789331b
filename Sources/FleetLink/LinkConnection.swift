/// A verified connection to a peer: frames in, frames out.
///
/// Every method may be called from any thread or task. The connection closes when the last reference to it goes;
/// `inbound` holds one.
package final class LinkConnection: Sendable {
    /// Who the peer is.
    package let peer: PeerIdentity
    /// The peer's socket address, as `address:port`.
    package let remoteAddress: String
    private let core: LinkCore

    /// Makes the owner's end of a connection whose handshake is over.
    package init(core: LinkCore, peer: PeerIdentity) {
        self.core = core
        self.peer = peer
        self.remoteAddress = core.channel.remoteAddressText
    }

    deinit {
        core.close()
    }

    /// The frames received, for one consumer.
    ///
    /// Not consuming them stops the peer from sending, within bounds.
    ///
    /// Ends when the peer or the owner closes; throws `LinkError` when the connection fails.
    package var inbound: InboundFrames { InboundFrames(connection: self) }

    /// Frames received that wait for the consumer.
    package var waitingFrames: Int { core.inbox.count }

    /// Hands a frame in for sending; never waits.
    ///
    /// More than the control lane's bound closes the connection.
    @discardableResult
    package func send(_ payload: [UInt8], lane: Lane) -> SendResult {
        core.send(payload, lane: lane)
    }

    /// Lets that many more bytes out of the bulk lane: call it when the peer grants them.
    package func addCredit(_ bytes: Int) {
        core.addCredit(bytes)
    }

    /// Sets the largest payload taken from the peer, in bytes (1 to 1 MiB): call it once the peer's hello is accepted.
    ///
    /// In force for every frame header not yet seen when it returns; so promote before sending the welcome.
    package func setFrameLimit(_ bytes: Int) {
        core.frameLimit = bytes
    }

    /// Begins to close: waiting control frames still go out, the rest is dropped, `inbound` ends.
    package func close() {
        core.close()
    }

    /// Waits until the connection is closed; nil when it closed without failure.
    ///
    /// Throws `CancellationError`.
    package func closed() async throws -> LinkError? {
        try await core.waitUntilClosed()
    }

    /// Closes and waits for the end, which is bounded, also in a cancelled task.
    func closeAndWait() async {
        core.close()
        await core.waitUntilClosedIgnoringCancellation()
    }

    fileprivate func next() async throws -> [UInt8]? {
        try await core.inbox.next()
    }
}

/// The payloads received on a connection, in order.
package struct InboundFrames: AsyncSequence, Sendable {
    /// One payload.
    package typealias Element = [UInt8]

    fileprivate let connection: LinkConnection

    /// Takes the payloads one by one.
    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let connection: LinkConnection

        /// The next payload; nil when the connection has closed.
        package func next() async throws -> [UInt8]? {
            try await connection.next()
        }
    }

    /// Makes the iterator; one task at a time may use it.
    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(connection: connection)
    }
}
