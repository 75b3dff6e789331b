import AsyncHTTPClient
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Testing

@testable import WorkerContracts

/// Files that the listener gives to workers.
@Suite(.timeLimit(.minutes(2)))
struct DownloadListenerTests {
    private struct Broken: Error {}

    private func get(
        _ path: String, _ client: HTTPClient, _ listener: WebhookListener,
        method: HTTPMethod = .GET
    ) async throws -> (status: UInt, body: ByteBuffer) {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(listener.port)\(path)")
        request.method = method
        let response = try await client.execute(request, timeout: .seconds(30))
        return (response.status.code, try await response.body.collect(upTo: 16 << 20))
    }

    @Test func `a file is given piece by piece, to who knows its address`() async throws {
        let piece = ByteBuffer(repeating: 7, count: 100_000)
        let film = WorkerFile(size: 3_000_000) { take in
            for _ in 0..<30 { try await take(piece) }
        }
        let empty = WorkerFile(size: 0) { _ in }
        try await withClient { client in
            try await withListener(files: ["film.mp4": film, "empty": empty]) { listener in
                for path in ["/w/secret/film.mp4", "/w/secret/film.mp4?x=1"] {
                    let (status, body) = try await get(path, client, listener)
                    #expect(status == 200)
                    #expect(body == ByteBuffer(repeating: 7, count: 3_000_000))
                }
                let nothing = try await get("/w/secret/empty", client, listener)
                #expect(nothing.status == 200 && nothing.body.readableBytes == 0)
                for path in ["/w/secret/other", "/w/other/film.mp4", "/w/secret/"] {
                    #expect(try await get(path, client, listener).status == 404, "\(path)")
                }
                let odd = try await get("/w/secret/empty", client, listener, method: .DELETE)
                #expect(odd.status == 405)
            }
        }
    }

    @Test func `a worker that takes no more of a file holds no connection`() async throws {
        let (given, tell) = AsyncStream.makeStream(of: Void.self)
        let piece = ByteBuffer(repeating: 7, count: 1 << 20)
        let film = WorkerFile(size: 1 << 40) { take in
            defer { tell.finish() }
            for _ in 0..<(1 << 20) { try await take(piece) }
        }
        try await withListener(
            files: ["film.mp4": film], configure: { $0.takingTimeout = .milliseconds(200) }
        ) { listener in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(ChannelOptions.autoRead, value: false)
                .connect(host: "127.0.0.1", port: listener.port).get()
            let head = "GET /w/secret/film.mp4 HTTP/1.1\r\nHost: x\r\n\r\n"
            try await channel.writeAndFlush(ByteBuffer(string: head))
            for await _ in given {}
            try? await channel.close()
        }
    }

    @Test func `only a worker that does not take what there is for it is given up`() throws {
        let tokens = WebhookTokens()
        #expect(tokens.admit("secret"))
        let connection = WebhookConnection(
            configuration: .init(), tokens: tokens, memory: Allowance(max: 1))
        let channel = EmbeddedChannel(handler: connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/w/secret/film.mp4")
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        func idle() {
            channel.pipeline.fireUserInboundEventTriggered(
                IdleStateHandler.IdleStateEvent.write)
        }
        // Nothing is there yet, or no more.
        idle()
        #expect(channel.isActive)
        try channel.writeOutbound(WorkerReply.fileBegins(size: 9))
        idle()
        #expect(channel.isActive)
        channel.write(WorkerReply.fileBytes(ByteBuffer(string: "a film")), promise: nil)
        idle()
        #expect(!channel.isActive)
    }

    @Test func `a file that cannot be read to its end is not taken for whole`() async throws {
        let broken = WorkerFile(size: 1_000) { take in
            try await take(ByteBuffer(repeating: 7, count: 10))
            throw Broken()
        }
        try await withClient { client in
            try await withListener(files: ["film.mp4": broken]) { listener in
                _ = await #expect(throws: (any Error).self) {
                    try await get("/w/secret/film.mp4", client, listener)
                }
            }
        }
    }
}
