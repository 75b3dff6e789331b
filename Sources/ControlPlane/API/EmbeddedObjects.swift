import Foundation
import HTTPTypes
import Hummingbird
package import ObjectStore

/// The address of the controller's own folder of objects: for those who show a signed URL.
package struct EmbeddedObjects: Sendable {
    let store: FolderStore
    let signer: URLSigner

    /// Creates the address.
    package init(store: FolderStore, signer: URLSigner) {
        self.store = store
        self.signer = signer
    }

    func addRoutes(_ router: Router<APIContext>) {
        router.put("/objects/**") { request, _ in try await put(request) }
        router.get("/objects/**") { request, _ in try await get(request) }
    }

    private func grant(_ request: Request) throws -> SignedGrant {
        do {
            let path = request.uri.path.dropFirst("/objects/".count)
            guard let decoded = String(path).removingPercentEncoding else {
                throw APIError.invalid("the path cannot be read")
            }
            return try signer.verify(
                method: request.method.rawValue, key: try ObjectKey(decoded),
                query: request.uri.query ?? "")
        } catch let refusal as SignedURLRefusal {
            let message =
                refusal == .expired
                ? "the signed URL has expired" : "the URL is not signed by this controller"
            throw APIError(.forbidden, "not_signed", message)
        } catch let error as ObjectStoreError {
            throw APIError.invalid(error.message)
        }
    }

    private func put(_ request: Request) async throws -> Response {
        let grant = try grant(request)
        guard let length = request.headers[.contentLength].flatMap({ Int($0) }), length >= 0 else {
            throw APIError(.lengthRequired, "length_required", "an upload needs a Content-Length")
        }
        guard length <= grant.maxBytes else {
            throw APIError(
                .contentTooLarge, "too_large", "the signature allows \(grant.maxBytes) bytes")
        }
        let md5 = HTTPField.Name("Content-MD5").flatMap { request.headers[$0] }
        let body = CheckedBody(body: request.body, md5: md5)
        do {
            try await store.put(
                grant.key, .stream(body, length: length), contentType: grant.contentType)
        } catch {
            throw Self.answer(error)
        }
        return Response(status: .ok)
    }

    private func get(_ request: Request) async throws -> Response {
        let grant = try grant(request)
        do {
            let object = try await store.get(grant.key, range: nil)
            return Response(
                status: .ok,
                headers: [
                    .contentType: object.info.contentType,
                    .contentLength: "\(object.info.size)",
                    .contentDisposition: "attachment",
                ], body: ResponseBody(asyncSequence: object.body))
        } catch {
            throw Self.answer(error)
        }
    }

    private static func answer(_ error: ObjectStoreError) -> APIError {
        switch error.code {
        case .notFound: APIError(.notFound, "not_found", error.message)
        case .noSpace:
            APIError(
                .init(code: 507, reasonPhrase: "Insufficient Storage"), "disk_full", error.message)
        case .tooLarge: APIError(.contentTooLarge, "too_large", error.message)
        case .lengthMismatch, .invalidKey, .invalidRequest, .conflict:
            APIError(.badRequest, "bad_request", error.message)
        case .accessDenied, .unavailable, .timeout, .badResponse, .cancelled, .io:
            APIError(.serviceUnavailable, "objects_unavailable", error.message, retryAfter: 5)
        }
    }
}
