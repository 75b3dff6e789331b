import FleetCore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ObjectStore
import RedisStore

/// Files that a client brings as inputs: put straight into the object store by a signed URL.
extension APIServer {
    /// How long a client has for an upload, in seconds.
    private static let uploadSeconds = 3_600

    func addUploads(_ api: RouterGroup<Context>) {
        api.post("/uploads") { request, context in
            try await makeUpload(request, for: context.caller.name)
        }
        api.get("/uploads/:id") { request, context in
            let (id, info) = try await upload(request, context)
            return try JSONAnswer.response(
                UploadView(
                    id: id, name: UploadedFile.name(of: info.key), contentType: info.contentType,
                    size: info.size, input: [InputReference.uploadKey: id]))
        }
        api.delete("/uploads/:id") { request, context in
            let (_, info) = try await upload(request, context)
            do throws(ObjectStoreError) {
                try await objects.delete(info.key)
            } catch {
                throw APIError.objectsAway(error)
            }
            return Response(status: .noContent)
        }
    }

    /// The file of the path: the caller's own, or for an operator that of `owner`.
    private func upload(
        _ request: Request, _ context: Context
    ) async throws -> (id: String, info: ObjectInfo) {
        let id = try name(context, "id")
        let own = context.caller.name
        let owner = try name(request, query: "owner").map { SubmitterName($0) } ?? own
        try context.caller.requireOwn(owner, "upload \(id)")
        do throws(ObjectStoreError) {
            if let info = try await UploadedFile.find(id, of: owner, in: objects) {
                return (id, info)
            }
        } catch {
            throw APIError.objectsAway(error)
        }
        throw APIError.notFound("file of upload \(id)")
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

    private func makeUpload(_ request: Request, for owner: SubmitterName) async throws -> Response {
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
        let id = try await uploadID(request, fields, of: owner)
        do {
            let key = try ObjectLayout.upload(owner: owner.rawValue, id: id, name: name)
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
            throw APIError.objectsAway(error)
        }
    }

    /// A new id, or the one that was given to the same file under the request's key.
    private func uploadID(
        _ request: Request, _ fields: [String: JSONValue], of owner: SubmitterName
    ) async throws -> String {
        let id = mint.mint(at: loop.clock.now).rawValue
        let text = try Self.idempotencyKey(request)
        guard let key = RequestKey(.upload, text, of: owner) else { return id }
        try requireStore()
        let asked = AcceptedRequest(
            key: key, id: id, digest: try Self.digest(JSONValue.object(fields)))
        let first = try await record { try await store.first(asked) }
        guard first.digest == asked.digest else {
            throw APIError(.keyWasUsed(for: "upload \(first.id)"))
        }
        return first.id
    }
}
