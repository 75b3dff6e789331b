import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Turns what S3 answers into our errors and listings.
enum S3Reply {
    /// The error that an answer other than 2xx stands for.
    static func error(_ status: HTTPResponseStatus, _ body: [UInt8], _ what: String)
        -> ObjectStoreError
    {
        let root = try? XMLText.parse(body)
        let code = root?.text("Code") ?? ""
        let said = root?.text("Message").map { " (\($0.prefix(200)))" } ?? ""
        let text =
            "\(what): the storage answered \(status.code)\(code.isEmpty ? "" : " \(code.prefix(64))")\(said)."
        switch code {
        case "NoSuchKey", "NoSuchBucket", "NotFound": return ObjectStoreError(.notFound, text)
        case "XMinioStorageFull", "QuotaExceeded", "InsufficientCapacity",
            "XMinioAdminBucketQuotaExceeded":
            return ObjectStoreError(.noSpace, text)
        case "EntityTooLarge": return ObjectStoreError(.tooLarge, text)
        case "IncompleteBody": return ObjectStoreError(.lengthMismatch, text)
        case "SlowDown", "ServiceUnavailable", "InternalError":
            return ObjectStoreError(.unavailable, text)
        default: break
        }
        switch status.code {
        case 401, 403: return ObjectStoreError(.accessDenied, text)
        case 404: return ObjectStoreError(.notFound, text)
        case 409: return ObjectStoreError(.conflict, text)
        case 413: return ObjectStoreError(.tooLarge, text)
        case 416: return ObjectStoreError(.invalidRequest, "\(what): the range is past the end.")
        case 507: return ObjectStoreError(.noSpace, text)
        case 429, 500...: return ObjectStoreError(.unavailable, text)
        default: return ObjectStoreError(.badResponse, text)
        }
    }

    static func translate(_ error: any Error) -> ObjectStoreError {
        if let error = error as? ObjectStoreError { return error }
        if error is CancellationError {
            return ObjectStoreError(.cancelled, "The request to the storage was cancelled.")
        }
        if error is NIOTooManyBytesError {
            return ObjectStoreError(.badResponse, "The storage's answer is too long.")
        }
        switch error as? HTTPClientError {
        case .cancelled:
            return ObjectStoreError(.cancelled, "The request to the storage was cancelled.")
        case .deadlineExceeded, .readTimeout, .writeTimeout:
            return ObjectStoreError(.timeout, "The storage did not answer in time.")
        case .bodyLengthMismatch:
            return ObjectStoreError(
                .lengthMismatch, "The stream had another length than announced.")
        default:
            return ObjectStoreError(.unavailable, "The storage could not be reached: \(error)")
        }
    }

    /// One page of a ListObjectsV2 answer.
    ///
    /// Objects whose key is not one of ours are left out.
    static func page(_ body: [UInt8]) throws(ObjectStoreError) -> ObjectPage {
        let root = try XMLText.parse(body)
        guard root.name == "ListBucketResult" else {
            throw ObjectStoreError(.badResponse, "The storage's answer is not a listing.")
        }
        var objects: [ObjectInfo] = []
        for entry in root.children where entry.name == "Contents" {
            guard let text = entry.text("Key"), let key = try? ObjectKey(text),
                let size = entry.text("Size").flatMap({ Int($0) }), size >= 0
            else { continue }
            objects.append(
                ObjectInfo(
                    key: key, size: size, contentType: ContentTypeByName.guess(key),
                    etag: etag(entry.text("ETag")),
                    modified: entry.text("LastModified").flatMap { Timestamp($0)?.seconds }))
        }
        let isTruncated = root.text("IsTruncated") == "true"
        let token = root.text("NextContinuationToken") ?? ""
        return ObjectPage(objects: objects, next: isTruncated && !token.isEmpty ? token : nil)
    }

    static func info(_ key: ObjectKey, _ headers: HTTPHeaders) throws(ObjectStoreError)
        -> ObjectInfo
    {
        let range = headers.first(name: "Content-Range").flatMap(total)
        guard let size = range ?? headers.first(name: "Content-Length").flatMap({ Int($0) }),
            size >= 0
        else { throw ObjectStoreError(.badResponse, "The storage did not say how long \(key) is.") }
        return ObjectInfo(
            key: key, size: size,
            contentType: headers.first(name: "Content-Type") ?? ContentTypeByName.guess(key),
            etag: etag(headers.first(name: "ETag")), modified: nil)
    }

    /// The bytes an answer carries, from `Content-Range: bytes 0-9/100`; nil when it has none.
    static func range(_ headers: HTTPHeaders) -> Range<Int>? {
        guard let text = headers.first(name: "Content-Range"), text.hasPrefix("bytes ") else {
            return nil
        }
        let ends = text.dropFirst(6).prefix { $0 != "/" }.split(separator: "-")
        guard ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]), first >= 0,
            last >= first, last < Int.max
        else { return nil }
        return first..<(last + 1)
    }

    private static func total(_ text: String) -> Int? {
        text.split(separator: "/").last.flatMap { Int($0) }
    }

    private static func etag(_ raw: String?) -> String {
        String((raw ?? "").filter { $0 != "\"" }.prefix(128))
    }
}
