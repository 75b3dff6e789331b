import Glibc
import NIOCore

extension Channel {
    /// The peer's IP address, without port.
    var remoteIP: String { remoteAddress?.ipAddress ?? "unknown" }

    /// The peer's address as `address:port`.
    var remoteAddressText: String {
        guard let remoteAddress, let ip = remoteAddress.ipAddress else { return "unknown" }
        let host = ip.contains(":") ? "[\(ip)]" : ip
        return "\(host):\(remoteAddress.port ?? 0)"
    }

    /// Closes without a goodbye: the peer gets a reset, and nothing of it stays with us.
    func reset() {
        (self as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            .whenComplete { _ in self.close(promise: nil) }
    }
}

/// What server and client connections have in common.
enum LinkChannel {
    /// Unsent bytes the kernel may hold, on top of what is in flight; more would only delay control frames.
    private static let kernelUnsentBytes = 128 << 10

    /// Adds the handlers.
    ///
    /// On the channel's event loop only.
    static func configure(
        _ channel: any Channel, session: consuming TLSSession, core: LinkCore
    ) throws {
        try setOptions(channel, limits: core.limits)
        try channel.pipeline.syncOperations.addHandler(
            TLSHandler(session: session, limits: core.limits))
        try channel.pipeline.syncOperations.addHandler(LinkHandler(core: core))
    }

    /// Sets the options of a connection.
    ///
    /// On the channel's event loop only.
    private static func setOptions(_ channel: any Channel, limits: LinkLimits) throws {
        guard let options = channel.syncOptions else { return }
        let high = max(2, limits.writeBufferBytes)
        try options.setOption(.writeBufferWaterMark, value: .init(low: high / 2, high: high))
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        try options.setOption(.autoRead, value: true)
        try options.setOption(
            .socket(Int(IPPROTO_TCP), TCP_NOTSENT_LOWAT), value: kernelUnsentBytes)
    }
}
