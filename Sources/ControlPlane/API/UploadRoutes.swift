import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ObjectStore

/// Files that a client brings as inputs: put straight into the object store by a signed URL.
extension APIServer {
    /// How long a client has for an upload, in seconds.
    private static let uploadSeconds = 3_600

    func addUploads(_ api: RouterGroup<Context>) {
        api.post("/uploads") { request, _ in try await makeUpload(request) }
        api.get("/uploads/:id") { _, context in
            let id = try name(context, "id")
            guard let info = try await UploadedFile.find(id, in: objects) else {
                throw APIError.notFound("file of upload \(id)")
            }
            return try JSONAnswer.response(
                UploadView(
                    id: id, name: UploadedFile.name(of: info.key), contentType: info.contentType,
                    size: info.size, input: [InputReference.uploadKey: id]))
        }
        api.delete("/uploads/:id") { _, context in
            let id = try name(context, "id")
            guard let info = try await UploadedFile.find(id, in: objects) else {
                throw APIError.notFound("file of upload \(id)")
            }
            do throws(ObjectStoreError) {
                try await objects.delete(info.key)
            } catch {
                throw UploadedFile.away(error)
            }
            return Response(status: .noContent)
        }
    }

    private struct UploadView: Encodable, Sendable {
        var id: String
        var name: String
        var contentType: String
        var size: Int
        /// What stands for the file in the input of a job.
        var input: [String: String]
        var method: String?
        var url: String?
        var headers: [String: String]?
        var expiresInSeconds: Int?
    }

    private func makeUpload(_ request: Request) async throws -> Response {
        let fields = try await object(request, known: ["name", "contentType", "size"])
        guard case .string(let name)? = fields["name"], UploadedFile.isName(name) else {
            throw APIError.invalid(
                "`name` must be the name of a file: 1…100 letters, digits and `-._`, not first a dot"
            )
        }
        guard case .string(let type)? = fields["contentType"], UploadedFile.isMediaType(type) else {
            throw APIError.invalid("`contentType` must be a media type such as image/png")
        }
        guard case .int(let number)? = fields["size"], number >= 0 else {
            throw APIError.invalid("`size` must be the number of bytes")
        }
        guard UInt64(number) <= objects.putBytesMax else {
            throw APIError.impossible(
                "the object store takes \(objects.putBytesMax >> 30) GiB at most in a file")
        }
        let id = mint.mint(at: loop.clock.now).rawValue
        do {
            let key = try ObjectLayout.upload(id: id, name: name)
            let signed = try await objects.presignPut(
                key, contentType: type, maxBytes: Int(number), expiresSeconds: Self.uploadSeconds)
            let view = UploadView(
                id: id, name: name, contentType: type, size: Int(number),
                input: [InputReference.uploadKey: id], method: signed.method, url: signed.url,
                headers: Dictionary(
                    signed.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
                expiresInSeconds: Self.uploadSeconds)
            return try JSONAnswer.response(view, status: .created)
        } catch let error as ObjectStoreError {
            throw UploadedFile.away(error)
        }
    }
}

/// A file in the folder of uploads.
enum UploadedFile {
    /// The file of an upload; nil when it was never put, or is gone.
    static func find(_ id: String, in objects: any ObjectStore) async throws -> ObjectInfo? {
        guard JobIDMint.time(of: id) != nil else { return nil }
        do throws(ObjectStoreError) {
            let page = try await objects.list(prefix: "uploads/\(id)/", next: nil, limit: 1)
            guard let first = page.objects.first else { return nil }
            return try await objects.head(first.key)
        } catch {
            if error.code == .notFound { return nil }
            throw away(error)
        }
    }

    /// The file's own name.
    static func name(of key: ObjectKey) -> String {
        key.text.split(separator: "/").last.map(String.init) ?? key.text
    }

    static func isName(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.hasOnlyLettersDigits(or: "-._")
    }

    static func isMediaType(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && text.utf8.count <= 127
            && parts.allSatisfy { !$0.isEmpty && $0.hasOnlyLettersDigits(or: "!#$&-^_.+") }
    }

    static func away(_ error: ObjectStoreError) -> APIError {
        APIError(
            .serviceUnavailable, "objects_unavailable",
            "the object store does not answer: \(error.message)", retryAfter: 5)
    }
}
