import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// Gives every failure the one shape of an error, logs it with its request's id, and counts all answers.
struct ErrorShape<Context: RequestContext>: RouterMiddleware {
    /// Counts the answers.
    let meters: FleetMeters

    func handle(
        _ request: Request, context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            let response = try await next(request, context)
            meters.answered(request.method.rawValue, response.status.code)
            return response
        } catch let error as APIError {
            throw logged(error, request, context)
        } catch let error as any HTTPResponseError {
            let code = error.status == .notFound ? "not_found" : "http_\(error.status.code)"
            throw logged(
                APIError(
                    error.status, code,
                    error.status == .notFound
                        ? "there is nothing at \(request.method) \(request.uri.path)"
                        : error.status.reasonPhrase), request, context)
        } catch is CancellationError {
            meters.answered(request.method.rawValue, 503)
            throw APIError(.serviceUnavailable, "shutting_down", "the controller is stopping")
        } catch {
            context.logger.error(
                "request failed",
                metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            meters.answered(request.method.rawValue, 500)
            throw APIError(
                .internalServerError, "internal",
                "the controller failed; its log has the request id")
        }
    }

    /// Whoever asks about a failure has its request's id; the log shall have it too.
    private func logged(_ error: APIError, _ request: Request, _ context: Context) -> APIError {
        meters.answered(request.method.rawValue, error.status.code)
        context.logger.log(
            level: error.status.code >= 500 ? .warning : .info, "request refused",
            metadata: [
                "method": "\(request.method)", "path": "\(request.uri.path)",
                "status": "\(error.status.code)", "code": "\(error.code)",
            ])
        return error
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
