import NIOCore
import NIOPosix
import NIOSSL

/// Somebody who listens while a test's body runs.
enum Listener {
    /// What comes of a connection.
    enum Manner: Sendable {
        /// It is taken, and nothing is said.
        case silent
        /// Whatever is said is answered with this text.
        case answers(String)
        /// The same after TLS.
        case secure(NIOSSLContext, String)
    }

    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"

    /// Listens on a port of its own, which the body gets.
    static func onPort<Result>(
        _ manner: Manner, _ body: (Int) async throws -> Result
    ) async throws -> Result {
        try await at(SocketAddress(ipAddress: "127.0.0.1", port: 0), manner) {
            try await body($0?.port ?? 0)
        }
    }

    /// Listens at an address; the body gets the one that it has become.
    static func at<Result>(
        _ address: SocketAddress, _ manner: Manner,
        _ body: (SocketAddress?) async throws -> Result
    ) async throws -> Result {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare(channel.pipeline.syncOperations, manner)
                }
            }
            .bind(to: address).get()
        do {
            let result = try await body(channel.localAddress)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private static func prepare(
        _ pipeline: ChannelPipeline.SynchronousOperations, _ manner: Manner
    ) throws {
        switch manner {
        case .silent: break
        case .answers(let text): try pipeline.addHandler(Answers(text))
        case .secure(let context, let text):
            try pipeline.addHandler(NIOSSLServerHandler(context: context))
            try pipeline.addHandler(Answers(text))
        }
    }

    private final class Answers: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let text: String

        init(_ text: String) { self.text = text }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        // Who only looks leaves without a word.
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
