import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// One request the stub was sent.
struct StubRequest: Sendable {
    var method: String
    var path: String
    var query: [String: String]
    var headers: HTTPHeaders
    var body: Data

    /// `GET /jobs`, below `/api/v1`.
    var route: String { "\(method) \(path.replacing("/api/v1", with: ""))" }
    func header(_ name: String) -> String? { headers.first(name: name) }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// What the stub answers.
struct StubAnswer: Sendable {
    typealias Writer = @Sendable (String) async throws -> Void

    var status = 200
    var headers: [(String, String)] = [("Content-Type", "application/json")]
    var body = Data()
    /// Writes the body in pieces; throwing cuts the connection.
    var stream: (@Sendable (Writer) async throws -> Void)?
    /// Closes the connection without an answer.
    var isDropped = false

    static func json(_ text: String, status: Int = 200) -> StubAnswer {
        StubAnswer(status: status, body: Data(text.utf8))
    }
    static func bytes(_ text: String, type: String) -> StubAnswer {
        StubAnswer(headers: [("Content-Type", type)], body: Data(text.utf8))
    }
    static func error(_ status: Int, _ code: String, _ message: String, _ details: String = "")
        -> StubAnswer
    {
        .json(
            #"{"error":{"code":"\#(code)","message":"\#(message)","details":[\#(details)],"requestId":"req-7"}}"#,
            status: status)
    }
    static func stream(
        type: String, _ headers: [(String, String)] = [],
        _ write: @escaping @Sendable (Writer) async throws -> Void
    ) -> StubAnswer {
        StubAnswer(headers: [("Content-Type", type)] + headers, stream: write)
    }
    static let dropped = StubAnswer(isDropped: true)
}

/// A controller of canned answers on a real unix socket; it records what it was asked.
final class Stub: Sendable {
    typealias Handler = @Sendable (StubRequest) async -> StubAnswer

    let socket: String
    private let recorded = Mutex<[StubRequest]>([])
    private let handler: Handler

    private init(socket: String, _ handler: @escaping Handler) {
        self.socket = socket
        self.handler = handler
    }

    var requests: [StubRequest] { recorded.withLock { $0 } }

    /// The requests of one route, such as `POST /jobs`.
    func requests(_ route: String) -> [StubRequest] { requests.filter { $0.route == route } }

    /// Serves while `body` runs.
    static func serve<Result: Sendable>(
        _ handler: @escaping Handler, _ body: @Sendable (Stub) async throws -> Result
    ) async throws -> Result {
        let socket = "/tmp/jctl-test-\(UUID().uuidString.prefix(8)).sock"
        let stub = Stub(socket: socket, handler)
        defer { try? FileManager.default.removeItem(atPath: socket) }
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            // Nothing is read before somebody serves it, and an asynchronous channel that nobody uses
            // ends the process, so a connection becomes one only then.
            .childChannelOption(.autoRead, value: false)
            .bind(unixDomainSocketPath: socket) { $0.eventLoop.makeSucceededFuture($0) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.executeThenClose { connections in
                    try await withThrowingDiscardingTaskGroup { inner in
                        for try await channel in connections {
                            inner.addTask { try? await stub.serve(channel) }
                        }
                    }
                }
            }
            defer { group.cancelAll() }
            return try await body(stub)
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
    private struct Cut: Error {}

    private func serve(_ channel: any Channel) async throws {
        let connection = try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline()
            return try Connection(wrappingChannelSynchronously: channel)
        }.get()
        try await connection.executeThenClose { inbound, outbound in
            try await channel.setOption(.autoRead, value: true).get()
            var head: HTTPRequestHead?
            var body = Data()
            for try await part in inbound {
                switch part {
                case .head(let new): (head, body) = (new, Data())
                case .body(let bytes): body += Data(bytes.readableBytesView)
                case .end:
                    guard let head else { throw Cut() }
                    let request = Self.request(head, body)
                    recorded.withLock { $0.append(request) }
                    try await answer(await handler(request), outbound)
                }
            }
        }
    }

    private func answer(
        _ answer: StubAnswer, _ outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    ) async throws {
        guard !answer.isDropped else { throw Cut() }
        var headers = HTTPHeaders(answer.headers)
        if answer.stream == nil {
            headers.add(name: "Content-Length", value: "\(answer.body.count)")
        }
        try await outbound.write(
            .head(
                HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: answer.status), headers: headers)))
        if let stream = answer.stream {
            try await stream { text in
                try await outbound.write(.body(.byteBuffer(ByteBuffer(string: text))))
            }
        } else {
            try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: answer.body))))
        }
        try await outbound.write(.end(nil))
    }

    private static func request(_ head: HTTPRequestHead, _ body: Data) -> StubRequest {
        let parts = URLComponents(string: head.uri)
        var query: [String: String] = [:]
        for item in parts?.queryItems ?? [] { query[item.name] = item.value }
        return StubRequest(
            method: head.method.rawValue, path: parts?.percentEncodedPath ?? head.uri, query: query,
            headers: head.headers, body: body)
    }
}
