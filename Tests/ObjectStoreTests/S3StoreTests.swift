import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

@testable import ObjectStore

@Suite(.timeLimit(.minutes(3)))
struct S3StoreTests {
    private func send(
        _ client: HTTPClient, _ presigned: PresignedRequest, body: String? = nil,
        url: String? = nil,
        headers: [(name: String, value: String)]? = nil
    ) async throws -> (status: UInt, body: String) {
        var request = HTTPClientRequest(url: url ?? presigned.url)
        request.method = .init(rawValue: presigned.method)
        for (name, value) in headers ?? presigned.headers {
            request.headers.add(name: name, value: value)
        }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: .seconds(20))
        return (
            response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20))
        )
    }

    @Test func `presigned requests work without keys, and only as signed`() async throws {
        try await withS3 { store, _, client in
            let name = try key("outputs/images/j/1/a b.png".replacing(" ", with: "_"))
            let put = try await store.presignPut(
                name, contentType: "image/png", maxBytes: 100, expiresSeconds: 60)
            let stored = try await send(client, put, body: "picture")
            #expect(stored.status == 200)
            let get = try await store.presignGet(name, expiresSeconds: 60)
            #expect(try await send(client, get).body == "picture")
            #expect(try await store.head(name).contentType == "image/png")
            let other = get.url.replacing("/a_b.png?", with: "/c.png?")
            let moved = try await send(client, get, url: other)
            #expect(moved.status == 403)
            let longer = get.url.replacing("X-Amz-Expires=60", with: "X-Amz-Expires=6000")
            let stretched = try await send(client, get, url: longer)
            #expect(stretched.status == 403)
            let retyped = try await send(
                client, put, body: "x", headers: [("content-type", "text/html")])
            #expect(retyped.status == 403)
        }
    }

    @Test func `an expired URL is refused by the server`() async throws {
        try await withS3 { store, server, client in
            let past = S3Store(
                try S3Configuration(
                    endpoint: server.endpoint, bucket: "jessica", accessKey: "testkey",
                    secretKey: "testsecret"), http: client,
                clock: WallClock { WallClock.system.now() - 120 })
            let name = try key("a")
            try await store.put(name, .bytes(ByteBuffer(string: "x")), contentType: "a/b")
            let old = try await send(client, try await past.presignGet(name, expiresSeconds: 60))
            #expect((400...403).contains(old.status))
            let still = try await send(client, try await past.presignGet(name, expiresSeconds: 600))
            #expect(still.status == 200)
        }
    }

    @Test func `wrong keys, no server, no bucket: each is told apart`() async throws {
        try await withS3 { store, server, client in
            func other(_ bucket: String, _ secret: String, _ endpoint: String) throws -> S3Store {
                S3Store(
                    try S3Configuration(
                        endpoint: endpoint, bucket: bucket, accessKey: "testkey", secretKey: secret),
                    http: client)
            }
            let name = try key("a")
            let wrong = try other("jessica", "guess", server.endpoint)
            #expect(await code { _ = try await wrong.get(name, range: nil) } == .accessDenied)
            let denied = await code {
                try await wrong.put(name, .bytes(ByteBuffer()), contentType: "a/b")
            }
            #expect(denied == .accessDenied)
            let nowhere = try other("no-such-bucket", "testsecret", server.endpoint)
            #expect(await code { _ = try await nowhere.get(name, range: nil) } == .notFound)
            let lost = await code {
                try await nowhere.put(name, .bytes(ByteBuffer(string: "x")), contentType: "a/b")
            }
            #expect(lost == .notFound)
            let silent = try other("jessica", "testsecret", "http://127.0.0.1:1")
            #expect(await code { _ = try await silent.head(name) } == .unavailable)
            try await store.prepare()
        }
    }

    @Test func `settings are checked`() {
        func fails(_ endpoint: String, _ bucket: String = "jessica", _ access: String = "k") -> Bool
        {
            (try? S3Configuration(
                endpoint: endpoint, bucket: bucket, accessKey: access, secretKey: "s")) == nil
        }
        #expect(!fails("http://spark:9000") && !fails("https://s3.example.com/"))
        for bad in [
            "", "spark:9000", "ftp://x", "http://", "http://a/b", "http://u@h", "http://a b",
        ] {
            #expect(fails(bad), "\(bad)")
        }
        for bad in ["", "ab", "Upper", "a/b", "a..b", "under_score", "-x-"] {
            #expect(fails("http://h", bad), "\(bad)")
        }
        #expect(fails("http://h", "jessica", ""))
    }
}
