import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// The part of a controller's API that agents without a certificate use, with answers of the test.
final class EnrolmentServer: Sendable {
    struct Form: Decodable, Sendable {
        struct Renewal: Decodable, Sendable {
            var certificate: String
            var signature: Data
        }
        var node: String
        var key: String
        var renews: Renewal?
    }
    struct Asked: Sendable {
        var path: String
        var prefer: String?
        var form: Form?
    }
    enum Answer: Sendable {
        case certificate(String)
        case pending
        case full
    }

    private let all = Mutex<[Asked]>([])
    private let answer: @Sendable (Asked, Int) throws -> Answer

    private init(_ answer: @escaping @Sendable (Asked, Int) throws -> Answer) {
        self.answer = answer
    }

    /// What was asked, in order.
    var asked: [Asked] { all.withLock { $0 } }
    /// What was asked with a form.
    var forms: [Form] { asked.compactMap(\.form) }

    /// Runs a body with the server's port; `answer` is also told how many asked before.
    static func with<Result>(
        _ certificates: Certificates,
        _ answer: @escaping @Sendable (Asked, Int) throws -> Answer,
        _ body: (EnrolmentServer, Int) async throws -> Result
    ) async throws -> Result {
        let server = EnrolmentServer(answer)
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificates.text("server.crt").utf8))
        let key = try NIOSSLPrivateKey(
            bytes: Array(certificates.text("server.key").utf8), format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Handler(server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let result = try await body(server, channel.localAddress?.port ?? 0)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    fileprivate func take(_ head: HTTPRequestHead, _ body: [UInt8]) -> (HTTPResponseStatus, Data) {
        let asked = Asked(
            path: head.uri, prefer: head.headers.first(name: "Prefer"),
            form: try? JSONDecoder().decode(Form.self, from: Data(body)))
        let before = all.withLock { all in
            all.append(asked)
            return all.count - 1
        }
        do {
            switch try answer(asked, before) {
            case .certificate(let text):
                return (
                    .ok, try JSONEncoder().encode(["state": "approved", "certificate": text])
                )
            case .pending: return (.accepted, Data(#"{"state":"pending"}"#.utf8))
            case .full:
                return (
                    .serviceUnavailable,
                    Data(
                        #"{"error":{"code":"too_many_enrolments","message":"the room is full"}}"#
                            .utf8)
                )
            }
        } catch {
            return (.internalServerError, Data())
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        let server: EnrolmentServer
        var head: HTTPRequestHead?
        var body: [UInt8] = []

        init(_ server: EnrolmentServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let buffer): body += [UInt8](buffer: buffer)
            case .end:
                guard let head else { return }
                let (status, bytes) = server.take(head, body)
                let answer = HTTPResponseHead(
                    version: .http1_1, status: status,
                    headers: ["Content-Length": "\(bytes.count)"])
                context.write(wrapOutboundOut(.head(answer)), promise: nil)
                context.write(
                    wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
