import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Serves `GET /metrics`, and nothing else, to whoever reaches its address.
struct MetricsServer: Sendable {
    let place: AgentSettings.Place
    let logger: Logger
    /// The text.
    let text: @Sendable () -> String

    /// Connections at once; more are closed.
    static let connectionsMax = 16
    /// How long a connection may be silent, and how long it may last, in seconds.
    private static let patience: Int64 = 10
    /// How soon it is tried again when the address cannot be had: metrics are not worth the agent.
    private static let again = Duration.seconds(10)

    /// Serves until cancelled.
    func run() async {
        var isFirst = true
        while !Task.isCancelled {
            do {
                try await serve()
            } catch {
                if isFirst, !Task.isCancelled {
                    logger.error(
                        "metrics cannot be served",
                        metadata: ["address": "\(place)", "error": "\(error)"])
                }
                isFirst = false
            }
            try? await Task.sleep(for: Self.again, clock: .continuous)
        }
    }

    /// Binds the address, tells its port, and serves until cancelled.
    func serve(onBound: @Sendable (Int) -> Void = { _ in }) async throws {
        let (text, open) = (text, OpenConnections())
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 16)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        IdleStateHandler(readTimeout: .seconds(Self.patience)))
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(MetricsConnection(text: text, open: open))
                }
            }
            .bind(host: place.host, port: place.port).get()
        onBound(channel.localAddress?.port ?? 0)
        logger.info("metrics are served", metadata: ["address": "\(place)"])
        try await withTaskCancellationHandler {
            try await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// How many connections there are.
    final class OpenConnections: Sendable {
        private let count = Atomic<Int>(0)
        func enter() -> Bool {
            count.add(1, ordering: .relaxed).newValue <= MetricsServer.connectionsMax
        }
        func leave() { count.subtract(1, ordering: .relaxed) }
    }
}

/// One connection: a request, its answer, the end.
private final class MetricsConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let text: @Sendable () -> String
    private let open: MetricsServer.OpenConnections
    private var request: HTTPRequestHead?
    /// When a request must have come whole.
    private var deadline = NIODeadline.distantFuture

    init(text: @escaping @Sendable () -> String, open: MetricsServer.OpenConnections) {
        self.text = text
        self.open = open
    }

    func channelActive(context: ChannelHandlerContext) {
        deadline = .now() + .seconds(10)
        if !open.enter() { context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        open.leave()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard NIODeadline.now() < deadline else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        // A body is read to its end and not kept.
        case .body: break
        case .end:
            guard let request else { return context.close(promise: nil) }
            self.request = nil
            answer(request, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = request.uri.prefix { $0 != "?" }
        let status: HTTPResponseStatus
        if path != "/metrics" {
            status = .notFound
        } else if request.method != .GET, request.method != .HEAD {
            status = .methodNotAllowed
        } else {
            status = .ok
        }
        let body = ByteBuffer(string: status == .ok ? text() : "see /metrics\n")
        var headers: HTTPHeaders = [
            "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
            "Content-Length": "\(body.readableBytes)", "Connection": "close",
        ]
        if status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }
}
