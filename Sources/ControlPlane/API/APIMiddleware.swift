import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// Gives every failure the one shape of an error, and logs it with its request's id.
struct ErrorShape<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as APIError {
            if error.status.code >= 500 {
                context.logger.warning(
                    "request refused",
                    metadata: ["path": "\(request.uri.path)", "code": "\(error.code)"])
            }
            throw error
        } catch let error as any HTTPResponseError {
            let code = error.status == .notFound ? "not_found" : "http_\(error.status.code)"
            throw APIError(
                error.status, code,
                error.status == .notFound
                    ? "there is nothing at \(request.method) \(request.uri.path)"
                    : error.status.reasonPhrase)
        } catch is CancellationError {
            throw APIError(.serviceUnavailable, "shutting_down", "the controller is stopping")
        } catch {
            context.logger.error(
                "request failed",
                metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            throw APIError(
                .internalServerError, "internal",
                "the controller failed; its log has the request id")
        }
    }
}

/// Lets in who shows a token of the controller.
struct TokenCheck<Context: RequestContext>: RouterMiddleware {
    let tokens: TokenFile
    /// Paths open to everybody: health, and uploads that carry their own signature.
    let open: @Sendable (String) -> Bool

    func handle(
        _ request: Request, context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        if open(request.uri.path) { return try await next(request, context) }
        let header = request.headers[.authorization] ?? ""
        guard header.hasPrefix("Bearer "), tokens.accepts(String(header.dropFirst(7))) else {
            throw APIError(
                .unauthorized, "unauthorized",
                "show a token: `Authorization: Bearer …`; the controller keeps its own in \(tokens.path)"
            )
        }
        return try await next(request, context)
    }
}
