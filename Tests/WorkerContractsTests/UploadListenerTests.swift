import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import WorkerContracts

/// Files that workers send to the listener.
@Suite(.timeLimit(.minutes(2)))
struct UploadListenerTests {
    private func put(
        _ client: HTTPClient, _ port: Int, _ path: String, _ body: HTTPClientRequest.Body,
        method: HTTPMethod = .PUT
    ) async throws -> (status: UInt, location: String?) {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers.add(name: "X-Prediction-ID", value: "J-1")
        request.headers.add(name: "Content-Type", value: "image/png")
        request.body = body
        let response = try await client.execute(request, timeout: .seconds(30))
        _ = try await response.body.collect(upTo: 1 << 20)
        return (response.status.code, response.headers.first(name: "Location"))
    }

    @Test func `a file is handed on, and the answer says how to name it`() async throws {
        let depot = Depot()
        try await withClient { client in
            try await withListener(depot: depot) { listener in
                let bytes = ByteBuffer(repeating: 65, count: 300_000)
                let known = try await put(
                    client, listener.port, "/w/secret/a%20b.png?x=/y", .bytes(bytes))
                let parts = Array(repeating: ByteBuffer(string: "ab"), count: 1_000)
                let chunked = try await put(
                    client, listener.port, "/w/secret/deep/c",
                    .stream(parts.async, length: .unknown))
                let files = depot.all
                try #require(files.count == 2)
                #expect(known.status == 201 && chunked.status == 201)
                #expect(known.location == UploadReference.url(files[0].storedName))
                #expect(chunked.location == UploadReference.url(files[1].storedName))
                #expect(
                    files[0].upload
                        == WorkerUpload(
                            token: "secret", prediction: "J-1", fileName: "a_20b.png",
                            contentType: "image/png", announcedBytes: 300_000))
                #expect(files[0].bytes == bytes && files[0].isWhole)
                #expect(files[1].upload.fileName == "c" && files[1].upload.announcedBytes == nil)
                #expect(String(buffer: files[1].bytes) == String(repeating: "ab", count: 1_000))
                #expect(files[1].storedName.hasSuffix(".png"))
            }
        }
    }

    @Test func `only a known token may send files, and only so`() async throws {
        let depot = Depot()
        try await withClient { client in
            try await withListener(depot: depot) { listener in
                let body = HTTPClientRequest.Body.bytes(ByteBuffer(string: "x"))
                func status(_ path: String, _ method: HTTPMethod = .PUT) async throws -> UInt {
                    try await put(client, listener.port, path, body, method: method).status
                }
                let unknown = try await [
                    status("/w/other/a.png"), status("/w/secret/"), status("/w//a.png"),
                ]
                #expect(unknown == [404, 404, 404])
                let odd = try await [status("/w/secret"), status("/w/secret/a.png", .POST)]
                #expect(odd == [405, 405])
                #expect(depot.all.isEmpty)
            }
        }
    }

    @Test(
        arguments: [
            (.unknown, 404), (.tooLarge, 413), (.noRoom, 507), (.failed, 500),
        ] as [(UploadAnswer, UInt)])
    func `a refusal is heard after all that was sent`(
        _ refusal: UploadAnswer, _ status: UInt
    ) async throws {
        try await withClient { client in
            try await withListener(depot: Depot(refusal: refusal)) { listener in
                let body = ByteBuffer(repeating: 65, count: 4 << 20)
                let answer = try await put(client, listener.port, "/w/secret/a", .bytes(body))
                #expect(answer.status == status && answer.location == nil)
            }
            // Nobody takes files at all.
            try await withListener { listener in
                let body = ByteBuffer(repeating: 65, count: 4 << 20)
                let answer = try await put(client, listener.port, "/w/secret/a", .bytes(body))
                #expect(answer.status == 404)
            }
        }
    }

    @Test func `a file that breaks off is given up`() async throws {
        let depot = Depot()
        try await withListener(depot: depot) { listener in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: listener.port).get()
            try await channel.writeAndFlush(
                ByteBuffer(
                    string: "PUT /w/secret/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"))
            _ = try await eventually("its beginning") {
                depot.all.first?.bytes.readableBytes == 3 ? true : nil
            }
            try await channel.close()
            let given = try await eventually("its end") {
                depot.all.first.flatMap { $0.isAbandoned ? $0 : nil }
            }
            #expect(!given.isWhole)
        }
    }

    @Test func `a file that is written slowly is neither cut off nor held in memory`() async throws
    {
        let gate = Gate()
        let depot = Depot(gate: { await gate.pass() })
        let piece = ByteBuffer(repeating: 65, count: 1 << 20)
        let sent = Count()
        let megabytes = 128
        try await withListener(depot: depot, configure: { $0.idleTimeout = .seconds(1) }) {
            listener in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: listener.port).get()
            let head = """
                PUT /w/secret/a HTTP/1.1\r\nHost: x\r\nContent-Length: \(megabytes << 20)\r\n\r\n
                """
            let sending = Task {
                try await channel.writeAndFlush(ByteBuffer(string: head))
                for _ in 0..<megabytes {
                    try await channel.writeAndFlush(piece)
                    sent.add()
                }
            }
            let later = ContinuousClock.now + .seconds(3)
            _ = try await eventually("three times the idle timeout") {
                ContinuousClock.now >= later ? true : nil
            }
            // What the sockets of both sides hold, 40 MB with the usual limits, and a few pieces of ours.
            #expect(sent.value < 96)
            gate.open()
            try await sending.value
            let given = try await eventually("its end") {
                depot.all.first.flatMap { $0.isWhole ? $0 : nil }
            }
            #expect(given.bytes.readableBytes == megabytes << 20)
            try? await channel.close()
        }
    }
}

private final class Gate: Sendable {
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)

    func pass() async { for await _ in stream {} }
    func open() { continuation.finish() }
}

private final class Count: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add() { count.withLock { $0 += 1 } }
}
