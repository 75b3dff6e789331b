import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import NodeAgent

/// A place to put things by HTTP; the first request for each is refused, to see it tried again.
final class StoreServer: Sendable {
    struct Thing: Sendable, Equatable {
        var body: [UInt8]
        var contentType: String?
    }
    private let things = Mutex<[String: Thing]>([:])
    private let refused = Mutex<Set<String>>([])

    func thing(_ path: String) -> Thing? { things.withLock { $0[path] } }

    /// Runs a body with the server's address.
    static func with<Result: Sendable>(
        _ body: (StoreServer, String) async throws -> Result
    ) async throws -> Result {
        let server = StoreServer()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        do {
            let result = try await body(server, "http://127.0.0.1:\(port)")
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    /// Has something to be got.
    func hold(_ path: String, _ body: [UInt8]) {
        things.withLock { $0[path] = Thing(body: body, contentType: nil) }
    }

    /// What is there, refused the first time.
    fileprivate func get(_ path: String) -> (HTTPResponseStatus, [UInt8]) {
        guard !refused.withLock({ $0.insert(path).inserted }) else {
            return (.serviceUnavailable, [])
        }
        return thing(path).map { (.ok, $0.body) } ?? (.notFound, [])
    }

    fileprivate func put(_ path: String, _ thing: Thing) -> Bool {
        guard !refused.withLock({ $0.insert(path).inserted }) else { return false }
        things.withLock { $0[path] = thing }
        return true
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        let server: StoreServer
        var head: HTTPRequestHead?
        var body: [UInt8] = []

        init(_ server: StoreServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let buffer): body += [UInt8](buffer: buffer)
            case .end:
                if head?.method == .GET {
                    let (status, bytes) = server.get(head?.uri ?? "")
                    let answer = HTTPResponseHead(
                        version: .http1_1, status: status,
                        headers: ["Content-Length": "\(bytes.count)"])
                    context.write(wrapOutboundOut(.head(answer)), promise: nil)
                    context.write(
                        wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
                    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
                    return
                }
                let type = head?.headers.first(name: "Content-Type")
                let isFine =
                    head?.method == .PUT && head?.headers.first(name: "X-Test") == "1"
                    && server.put(
                        head?.uri ?? "", Thing(body: body, contentType: type))
                let answer = HTTPResponseHead(
                    version: .http1_1, status: isFine ? .ok : .serviceUnavailable,
                    headers: ["Content-Length": "0"])
                context.write(wrapOutboundOut(.head(answer)), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
