package import Logging
import NIOCore
import NIOPosix

/// Makes connections to a server.
package enum LinkClient {
    /// Connects, runs `body` with the connection and closes it, however `body` ends.
    ///
    /// Throws what `connect` and `body` throw.
    package static func withConnection<Result>(
        host: String, port: Int, serverName: String, context: TLSContext,
        limits: LinkLimits = LinkLimits(), timeout: Duration = .seconds(5), logger: Logger,
        _ body: (LinkConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect(
            host: host, port: port, serverName: serverName, context: context, limits: limits,
            timeout: timeout, logger: logger)
        do {
            let result = try await body(connection)
            await connection.closeAndWait()
            return result
        } catch {
            await connection.closeAndWait()
            throw error
        }
    }

    /// Connects and verifies the server, within `timeout` in all.
    ///
    /// The caller closes the connection.
    ///
    /// A server that does not accept our certificate says so only after the handshake: then `inbound` throws
    /// `refusedByPeer`. Throws `connectFailed`, `connectTimeout`, `connectionLost`, the handshake's
    /// error, or `CancellationError`.
    package static func connect(
        host: String, port: Int, serverName: String, context: TLSContext,
        limits: LinkLimits = LinkLimits(), timeout: Duration = .seconds(5), logger: Logger
    ) async throws -> LinkConnection {
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: timeout)
        let channel = try await openChannel(host: host, port: port, timeout: timeout)
        // What TCP used up is gone for TLS; the reserve lets the handshake's own error come first.
        var limits = limits
        limits.handshakeTimeout = min(
            limits.handshakeTimeout, max(.milliseconds(1), deadline - clock.now))

        let core = LinkCore(channel: channel, limits: limits)
        do {
            try await channel.eventLoop.submit {
                let session = try TLSSession.client(context, serverName: serverName)
                try LinkChannel.configure(channel, session: session, core: core)
            }.get()
            let peer = try await core.waitForHandshake().get()
            logger.debug(
                "link connected", metadata: ["remote": "\(channel.remoteAddressText)"])
            return LinkConnection(core: core, peer: peer)
        } catch {
            channel.close(promise: nil)
            if error is LinkError || error is CancellationError { throw error }
            // The server closed before a handler could say so in our words.
            throw LinkError(.connectionLost, "the connection to \(host):\(port) is lost: \(error)")
        }
    }

    private static func openChannel(
        host: String, port: Int, timeout: Duration
    ) async throws -> any Channel {
        let outcome = OneShot<Result<any Channel, any Error>>()
        let opening = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(timeout))
            // Not a byte is read before the handlers are in place.
            .channelOption(.autoRead, value: false)
            .connect(host: host, port: port)
        opening.whenComplete { outcome.fulfil($0) }
        do {
            return try await outcome.wait().get()
        } catch is CancellationError {
            opening.whenSuccess { $0.close(promise: nil) }
            throw CancellationError()
        } catch let error as ChannelError {
            guard case .connectTimeout = error else {
                throw LinkError(.connectFailed, "cannot connect to \(host):\(port): \(error)")
            }
            throw LinkError(.connectTimeout, "no connection to \(host):\(port) within \(timeout)")
        } catch {
            throw LinkError(.connectFailed, "cannot connect to \(host):\(port): \(error)")
        }
    }
}
