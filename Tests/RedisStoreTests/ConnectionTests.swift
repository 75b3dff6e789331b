import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import RedisStore

/// Answers whatever it is told to, to see how a connection takes it.
private final class Impostor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let script: @Sendable (Int) -> String?
    private var reads = 0

    init(_ script: @escaping @Sendable (Int) -> String?) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        defer { reads += 1 }
        guard let answer = script(reads) else { return context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
    }
}

@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
    /// A server that answers the n-th read with `script(n)`; nil closes.
    private func withImpostor(
        _ script: @escaping @Sendable (Int) -> String?,
        _ body: (RedisEndpoint) async throws -> Void
    ) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Impostor(script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        do {
            try await body(RedisEndpoint(.tcp(host: "127.0.0.1", port: port)))
        } catch {
            try await server.close()
            throw error
        }
        try await server.close()
    }

    private func errorOfSecondSend(
        within timeout: Duration = .seconds(60), answers: @escaping @Sendable (Int) -> String?
    ) async throws -> RedisStoreError? {
        var found: RedisStoreError?
        try await withImpostor({ $0 == 0 ? "+PONG\r\n" : answers($0) }) { endpoint in
            let connection = try await RedisConnection.open(endpoint)
            found = await failure { () async throws(RedisStoreError) in
                _ = try await connection.send(
                    [RedisCommand("GET", "x")], timeout: timeout)
            }
            // In doubt means closed, and the next call certainly did nothing.
            let next = await failure { () async throws(RedisStoreError) in
                _ = try await connection.send([RedisCommand("GET", "x")])
            }
            #expect(next?.code == .unavailable(outcomeUnknown: false))
            #expect(await eventually { !connection.isActive })
        }
        return found
    }

    @Test func `silence is a timeout with an unknown outcome`() async throws {
        let error = try await errorOfSecondSend(within: .milliseconds(200)) { _ in "" }
        #expect(error?.code == .unavailable(outcomeUnknown: true))
        #expect(error?.message.contains("no answer within 0.2 s") == true)
    }

    @Test func `a lost connection is an unknown outcome`() async throws {
        let error = try await errorOfSecondSend { _ in nil }
        #expect(error?.code == .unavailable(outcomeUnknown: true))
        #expect(error?.message.contains("closed") == true)
    }

    @Test func `bytes that are no protocol are an unknown outcome`() async throws {
        let error = try await errorOfSecondSend { _ in "HTTP/1.1 400 Bad Request\r\n\r\n" }
        #expect(error?.code == .unavailable(outcomeUnknown: true))
        #expect(error?.message.contains("Protocol error") == true)
    }

    @Test func `an answer nobody asked for ends the connection`() async throws {
        try await withImpostor({ $0 == 0 ? "+PONG\r\n" : "+A\r\n+B\r\n" }) { endpoint in
            let connection = try await RedisConnection.open(endpoint)
            let first = try await connection.send([RedisCommand("GET", "x")])
            #expect(first == [.status("A")])
            #expect(await eventually { !connection.isActive })
        }
    }

    @Test func `a server that greets with an error is not connected to`() async throws {
        try await withImpostor({ _ in "-ERR max number of clients reached\r\n" }) { endpoint in
            let error = await failure { () async throws(RedisStoreError) in
                _ = try await RedisConnection.open(endpoint)
            }
            #expect(error?.code == .unavailable(outcomeUnknown: false))
            #expect(error?.message.contains("max number of clients") == true)
        }
    }

    @Test func `a refused connection says so`() async throws {
        let port = try await freePort()
        let client = RedisClient(endpoint: RedisEndpoint(.tcp(host: "127.0.0.1", port: port)))
        defer { client.close() }
        let error = await failure { () async throws(RedisStoreError) in
            _ = try await client.send([RedisCommand("PING")], lane: .commits)
        }
        #expect(error?.code == .unavailable(outcomeUnknown: false))
        #expect(
            error?.message == "cannot connect to Redis at 127.0.0.1:\(port): Connection refused")
        #expect(client.health.lastError == error?.message)
        #expect(!client.isHealthy)
    }

    @Test func `a missing socket says so`() async {
        let error = await failure { () async throws(RedisStoreError) in
            _ = try await RedisConnection.open(
                RedisEndpoint(.unixSocket(path: "/tmp/jr-none.sock")))
        }
        #expect(
            error?.message
                == "cannot connect to Redis at /tmp/jr-none.sock: No such file or directory")
    }

    @Test func `back-off doubles up to its bound`() {
        let configuration = RedisConfiguration()
        let waits = [0, 1, 2, 3, 20, 1_000].map { configuration.backoff(afterFailures: $0) }
        #expect(
            waits == [
                .zero, .milliseconds(20), .milliseconds(40), .milliseconds(80), .seconds(1),
                .seconds(1),
            ])
    }

    @Test func `durations become time amounts without overflow`() {
        #expect(TimeAmount(clamping: .milliseconds(1_500)) == .milliseconds(1_500))
        #expect(TimeAmount(clamping: .seconds(-1)) == .zero)
        #expect(TimeAmount(clamping: .seconds(Int64.max)) > .hours(24 * 365 * 100))
    }

    private func freePort() async throws -> Int {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        try await server.close()
        return port
    }
}
