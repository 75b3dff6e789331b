package import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// An S3 bucket, addressed by path (`ENDPOINT/BUCKET/KEY`), which every implementation understands.
package struct S3Store: ObjectStore {
    /// Seconds for a request without a large body.
    static let requestTimeout = TimeAmount.seconds(30)
    /// Seconds for a transfer.
    static let transferTimeout = TimeAmount.hours(2)
    static let answerBytesMax = 8 << 20

    /// What S3 takes in one request; more would need a multipart upload.
    package let putBytesMax: UInt64 = 5 << 30
    private let configuration: S3Configuration
    private let http: HTTPClient
    private let clock: WallClock
    private let signer: SigV4

    /// The client should be configured by ``clientConfiguration``.
    package init(
        _ configuration: S3Configuration, http: HTTPClient, clock: WallClock = .system
    ) {
        self.configuration = configuration
        self.http = http
        self.clock = clock
        self.signer = SigV4(
            accessKey: configuration.accessKey, secretKey: configuration.secretKey,
            region: configuration.region)
    }

    /// Settings for a client that talks to S3: no redirects, HTTP/1.1, 60 s of silence at most.
    package static var clientConfiguration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(60))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    /// Makes the bucket, if it is not there yet.
    package func prepare() async throws(ObjectStoreError) {
        let what = "Looking for bucket \(configuration.bucket)"
        let found = try await send(request("HEAD", nil), nil, Self.requestTimeout)
        let answer = try await body(found)
        if (200..<300).contains(found.status.code) { return }
        guard found.status.code == 404 else { throw S3Reply.error(found.status, answer, what) }
        let made = try await send(request("PUT", nil), nil, Self.requestTimeout)
        let text = try await body(made)
        // Someone else may have made it in between.
        guard (200..<300).contains(made.status.code) || made.status.code == 409 else {
            throw S3Reply.error(made.status, text, "Making bucket \(configuration.bucket)")
        }
    }

    package func presignPut(
        _ key: ObjectKey, contentType: String, maxBytes: Int, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest {
        try ObjectLimits.check(contentType: contentType)
        guard maxBytes >= 0 else {
            throw ObjectStoreError(.invalidRequest, "A size is not negative.")
        }
        return try presign("PUT", key, [("content-type", contentType)], expiresSeconds)
    }

    package func presignGet(
        _ key: ObjectKey, expiresSeconds: Int
    ) async throws(ObjectStoreError) -> PresignedRequest {
        try presign("GET", key, [], expiresSeconds)
    }

    package func put(
        _ key: ObjectKey, _ body: ObjectBody, contentType: String
    ) async throws(ObjectStoreError) {
        try ObjectLimits.check(contentType: contentType)
        var signed = request("PUT", key)
        signed.headers = [("content-type", contentType)]
        let content: HTTPClientRequest.Body
        switch body {
        case .bytes(let bytes):
            signed.payloadHash = SigV4.hash(bytes.readableBytesView)
            content = .bytes(bytes)
        case .stream(let stream, let length):
            guard length >= 0 else {
                throw ObjectStoreError(.invalidRequest, "A length is not negative.")
            }
            content = Self.streamed(stream, length)
        }
        let response = try await send(signed, content, Self.transferTimeout)
        let answer = try await self.body(response)
        guard (200..<300).contains(response.status.code) else {
            throw S3Reply.error(response.status, answer, "Storing \(key)")
        }
    }

    package func get(
        _ key: ObjectKey, range: ByteRange?
    ) async throws(ObjectStoreError) -> StoredObject {
        var signed = request("GET", key)
        // One that means nothing in any object would be sent as nonsense.
        guard range.map({ $0.resolved(size: .max) != nil }) ?? true else {
            throw ObjectStoreError(.invalidRequest, "Reading \(key): that is no range.")
        }
        switch range {
        case .from(let first, let last):
            signed.headers = [("range", "bytes=\(first)-\(last.map(String.init) ?? "")")]
        case .suffix(let count): signed.headers = [("range", "bytes=-\(count)")]
        case nil: break
        }
        let response = try await send(signed, nil, Self.transferTimeout)
        guard response.status.code == 200 || response.status.code == 206 else {
            throw S3Reply.error(response.status, try await body(response), "Reading \(key)")
        }
        let info = try S3Reply.info(key, response.headers)
        let stream = ObjectStream(source: .http(response.body))
        // Some servers answer 200 to a range too; what tells is whether they say which bytes they
        // sent.
        let whole = 0..<info.size
        let asked = range.map { $0.resolved(size: info.size) } ?? whole
        guard let asked else {
            throw ObjectStoreError(.invalidRequest, "Reading \(key): the range is past the end.")
        }
        let carried = S3Reply.range(response.headers) ?? whole
        guard carried == asked else {
            throw ObjectStoreError(
                .badResponse, "The storage sent another part of \(key) than it was asked for.")
        }
        return StoredObject(info: info, range: carried, body: stream)
    }

    package func head(_ key: ObjectKey) async throws(ObjectStoreError) -> ObjectInfo {
        let response = try await send(request("HEAD", key), nil, Self.requestTimeout)
        let answer = try await body(response)
        guard response.status.code == 200 else {
            throw S3Reply.error(response.status, answer, "Looking for \(key)")
        }
        return try S3Reply.info(key, response.headers)
    }

    package func delete(_ key: ObjectKey) async throws(ObjectStoreError) {
        let response = try await send(request("DELETE", key), nil, Self.requestTimeout)
        let answer = try await body(response)
        guard (200..<300).contains(response.status.code) || response.status.code == 404 else {
            throw S3Reply.error(response.status, answer, "Deleting \(key)")
        }
    }

    package func list(
        prefix: String, next: String?, limit: Int
    ) async throws(ObjectStoreError) -> ObjectPage {
        try ObjectKey.checkPrefix(prefix)
        try ObjectLimits.check(limit: limit)
        var signed = request("GET", nil)
        signed.query = [("list-type", "2"), ("max-keys", "\(limit)"), ("prefix", prefix)]
        if let next { signed.query.append(("continuation-token", next)) }
        let response = try await send(signed, nil, Self.requestTimeout)
        let answer = try await body(response)
        guard response.status.code == 200 else {
            throw S3Reply.error(response.status, answer, "Listing \(prefix)")
        }
        return try S3Reply.page(answer)
    }

    private func request(_ method: String, _ key: ObjectKey?) -> SigV4.Request {
        let path = "/" + configuration.bucket + (key.map { "/" + $0.text } ?? "")
        return SigV4.Request(method: method, host: configuration.host, path: path)
    }

    private func presign(
        _ method: String, _ key: ObjectKey, _ headers: [(name: String, value: String)],
        _ expiresSeconds: Int
    ) throws(ObjectStoreError) -> PresignedRequest {
        try ObjectLimits.check(expiresSeconds: expiresSeconds)
        var signed = request(method, key)
        signed.headers = headers
        let query = signer.presignedQuery(
            signed, at: Timestamp(seconds: clock.now()), expiresSeconds: expiresSeconds)
        return PresignedRequest(
            method: method, url: "\(configuration.endpoint)\(signed.path)?\(query)",
            headers: headers)
    }

    private func send(
        _ signed: SigV4.Request, _ body: HTTPClientRequest.Body?, _ timeout: TimeAmount
    ) async throws(ObjectStoreError) -> HTTPClientResponse {
        let query = SigV4.canonicalQuery(signed.query)
        var request = HTTPClientRequest(
            url: configuration.endpoint + signed.path + (query.isEmpty ? "" : "?" + query))
        request.method = HTTPMethod(rawValue: signed.method)
        for (name, value) in signer.signedHeaders(signed, at: Timestamp(seconds: clock.now())) {
            request.headers.add(name: name, value: value)
        }
        request.body = body
        do {
            return try await http.execute(request, timeout: timeout)
        } catch {
            throw S3Reply.translate(error)
        }
    }

    private func body(_ response: HTTPClientResponse) async throws(ObjectStoreError) -> [UInt8] {
        do {
            return [UInt8](buffer: try await response.body.collect(upTo: Self.answerBytesMax))
        } catch {
            throw S3Reply.translate(error)
        }
    }

    private static func streamed(
        _ stream: some AsyncSequence<ByteBuffer, any Error> & Sendable, _ length: Int
    ) -> HTTPClientRequest.Body {
        .stream(stream, length: .known(Int64(length)))
    }
}
