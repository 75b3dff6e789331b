import Crypto

/// What a signed URL allows, read from a URL whose signature was right.
package struct SignedGrant: Sendable, Equatable {
    package let key: ObjectKey
    /// Most bytes of an upload; 0 for a download.
    package let maxBytes: Int
    /// The type an upload is kept under; empty for a download.
    package let contentType: String
}

/// Why a signed URL was not let in.
package enum SignedURLRefusal: Error, Sendable, Equatable {
    /// A part is missing, doubled or not what it should be.
    case malformed
    case badSignature
    /// The signature is right, but for another method.
    case wrongMethod
    /// The signature is right, but its time is over.
    case expired
}

/// Signs and checks URLs for the folder store, so that agents and users need no keys.
///
/// `KEY?m=PUT&e=1700000000&s=1048576&t=image%2Fpng&h=HEX`: method, end in seconds since 1970, most
/// bytes, content type, and an HMAC-SHA256 over all of them and the key.
package struct URLSigner: Sendable {
    package static let secretBytesMin = 32

    private let secret: SymmetricKey
    private let clock: WallClock

    /// Throws `invalidRequest` when the secret has fewer than 32 bytes.
    package init(secret: [UInt8], clock: WallClock = .system) throws(ObjectStoreError) {
        guard secret.count >= Self.secretBytesMin else {
            throw ObjectStoreError(.invalidRequest, "A signing secret has at least 32 bytes.")
        }
        self.secret = SymmetricKey(data: secret)
        self.clock = clock
    }

    /// The query for that grant.
    ///
    /// `method` is `GET` (which also allows `HEAD`) or `PUT`.
    package func query(
        method: String, grant: SignedGrant, expiresSeconds: Int
    ) throws(ObjectStoreError) -> String {
        try ObjectLimits.check(expiresSeconds: expiresSeconds)
        guard method == "GET" || method == "PUT", grant.maxBytes >= 0 else {
            throw ObjectStoreError(.invalidRequest, "Only GET and PUT can be signed.")
        }
        let end = clock.now() + expiresSeconds
        let code = Self.code(method, end, grant, secret)
        return "m=\(method)&e=\(end)&s=\(grant.maxBytes)&t=\(URLText.encode(grant.contentType))&h="
            + URLText.hex(code)
    }

    /// Checks the query of a request for `key`.
    package func verify(
        method: String, key: ObjectKey, query: String
    ) throws(SignedURLRefusal) -> SignedGrant {
        guard query.utf8.count <= 2048 else { throw .malformed }
        var fields: [String: String] = [:]
        for pair in query.split(separator: "&", omittingEmptySubsequences: false) {
            guard let equals = pair.firstIndex(of: "="),
                let value = URLText.decode(pair[pair.index(after: equals)...]),
                fields.updateValue(value, forKey: String(pair[..<equals])) == nil
            else { throw .malformed }
        }
        guard fields.count == 5, let signed = fields["m"], let type = fields["t"],
            let end = fields["e"].flatMap({ Int($0) }), let size = fields["s"].flatMap({ Int($0) }),
            let given = fields["h"].flatMap({ URLText.bytes(fromHex: $0) })
        else { throw .malformed }
        let grant = SignedGrant(key: key, maxBytes: size, contentType: type)
        let text = Self.text(signed, end, grant)
        guard
            HMAC<SHA256>.isValidAuthenticationCode(given, authenticating: text, using: secret)
        else { throw .badSignature }
        guard signed == method || (signed == "GET" && method == "HEAD") else { throw .wrongMethod }
        guard clock.now() < end else { throw .expired }
        return grant
    }

    private static func code(
        _ method: String, _ end: Int, _ grant: SignedGrant, _ secret: SymmetricKey
    ) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: text(method, end, grant), using: secret)
    }

    // No field can contain a line break: keys and methods by their rules, the type because it is
    // encoded.
    private static func text(_ method: String, _ end: Int, _ grant: SignedGrant) -> [UInt8] {
        let lines = [
            "jessica-url-1", URLText.encode(method), grant.key.text, "\(end)", "\(grant.maxBytes)",
            URLText.encode(grant.contentType),
        ]
        return Array(lines.joined(separator: "\n").utf8)
    }
}
