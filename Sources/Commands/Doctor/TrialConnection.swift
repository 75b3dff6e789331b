import NIOCore
import NIOPosix
import NIOSSL

/// What is heard first of a connection.
enum Heard: Sendable {
    /// It stands.
    case opened
    /// Who is reached shows this certificate.
    case certificate(NIOSSLCertificate)
    /// Who is reached has said this.
    case words(String)
    /// It was closed without a word.
    case end
    /// It cannot be made, or broke.
    case failure(any Error)
}

/// One connection, made to hear how far it comes, and closed then.
struct TrialConnection: Sendable {
    /// Where to.
    let address: SocketAddress
    /// How long it may take until something is heard.
    let patience: Duration

    /// A way to have TLS on it; it may tell what is heard of that.
    typealias Preparation =
        @Sendable (ChannelPipeline.SynchronousOperations, AsyncStream<Heard>.Continuation) throws ->
        Void

    /// Whether it can be made; nil when that is not known in time.
    func open() async -> Heard? {
        await hear { _, _ in
        } then: { _, out in
            out.yield(.opened)
        }
    }

    /// What is heard of TLS alone; nil when it is nothing in time.
    func greet(_ prepare: @escaping Preparation) async -> Heard? {
        await hear(prepare) { _, _ in }
    }

    /// What is answered to something said; nil when it is nothing in time.
    func say(_ text: String, _ prepare: @escaping Preparation = { _, _ in }) async -> Heard? {
        await hear(prepare) { channel, _ in
            channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        }
    }

    private func hear(
        _ prepare: @escaping Preparation,
        then go: @escaping @Sendable (any Channel, AsyncStream<Heard>.Continuation) -> Void
    ) async -> Heard? {
        await inTime(patience) { out in
            let opening = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(patience))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try prepare(pipeline, out)
                        try pipeline.addHandler(FirstWords(out))
                    }
                }
                .connect(to: address)
            opening.whenSuccess { go($0, out) }
            opening.whenFailure { out.yield(.failure($0)) }
            out.onTermination = { _ in
                opening.whenSuccess { $0.close(promise: nil) }
            }
        }
    }
}

/// Tells what comes first.
private final class FirstWords: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let out: AsyncStream<Heard>.Continuation

    init(_ out: AsyncStream<Heard>.Continuation) { self.out = out }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        out.yield(.words(String(buffer: unwrapInboundIn(data))))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        out.yield(.failure(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        out.yield(.end)
        context.fireChannelInactive()
    }
}
