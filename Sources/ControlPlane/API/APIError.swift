import FleetCore
import Foundation
package import HTTPTypes
package import Hummingbird
import NIOCore
import NIOHTTP1
import ObjectStore

/// Why a request is refused: every answer other than success has this shape.
package struct APIError: HTTPResponseError, Sendable {
    /// The status.
    package let status: HTTPResponse.Status
    /// A short, stable word.
    let code: String
    /// What is wrong, and what to do.
    let message: String
    /// The parts, where there are several.
    let details: [String]
    /// When to come back, in seconds.
    let retryAfter: Int?
    /// What else the answer's head says.
    let headers: HTTPFields

    init(
        _ status: HTTPResponse.Status, _ code: String, _ message: String, details: [String] = [],
        retryAfter: Int? = nil, headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.retryAfter = retryAfter
        self.headers = headers
    }

    /// Turns a refusal of the machine into an answer.
    init(_ refusal: Refusal) {
        let status: HTTPResponse.Status =
            switch refusal.code {
            case .notFound: .notFound
            case .invalid, .doesNotFit: .unprocessableContent
            case .conflict: .conflict
            case .idempotencyMismatch: .unprocessableContent
            case .queueFull: .serviceUnavailable
            case .tooManyOpen, .rateLimited: .tooManyRequests
            }
        self.init(
            status, refusal.code.rawValue, refusal.message,
            // Whole seconds, and never too early.
            retryAfter: refusal.retryAfter.map { Int($0.inSeconds.rounded(.up)) })
    }

    /// Says that a caller may follow nothing more now.
    init(_ noRoom: EventFeed.NoRoom, of caller: SubmitterName) {
        let (status, who): (HTTPResponse.Status, String) =
            switch noRoom {
            case .full: (.serviceUnavailable, "too many")
            case .shareTaken: (.tooManyRequests, "too many of \(caller)'s")
            }
        self.init(
            status, "too_many_streams",
            "\(who) streams, followed logs and waiting requests are open; come back later",
            retryAfter: 5)
    }

    static func invalid(_ message: String) -> APIError {
        APIError(.badRequest, "bad_request", message)
    }

    /// What is no HTTP.
    static func malformed(_ error: HTTPParserError) -> APIError {
        .invalid("the request cannot be read as HTTP/1.1: \(error.debugDescription)")
    }

    /// A word that is none of those there are.
    static func unknown(
        _ what: String, _ text: some StringProtocol, among known: [String]
    ) -> APIError {
        .invalid(
            "no \(what) is named `\(text.prefix(40))`; there are \(known.joined(separator: ", "))")
    }

    /// Well formed, and still not to be done.
    static func impossible(_ message: String) -> APIError {
        APIError(.unprocessableContent, "invalid", message)
    }

    static func notFound(_ what: String) -> APIError {
        APIError(.notFound, "not_found", "there is no \(what)")
    }

    static let storeAway = APIError(
        .serviceUnavailable, "store_unavailable",
        "the store does not answer, so nothing can be accepted now; work that runs goes on",
        retryAfter: 2)

    static func objectsAway(_ error: ObjectStoreError) -> APIError {
        APIError(
            .serviceUnavailable, "objects_unavailable",
            "the object store does not answer: \(error.message)", retryAfter: 5)
    }

    static let outcomeUnknown = APIError(
        .serviceUnavailable, "outcome_unknown",
        "the store did not confirm in time; repeat the request with the same Idempotency-Key",
        retryAfter: 2)

    private struct Body: Encodable {
        struct Inner: Encodable {
            var code: String
            var message: String
            var details: [String]
            var requestId: String
        }
        var error: Inner
    }

    /// The answer.
    package func response(
        from request: Request, context: some RequestContext
    ) throws -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: try body(requestID: "\(context.id)")))
    }

    /// What the answer says.
    func body(requestID: String) throws -> ByteBuffer {
        try JSONAnswer.encode(
            Body(
                error: .init(
                    code: code, message: message, details: details, requestId: requestID)))
    }
}

/// JSON as the API writes it.
enum JSONAnswer {
    static func encode(_ value: some Encodable) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = ByteBuffer(bytes: try encoder.encode(value))
        bytes.writeString("\n")
        return bytes
    }

    static func response(
        _ value: some Encodable, status: HTTPResponse.Status = .ok
    ) throws -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: try encode(value)))
    }
}
