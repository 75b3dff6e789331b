/// Where an S3 bucket is and how to get in.
package struct S3Configuration: Sendable, CustomStringConvertible {
    /// `http://HOST[:PORT]` or `https://…`, without a path.
    package let endpoint: String
    package let bucket: String
    package let region: String
    package let accessKey: String
    package let secretKey: String

    /// The host as it stands in the `Host` header.
    let host: String

    /// Throws `invalidRequest` naming the setting that is wrong.
    package init(
        endpoint: String, bucket: String, region: String = "us-east-1", accessKey: String,
        secretKey: String
    ) throws(ObjectStoreError) {
        let trimmed = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        self.host = try Self.host(of: trimmed)
        guard (3...63).contains(bucket.utf8.count),
            bucket.utf8.allSatisfy({ ObjectKey.isAllowed($0) && $0 != UInt8(ascii: "_") }),
            bucket == bucket.lowercased(), !bucket.hasPrefix("."), !bucket.hasPrefix("-"),
            !bucket.contains("..")
        else {
            throw ObjectStoreError(
                .invalidRequest,
                "A bucket's name has 3 to 63 lower case letters, digits, dots and dashes.")
        }
        guard !accessKey.isEmpty, !secretKey.isEmpty,
            (accessKey + region).utf8.allSatisfy({ (0x21..<0x7F).contains($0) })
        else {
            throw ObjectStoreError(
                .invalidRequest, "The storage's access key or secret key is missing.")
        }
        self.endpoint = trimmed
        self.bucket = bucket
        self.region = region
        self.accessKey = accessKey
        self.secretKey = secretKey
    }

    package var description: String { "S3 bucket \(bucket) at \(endpoint)" }

    private static func host(of endpoint: String) throws(ObjectStoreError) -> String {
        let wrong = ObjectStoreError(
            .invalidRequest, "The storage's endpoint must look like http://HOST:PORT.")
        let isSecure = endpoint.hasPrefix("https://")
        guard isSecure || endpoint.hasPrefix("http://") else { throw wrong }
        let authority = endpoint.dropFirst(isSecure ? 8 : 7).lowercased()
        let allowed = authority.utf8.allSatisfy {
            ObjectKey.isAllowed($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "[")
                || $0 == UInt8(ascii: "]")
        }
        guard allowed, !authority.isEmpty, !authority.hasPrefix(":") else { throw wrong }
        let portless = isSecure ? ":443" : ":80"
        return authority.hasSuffix(portless)
            ? String(authority.dropLast(portless.utf8.count)) : authority
    }
}
