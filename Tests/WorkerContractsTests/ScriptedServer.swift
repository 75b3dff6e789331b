import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import WorkerContracts

/// A server on a real socket whose every byte the test decides: for faults that no real one produces.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        let method: String
        let path: String
        let body: String
    }
    enum Step: Sendable {
        case send(String)
        case pause(Duration)
        /// Sends that text so often, or until the other side has gone.
        case flood(String, count: Int)
        /// Says nothing more until the other side has gone.
        case hold
    }
    typealias Script = @Sendable (Request) -> [Step]
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private let port: Int
    private let script: Script
    private struct State {
        var requests: [Request] = []
        var abandoned = 0
        var flooded = 0
    }
    private let state = Mutex(State())

    private init(port: Int, script: @escaping Script) {
        self.port = port
        self.script = script
    }

    var baseURL: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { state.withLock { $0.requests } }
    /// How often the other side closed a connection that was held.
    var abandoned: Int { state.withLock { $0.abandoned } }
    /// Texts of floods that were taken from us.
    var flooded: Int { state.withLock { $0.flooded } }

    /// Runs the body beside a server.
    static func with<T>(
        _ script: @escaping Script, _ body: (ScriptedServer) async throws -> T
    ) async throws -> T {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel)
                }
            }
        let server = ScriptedServer(
            port: listener.channel.localAddress?.port ?? 0, script: script)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await listener.executeThenClose { clients in
                    await withDiscardingTaskGroup { tasks in
                        do {
                            for try await client in clients {
                                tasks.addTask { await server.serve(client) }
                            }
                        } catch {}
                        tasks.cancelAll()
                    }
                }
            }
            defer { group.cancelAll() }
            return try await body(server)
        }
    }

    private func serve(_ client: Connection) async {
        try? await client.executeThenClose { inbound, outbound in
            var pieces = inbound.makeAsyncIterator()
            var bytes = ByteBuffer()
            var request: Request?
            while request == nil, let piece = try await pieces.next() {
                bytes.writeImmutableBuffer(piece)
                request = Self.parse(String(buffer: bytes))
            }
            guard let request else { return }
            state.withLock { $0.requests.append(request) }
            for step in script(request) {
                switch step {
                case .send(let text): try await outbound.write(ByteBuffer(string: text))
                case .pause(let time): try await Task.sleep(for: time)
                case .flood(let text, let count):
                    for _ in 0..<count {
                        try await outbound.write(ByteBuffer(string: text))
                        state.withLock { $0.flooded += 1 }
                    }
                case .hold:
                    while (try? await pieces.next()) != nil {}
                    if !Task.isCancelled { state.withLock { $0.abandoned += 1 } }
                }
            }
        }
    }

    /// The request, once it is whole.
    private static func parse(_ text: String) -> Request? {
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        let length =
            lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
        let body = text[end.upperBound...]
        let words = (lines.first ?? "").split(separator: " ")
        guard body.utf8.count >= length, words.count == 3 else { return nil }
        return Request(method: String(words[0]), path: String(words[1]), body: String(body))
    }
}

extension ScriptedServer.Step {
    /// A whole answer.
    static func answer(
        _ status: Int, _ body: String, type: String = "application/json"
    ) -> ScriptedServer.Step {
        .send(
            "HTTP/1.1 \(status) Whatever\r\nContent-Type: \(type)\r\n"
                + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
    }

    /// The head of an answer that ends with its connection.
    static var streamHead: ScriptedServer.Step {
        .send(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                + "Connection: close\r\n\r\n")
    }

    /// A piece of a text.
    static func token(_ text: String) -> ScriptedServer.Step {
        .send(
            "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(text)\"}}]}\n\n"
        )
    }

    /// The usual end of a text.
    static var streamEnd: ScriptedServer.Step {
        .send(
            #"data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#
                + "\r\n\r\n"
                + #"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#
                + "\n\ndata: [DONE]\n\n")
    }
}
