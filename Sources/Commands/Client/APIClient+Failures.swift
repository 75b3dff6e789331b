import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// The one place where answers and transport errors become exit codes.
extension APIClient {
    /// The exit code for an answer that is no success.
    static func exitStatus(_ status: UInt, code: String?) -> ExitStatus {
        switch status {
        case 401, 403: .notAuthorised
        case 404, 410: .notFound
        case 409, 412: .conflict
        case 408, 504: .timedOut
        case 502, 503: .unreachable
        case 422 where code == "cannot_place": .failed
        case 422 where code?.hasPrefix("idempotency") == true: .conflict
        case 400, 405, 406, 411, 413, 414, 415, 422: .usage
        default: .failed
        }
    }

    /// What the controller said, as an error.
    func failure(_ call: Call, _ response: HTTPClientResponse, _ body: Data) -> CommandError {
        let sent = (try? JSONDecoder().decode(ServerFailure.self, from: body))?.error
        let status = Self.exitStatus(response.status.code, code: sent?.code)
        let message = sent?.message ?? "\(response.status.code) \(response.status.reasonPhrase)"
        var failure = CommandError(
            status, "cannot \(call.purpose)", why: message,
            details: (sent?.details ?? []).compactMap(\.text), hint: hint(status),
            code: sent?.code ?? "http_\(response.status.code)",
            requestID: sent?.requestId ?? response.headers.first(name: "X-Request-Id"))
        failure.mayHaveArrived = sent?.code == "outcome_unknown"
        if let text = response.headers.first(name: "Retry-After"), let seconds = UInt32(text) {
            failure.retryAfter = .seconds(seconds)
            if failure.isTooMuchNow { failure.hint = "try again in \(seconds) s" }
        }
        return failure
    }

    private func hint(_ status: ExitStatus) -> String? {
        switch status {
        case .notAuthorised:
            endpoint.token == nil
                ? "name a token's file with --token-file or JCTL_TOKEN_FILE"
                : "the token is unknown, has ended or may not do this"
        case .unreachable: "the controller is not ready; try again in a moment"
        case .success, .failed, .usage, .notFound, .conflict, .timedOut, .interrupted: nil
        }
    }

    /// A transport error as a `CommandError`; cancellation stays what it is.
    func transportFailure(_ error: any Error, _ call: Call) -> any Error {
        if Task.isCancelled || error is CancellationError { return CancellationError() }
        if error is any OwnError { return error }
        if var known = error as? CommandError {
            // Raised before the request was made, so it does not know yet what it was for.
            if known.what.isEmpty { known.what = "cannot \(call.purpose)" }
            return known
        }
        if let error = error as? HTTPClientError {
            if error == .cancelled { return CancellationError() }
            if error == .deadlineExceeded || error == .readTimeout {
                var late = CommandError(
                    .timedOut, "cannot \(call.purpose)",
                    why: "the controller did not answer in time",
                    hint: "try again; `jctl status` shows how it is")
                late.mayHaveArrived = true
                return late
            }
        }
        if error is NIOTooManyBytesError {
            return CommandError(.failed, "cannot \(call.purpose)", why: "the answer is too large")
        }
        if let error = error as? IOError, error.errnoCode == EACCES || error.errnoCode == EPERM {
            return CommandError(
                .notAuthorised, "cannot \(call.purpose)",
                why: "no permission to use \(endpoint.description)",
                hint: "use sudo, or https with a token")
        }
        var failure = unreachable(because: Self.reason(error), isTLS: Self.isTLS(error))
        failure.what = "cannot \(call.purpose)"
        failure.mayHaveArrived = Self.wasLost(error)
        return failure
    }

    /// The controller cannot be reached; `what` is filled in by the caller.
    func unreachable(because why: String, isTLS: Bool = false) -> CommandError {
        let place =
            endpoint.isUnset
            ? endpoint.origin : "\(endpoint.description), from \(endpoint.origin): \(why)"
        let hint =
            if isTLS {
                "name the fleet's certificate authority with --ca-file"
            } else if endpoint.isUnset {
                // Nobody else can look into the folder of the service's socket.
                Endpoint.howToName
            } else {
                "is spark-controller running? Choose another with --endpoint or JCTL_ENDPOINT"
            }
        return CommandError(
            .unreachable, "", why: "controller unreachable (\(place))", hint: hint)
    }

    /// An answer in a shape this jctl cannot read.
    static func unreadable(_ purpose: String, _ problem: String) -> CommandError {
        CommandError(
            .failed, "cannot \(purpose)", why: "the controller's answer cannot be read, \(problem)",
            hint: "`jctl version` shows whether both are of the same version")
    }

    /// Whether the connection stood before it failed.
    private static func wasLost(_ error: any Error) -> Bool {
        if let error = error as? IOError { return [ECONNRESET, EPIPE].contains(error.errnoCode) }
        if error is HTTPParserError { return true }
        return (error as? HTTPClientError) == .remoteConnectionClosed
    }

    private static func isTLS(_ error: any Error) -> Bool {
        error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError
    }

    /// Why a connection failed, in words.
    static func reason(_ error: any Error) -> String {
        if let error = error as? IOError {
            return switch error.errnoCode {
            case ECONNREFUSED: "nothing listens there"
            case ENAMETOOLONG: "the socket's path is too long"
            case ENOTSOCK, EPROTOTYPE: "it is no socket"
            case ECONNRESET, EPIPE: "it closed the connection"
            default: "\(error)"
            }
        }
        if isTLS(error) { return "TLS failed, its certificate is not trusted or not its own" }
        guard let error = error as? HTTPClientError else { return "\(error)" }
        if error == .connectTimeout || error == .tlsHandshakeTimeout {
            return "it did not answer within 5 s"
        }
        if error == .remoteConnectionClosed { return "it closed the connection" }
        return "\(error)"
    }
}
