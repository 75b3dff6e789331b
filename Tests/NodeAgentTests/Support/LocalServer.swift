import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A server on this machine that is there while a body runs.
enum LocalServer {
    /// What answers a whole request.
    typealias Answer = @Sendable (HTTPRequestHead, [UInt8]) -> (HTTPResponseStatus, [UInt8])

    /// Runs a body with the server's port; `prepare` gives each connection what answers it.
    static func with<Result>(
        at address: SocketAddress? = nil,
        _ prepare: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void,
        _ body: (Int) async throws -> Result
    ) async throws -> Result {
        let address = try address ?? SocketAddress(ipAddress: "127.0.0.1", port: 0)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare(channel.pipeline.syncOperations)
                }
            }
            .bind(to: address).get()
        do {
            let result = try await body(channel.localAddress?.port ?? 0)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// Runs a body with the port of a server that answers whole requests by HTTP; HTTPS with `tls`.
    static func http<Result>(
        tls: NIOSSLContext? = nil, _ answer: @escaping Answer,
        _ body: (Int) async throws -> Result
    ) async throws -> Result {
        try await with(
            { pipeline in
                if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                try pipeline.configureHTTPServerPipeline()
                try pipeline.addHandler(Handler(answer))
            }, body)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        let answer: Answer
        var head: HTTPRequestHead?
        var body: [UInt8] = []

        init(_ answer: @escaping Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let buffer): body += [UInt8](buffer: buffer)
            case .end:
                guard let head else { return }
                let (status, bytes) = answer(head, body)
                let begin = HTTPResponseHead(
                    version: .http1_1, status: status,
                    headers: ["Content-Length": "\(bytes.count)"])
                context.write(wrapOutboundOut(.head(begin)), promise: nil)
                context.write(
                    wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
