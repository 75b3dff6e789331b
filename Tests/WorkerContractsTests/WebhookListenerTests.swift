import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import WorkerContracts

@Suite(.timeLimit(.minutes(2)))
struct WebhookListenerTests {
    /// Sends a report and expects that answer.
    private func expect(
        _ status: UInt, _ client: HTTPClient, _ port: Int, _ path: String,
        _ body: ByteBuffer = ByteBuffer(string: "{}"), method: HTTPMethod = .POST
    ) async throws {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        if method != .GET { request.body = .bytes(body) }
        let response = try await client.execute(request, timeout: .seconds(20))
        _ = try await response.body.collect(upTo: 1 << 20)
        #expect(response.status.code == status, "\(method) \(path)")
    }

    @Test func `only a known token is let in`() async throws {
        let inbox = Inbox()
        try await withClient { client in
            try await withListener(inbox: inbox) { listener in
                try await expect(200, client, listener.port, "/w/secret", ByteBuffer(string: "hi"))
                for path in [
                    "/w/other", "/w/", "/", "/x/secret", "/w/secret/", "/w/secret?x", "/w/%73ecret",
                ] {
                    try await expect(404, client, listener.port, path)
                }
                try await expect(405, client, listener.port, "/w/secret", method: .PUT)
                try await expect(405, client, listener.port, "/w/secret", method: .GET)
                #expect(
                    inbox.all == [.init(token: "secret", body: .bytes(ByteBuffer(string: "hi")))])
                listener.tokens.revoke("secret")
                try await expect(404, client, listener.port, "/w/secret")
            }
        }
    }

    @Test func `answers follow the handler`() async throws {
        let inbox = Inbox()
        try await withClient { client in
            try await withListener(inbox: inbox) { listener in
                inbox.answer(.retryLater)
                try await expect(503, client, listener.port, "/w/secret")
                inbox.answer(.unwanted)
                try await expect(404, client, listener.port, "/w/secret")
            }
        }
    }

    @Test func `before its work is known an unknown token is told to come back`() async throws {
        try await withClient { client in
            let tokens = WebhookTokens()
            let listener = try await WebhookListener.bind(tokens: tokens)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await listener.run { _ in .stored } }
                defer { group.cancelAll() }
                try await expect(503, client, listener.port, "/w/secret")
                tokens.markRestored()
                try await expect(404, client, listener.port, "/w/secret")
                #expect(!tokens.admit("a/b") && !tokens.admit("") && tokens.admit("secret"))
                try await expect(200, client, listener.port, "/w/secret")
            }
        }
    }

    @Test func `a report over the cap is told as such`() async throws {
        let inbox = Inbox()
        try await withClient { client in
            try await withListener(inbox: inbox, configure: { $0.bodyBytesMax = 1000 }) {
                listener in
                let big = ByteBuffer(repeating: 65, count: 1001)
                try await expect(200, client, listener.port, "/w/secret", big)
                #expect(inbox.all == [.init(token: "secret", body: .tooLarge(limit: 1000))])
                var chunked = HTTPClientRequest(url: "http://127.0.0.1:\(listener.port)/w/secret")
                chunked.method = .POST
                chunked.body = .stream([big].async, length: .unknown)
                let answer = try await client.execute(chunked, timeout: .seconds(10))
                #expect(answer.status == .ok)
                #expect(inbox.all.count == 2)
                let fits = ByteBuffer(repeating: 65, count: 1000)
                try await expect(200, client, listener.port, "/w/secret", fits)
                #expect(inbox.all.last?.body == .bytes(fits))
                #expect(listener.bytesInFlight == 0)
            }
        }
    }

    @Test func `past the total cap a worker is told to come back`() async throws {
        let inbox = Inbox()
        try await withClient { client in
            try await withListener(inbox: inbox, configure: { $0.inFlightBytesMax = 1000 }) {
                listener in
                let big = ByteBuffer(repeating: 65, count: 1001)
                try await expect(503, client, listener.port, "/w/secret", big)
                try await expect(200, client, listener.port, "/w/secret")
                #expect(listener.bytesInFlight == 0)
            }
        }
    }

    @Test func `silent, slow and senseless clients are shown out`() async throws {
        let inbox = Inbox()
        let quick: (inout WebhookListener.Configuration) -> Void = {
            $0.idleTimeout = .milliseconds(200)
            $0.requestTimeout = .milliseconds(600)
            $0.connectionsMax = 4
        }
        try await withListener(inbox: inbox, configure: quick) { listener in
            for opening in [
                "", "POST /w/secret HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc",
                "\u{0}\u{1}\u{2}\r\n\r\n",
                "POST /w/secret HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                "POST /w/secret HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "GET / HTTP/9.9\r\n\r\n",
            ] {
                try await untilClosed(port: listener.port, opening)
            }
            try await untilClosed(
                port: listener.port, "POST /w/secret HTTP/1.1\r\nContent-Length: 1000\r\n\r\n",
                drip: true)
            #expect(inbox.all.isEmpty)
            _ = try await eventually("all connections gone") {
                listener.connectionsOpen == 0 && listener.bytesInFlight == 0 ? true : nil
            }
        }
    }

    @Test func `connections past the maximum are closed at once`() async throws {
        let configure: (inout WebhookListener.Configuration) -> Void = {
            $0.connectionsMax = 2
            $0.idleTimeout = .seconds(60)
        }
        try await withListener(inbox: Inbox(), configure: configure) { listener in
            let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            var held: [any Channel] = []
            for _ in 0..<2 {
                held.append(
                    try await bootstrap.connect(host: "127.0.0.1", port: listener.port).get())
            }
            _ = try await eventually("two connections") {
                listener.connectionsOpen == 2 ? true : nil
            }
            try await untilClosed(port: listener.port, "")
            for channel in held { try await channel.close() }
            _ = try await eventually("none") { listener.connectionsOpen == 0 ? true : nil }
        }
    }

    @Test func `the same port can be had again at once`() async throws {
        let port = try freePort()
        try await withClient { client in
            for _ in 0..<3 {
                try await withListener(port: port, inbox: Inbox()) { listener in
                    #expect(listener.port == port)
                    try await expect(200, client, port, "/w/secret")
                }
            }
        }
        let unused = try await WebhookListener.bind()
        await unused.discard()
    }

    private static func touch(_ port: Int) async {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let channel = try? await bootstrap.connect(host: "127.0.0.1", port: port).get()
        try? await channel?.close()
    }

    @Test func `a connection that comes as the listener ends does no harm`() async throws {
        for _ in 0..<50 {
            let listener = try await WebhookListener.bind()
            let port = listener.port
            let server = Task { try await listener.run { _ in .stored } }
            await withTaskGroup { group in
                for _ in 0..<4 { group.addTask { await Self.touch(port) } }
                group.addTask { server.cancel() }
                for _ in 0..<4 { group.addTask { await Self.touch(port) } }
            }
            _ = await server.result
        }
    }

    @Test func `a port that is taken is a clear error`() async throws {
        try await withListener(inbox: Inbox()) { listener in
            var configuration = WebhookListener.Configuration()
            configuration.port = listener.port
            let error = await #expect(throws: WorkerError.self) {
                _ = try await WebhookListener.bind(configuration)
            }
            #expect(error?.code == .listenFailed)
            #expect(error?.message.contains("\(listener.port)") == true)
        }
    }

    /// Connects, sends the opening, and returns when the other side has closed.
    private func untilClosed(port: Int, _ opening: String, drip: Bool = false) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        try? await channel.writeAndFlush(ByteBuffer(string: opening))
        let dripping =
            drip
            ? channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(50))
            { _ in
                channel.writeAndFlush(ByteBuffer(string: "x"), promise: nil)
            } : nil
        let late = channel.eventLoop.scheduleTask(in: .seconds(15)) {
            Issue.record("not closed: \(opening)")
            channel.close(promise: nil)
        }
        try await channel.closeFuture.get()
        dripping?.cancel()
        late.cancel()
    }
}

extension Array where Element: Sendable {
    /// The elements, one by one, as a stream.
    var async: AsyncStream<Element> {
        AsyncStream { continuation in
            for element in self { continuation.yield(element) }
            continuation.finish()
        }
    }
}
