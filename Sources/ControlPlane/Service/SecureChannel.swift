import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// Connections inside TLS, each with the certificate that is current when it is made.
///
/// Hummingbird's own channel of this kind keeps the first one for its life.
struct SecureChannel<Base: ServerChildChannel>: ServerChildChannel {
    /// What goes on inside.
    let base: Base
    /// What a connection that begins now is made with.
    let context: @Sendable () -> NIOSSLContext

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context()))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}

extension HTTPServerBuilder {
    /// HTTP/1.1 inside TLS; `context` is asked for each connection.
    static func https(
        _ configuration: HTTP1Channel.Configuration,
        context: @escaping @Sendable () -> NIOSSLContext
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            SecureChannel(
                base: HTTP1Channel(responder: responder, configuration: configuration),
                context: context)
        }
    }
}
