import NIOCore
import Synchronization

/// A server that gives the same answer to every call, as bytes; nil: none, until the other side goes.
final class ModelServer: Sendable {
    private struct State {
        var answer: String
        var calls = 0
        var abandoned = 0
    }
    private let state: Mutex<State>

    private init(_ answer: String) { state = Mutex(State(answer: answer)) }

    /// How many calls have come.
    var calls: Int { state.withLock { $0.calls } }
    /// How many calls the other side gave up.
    var abandoned: Int { state.withLock { $0.abandoned } }

    /// The answer of a server that has done its work.
    static let text =
        stream + #"data: {"choices":[{"delta":{"content":"Hello 50%"},"finish_reason":"stop"}]}"#
        + "\n\ndata: [DONE]\n\n"
    /// The beginning of one that never ends.
    static let stream =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        + #"data: {"choices":[{"delta":{"content":"Once "}}]}"# + "\n\n"
    /// An answer without words.
    static func status(_ code: Int) -> String {
        "HTTP/1.1 \(code) Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    }

    /// Runs a body with the server's address.
    static func with<Result>(
        _ answer: String, _ body: (ModelServer, String) async throws -> Result
    ) async throws -> Result {
        let server = ModelServer(answer)
        return try await LocalServer.with {
            try $0.addHandler(Handler(server))
        } _: { port in
            try await body(server, "127.0.0.1:\(port)")
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let server: ModelServer
        var request = ""
        var isAnswered = false

        init(_ server: ModelServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            request += String(buffer: unwrapInboundIn(data))
            // The end of the head, then that of a JSON object.
            let isWhole = request.hasPrefix("POST") ? request.hasSuffix("}") : true
            guard !isAnswered, request.contains("\r\n\r\n"), isWhole else { return }
            isAnswered = true
            let answer = server.state.withLock { state in
                state.calls += 1
                return state.answer
            }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            server.state.withLock { $0.abandoned += 1 }
        }
    }
}
