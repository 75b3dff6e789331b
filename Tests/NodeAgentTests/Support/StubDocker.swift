import DockerEngine
import NIOCore
import Synchronization

/// A Docker daemon of a few scripted answers, on a real unix socket.
final class StubDocker: Sendable {
    /// An answer to a request; nil breaks the connection.
    struct Answer: Sendable {
        var status = 200
        var body = ""

        /// There is no such thing.
        static let missing = Answer(status: 404, body: #"{"message":"no such thing"}"#)
    }
    private let lines = Mutex<[String]>([])
    private let answer: @Sendable (String) -> Answer?

    private init(_ answer: @escaping @Sendable (String) -> Answer?) { self.answer = answer }

    /// The first lines of all requests but those for the version: `GET /containers/json?…`.
    var requests: [String] { lines.withLock { $0 } }

    /// Runs a body with a client of such a daemon; a request is told without version: `POST /images/create?…`.
    static func with<Result: Sendable>(
        _ answer: @escaping @Sendable (String) -> Answer?,
        _ body: (DockerEngine, StubDocker) async throws -> Result
    ) async throws -> Result {
        let stub = StubDocker(answer)
        let path = "/tmp/jsd-\(UInt64.random(in: 0 ... .max)).sock"
        return try await LocalServer.with(at: SocketAddress(unixDomainSocketPath: path)) {
            try $0.addHandler(Handler(stub))
        } _: { _ in
            try await DockerEngine.with(socketPath: path, logger: quiet) { engine in
                try await body(engine, stub)
            }
        }
    }

    private func reply(to line: String) -> Answer? {
        let words = line.split(separator: " ").map(String.init)
        guard words.count > 1, words[1] != "/_ping" else { return Answer(body: "OK") }
        var path = words[1]
        if path.hasPrefix("/v1."), let slash = path.dropFirst().firstIndex(of: "/") {
            path = String(path[slash...])
        }
        let request = "\(words[0]) \(path)"
        lines.withLock { $0.append(request) }
        return answer(request)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let stub: StubDocker
        var received = ""
        var isAnswered = false

        init(_ stub: StubDocker) { self.stub = stub }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            guard !isAnswered, received.contains("\r\n\r\n"),
                let line = received.split(separator: "\r\n").first
            else { return }
            isAnswered = true
            guard let answer = stub.reply(to: String(line)) else {
                context.close(promise: nil)
                return
            }
            let text =
                "HTTP/1.1 \(answer.status) X\r\nConnection: close\r\nApi-Version: 1.41\r\n"
                + "Content-Length: \(answer.body.utf8.count)\r\n\r\n" + answer.body
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in
                bound.value.close(promise: nil)
            }
        }
    }
}
