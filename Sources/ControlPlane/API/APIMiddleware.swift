import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOHTTP1

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
        } catch {
            let shaped = Self.shaped(error, request)
            meters.answered(request.method.rawValue, shaped.status.code)
            log(error, as: shaped, request, context)
            throw shaped
        }
    }

    /// A failure as it is answered.
    static func shaped(_ error: any Error, _ request: Request) -> APIError {
        switch error {
        case let error as APIError: return error
        // In its body, of which only a route hears.
        case let error as HTTPParserError: return .malformed(error)
        case let error as any HTTPResponseError where error.status == .notFound:
            return APIError(
                .notFound, "not_found", "there is nothing at \(request.method) \(request.uri.path)")
        case let error as any HTTPResponseError:
            return APIError(error.status, "http_\(error.status.code)", error.status.reasonPhrase)
        case is CancellationError:
            return APIError(
                .serviceUnavailable, "shutting_down", "the controller is stopping",
                retryAfter: 5)
        default:
            return APIError(
                .internalServerError, "internal",
                "the controller failed; its log has the request id")
        }
    }

    /// Whoever asks about a failure has its request's id; the log shall have it too.
    private func log(
        _ error: any Error, as shaped: APIError, _ request: Request, _ context: Context
    ) {
        var metadata: Logger.Metadata = [
            "method": "\(request.method)", "path": "\(request.uri.path)",
            "status": "\(shaped.status.code)", "code": "\(shaped.code)",
        ]
        guard shaped.status == .internalServerError else {
            return context.logger.log(
                level: shaped.status.code >= 500 ? .warning : .info, "request refused",
                metadata: metadata)
        }
        metadata["error"] = "\(error)"
        context.logger.error("request failed", metadata: metadata)
    }
}
