import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import DockerEngine

/// What a stub answers to one request.
enum StubReply: Sendable {
    /// A complete answer.
    case full(Int, String, headers: [String: String] = [:])
    /// A chunked 200, then the connection closes in order (or not at all).
    case chunks([String], end: Bool = true)
    /// A chunked 200 that breaks off in the middle.
    case cut([String])
    /// Any bytes, then the connection closes.
    case raw(String)
    /// A chunked 200 that never ends, of one piece again and again.
    case endless(String)
    /// Nothing at all.
    case silence
}

/// A daemon with scripted answers on a real unix socket.
final class StubDaemon: Sendable {
    let socketPath: String
    private let channel: any Channel
    private let requests: RequestLog

    /// Runs a test body with a stub and a client of it.
    static func run<Result: Sendable>(
        requestTimeout: Duration = .seconds(10), api: String = "1.41",
        _ reply: @escaping @Sendable (String) -> StubReply,
        _ body: (DockerEngine, StubDaemon) async throws -> Result
    ) async throws -> Result {
        let stub = try await StubDaemon { request in
            request.hasPrefix("GET /_ping ") && api != ""
                ? .full(200, "OK", headers: ["Api-Version": api]) : reply(request)
        }
        do {
            let result = try await DockerEngine.with(
                socketPath: stub.socketPath, logger: Logger(label: "stub"),
                requestTimeout: requestTimeout
            ) { try await body($0, stub) }
            try await stub.channel.close()
            return result
        } catch {
            try? await stub.channel.close()
            throw error
        }
    }

    /// The request lines so far.
    var requestLines: [String] { requests.lines.withLock { $0 } }

    private init(_ reply: @escaping @Sendable (String) -> StubReply) async throws {
        let path = "/tmp/jds-\(UInt64.random(in: 0 ... .max)).sock"
        let log = RequestLog()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(StubHandler(log, reply))
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        socketPath = path
        requests = log
    }
}

final class RequestLog: Sendable {
    let lines = Mutex<[String]>([])
}

private final class StubHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let log: RequestLog
    private let reply: @Sendable (String) -> StubReply
    private var received = ""
    private var answered = false

    init(_ log: RequestLog, _ reply: @escaping @Sendable (String) -> StubReply) {
        self.log = log
        self.reply = reply
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard !answered, received.contains("\r\n\r\n"),
            let line = received.split(separator: "\r\n").first
        else { return }
        answered = true
        let request = String(line)
        log.lines.withLock { $0.append(request) }
        answer(context, reply(request))
    }

    private func answer(_ context: ChannelHandlerContext, _ reply: StubReply) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        switch reply {
        case .full(let status, let body, let headers):
            var text = "HTTP/1.1 \(status) X\r\nConnection: close\r\n"
            if status != 204 && status != 304 { text += "Content-Length: \(body.utf8.count)\r\n" }
            for header in headers.sorted(by: { $0.key < $1.key }) {
                text += "\(header.key): \(header.value)\r\n"
            }
            write(context, text + "\r\n" + body, close: true)
        case .chunks(let chunks, let end):
            let body = chunks.map(Self.chunk).joined()
            if end {
                // The connection stays for the next request.
                answered = false
                received = ""
            }
            write(context, head + body + (end ? "0\r\n\r\n" : ""), close: false)
        case .cut(let chunks):
            write(context, head + chunks.map(Self.chunk).joined(), close: true)
        case .raw(let text):
            write(context, text, close: true)
        case .endless(let piece):
            write(context, head, close: false)
            flood(context, Self.chunk(piece))
        case .silence:
            break
        }
    }

    private func flood(_ context: ChannelHandlerContext, _ text: String) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenSuccess {
            let (handler, context) = bound.value
            handler.flood(context, text)
        }
    }

    private static func chunk(_ text: String) -> String {
        String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n"
    }

    private func write(_ context: ChannelHandlerContext, _ text: String, close: Bool) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in
            if close { bound.value.close(promise: nil) }
        }
    }
}
