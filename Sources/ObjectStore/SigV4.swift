import Crypto

/// Signs requests the way S3 wants it (AWS Signature Version 4).
struct SigV4: Sendable {
    let accessKey: String
    let secretKey: String
    let region: String

    static let unsignedPayload = "UNSIGNED-PAYLOAD"
    private static let algorithm = "AWS4-HMAC-SHA256"

    struct Request {
        var method: String
        /// With the port, unless it is the scheme's own.
        var host: String
        /// Absolute and not encoded.
        var path: String
        var query: [(name: String, value: String)] = []
        /// Besides the host.
        var headers: [(name: String, value: String)] = []
        /// Hexadecimal SHA-256 of the body, or ``SigV4/unsignedPayload``.
        var payloadHash = SigV4.unsignedPayload
    }

    static func hash(_ bytes: some Sequence<UInt8>) -> String {
        var sha = SHA256()
        sha.update(data: Array(bytes))
        return URLText.hex(sha.finalize())
    }

    /// The query, ready to be appended to the path, that makes the request good for that long.
    func presignedQuery(_ request: Request, at time: Timestamp, expiresSeconds: Int) -> String {
        var request = request
        request.query += [
            ("X-Amz-Algorithm", Self.algorithm),
            ("X-Amz-Credential", "\(accessKey)/\(scope(time))"),
            ("X-Amz-Date", time.long), ("X-Amz-Expires", "\(expiresSeconds)"),
            ("X-Amz-SignedHeaders", Self.signedNames(request)),
        ]
        return Self.canonicalQuery(request.query)
            + "&X-Amz-Signature=\(signature(request, at: time))"
    }

    /// The headers that make the request good now, `Authorization` among them.
    func signedHeaders(_ request: Request, at time: Timestamp) -> [(name: String, value: String)] {
        var request = request
        request.headers += [
            ("x-amz-content-sha256", request.payloadHash), ("x-amz-date", time.long),
        ]
        let credential = "\(accessKey)/\(scope(time))"
        let signed = Self.signedNames(request)
        let signature = signature(request, at: time)
        return request.headers + [
            (
                "Authorization",
                "\(Self.algorithm) Credential=\(credential),SignedHeaders=\(signed),Signature=\(signature)"
            )
        ]
    }

    /// `name=value&…`, encoded and in the order that signatures need.
    static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
        query.map { (URLText.encode($0.name), URLText.encode($0.value)) }
            .sorted { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 < $1.0 }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }

    private func signature(_ request: Request, at time: Timestamp) -> String {
        let canonical = [
            request.method, URLText.encode(request.path, keepingSlash: true),
            Self.canonicalQuery(request.query), Self.canonicalHeaders(request) + "\n",
            Self.signedNames(request), request.payloadHash,
        ].joined(separator: "\n")
        let text = [Self.algorithm, time.long, scope(time), Self.hash(canonical.utf8)]
            .joined(separator: "\n")
        var key = Self.hmac(Array("AWS4\(secretKey)".utf8), time.short)
        for part in [region, "s3", "aws4_request"] { key = Self.hmac(key, part) }
        return URLText.hex(Self.hmac(key, text))
    }

    private func scope(_ time: Timestamp) -> String { "\(time.short)/\(region)/s3/aws4_request" }

    private static func sortedHeaders(_ request: Request) -> [(name: String, value: String)] {
        ([("host", request.host)] + request.headers.map { ($0.name.lowercased(), $0.value) })
            .sorted { $0.0 < $1.0 }
            .map { (name: $0.0, value: $0.1) }
    }

    private static func signedNames(_ request: Request) -> String {
        sortedHeaders(request).map(\.name).joined(separator: ";")
    }

    private static func canonicalHeaders(_ request: Request) -> String {
        sortedHeaders(request).map { "\($0.name):\($0.value)" }.joined(separator: "\n")
    }

    private static func hmac(_ key: [UInt8], _ text: String) -> [UInt8] {
        Array(
            HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
    }
}
