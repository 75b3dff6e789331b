import AsyncHTTPClient
import NIOCore
import NIOHTTP1

extension DockerEngine {
    /// Sends a call and reads the whole answer, bounded in time and size.
    func send(
        _ call: Call, bodyBytesMax: Int = DockerEngine.answerBytesMax
    ) async throws -> Answer {
        try await withDeadline(call.timeout ?? requestTimeout) {
            var unlimited = call
            unlimited.timeout = nil
            let response = try await self.openWithoutDeadline(unlimited)
            let body = try await self.collect(response.body, upTo: bodyBytesMax)
            return Answer(
                status: Int(response.status.code), headers: response.headers, body: body)
        }
    }

    /// Sends a call and returns once the head of a good answer is there; the body streams.
    func open(_ call: Call) async throws -> HTTPClientResponse {
        guard let limit = call.timeout else { return try await openWithoutDeadline(call) }
        return try await withDeadline(limit) { try await self.openWithoutDeadline(call) }
    }

    /// Sends, and once more after a new negotiation when the daemon refuses the version.
    private func openWithoutDeadline(_ call: Call) async throws -> HTTPClientResponse {
        do {
            return try await execute(call)
        } catch let error as DockerError where call.versioned && Self.isAboutVersion(error) {
            learn(from: error)
            do {
                return try await execute(call)
            } catch let error as DockerError where Self.isAboutVersion(error) {
                throw DockerError(.unsupportedVersion, error.message, status: error.status)
            }
        }
    }

    private func execute(_ call: Call) async throws -> HTTPClientResponse {
        let version =
            call.versioned ? agreed(try await newestVersion(), atMost: call.newest) : nil
        var request = HTTPClientRequest(
            url: "http+unix://\(socketPath.percentEncoded)\(call.target(version: version))")
        request.method = call.method
        // The socket path would otherwise become the Host header, which newer daemons refuse.
        request.headers.add(name: "Host", value: "docker")
        for header in call.headers {
            request.headers.add(name: header.name, value: header.value)
        }
        if let body = call.body {
            request.body = .bytes(body)
        }
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, deadline: .distantFuture)
        } catch {
            throw transportFailure(error)
        }
        let status = Int(response.status.code)
        if (200..<300).contains(status) || status == 304 { return response }
        let text = try await collect(response.body, upTo: 64 * 1024)
        throw Self.failure(status: status, body: text)
    }

    /// Reads a body to its end, refusing more than the bound.
    func collect(_ body: HTTPClientResponse.Body, upTo limit: Int) async throws -> ByteBuffer {
        do {
            return try await body.collect(upTo: limit)
        } catch {
            throw transportFailure(error)
        }
    }

    /// Turns what the HTTP layer throws into this module's error.
    func transportFailure(_ error: any Error) -> any Error {
        if Task.isCancelled { return CancellationError() }
        switch error {
        case is CancellationError, is DockerError:
            return error
        case is NIOTooManyBytesError:
            return DockerError(.tooLarge, "the daemon's answer is larger than the bound")
        case let error as HTTPParserError where error != .invalidEOFState:
            return DockerError(.malformedAnswer, "the daemon does not speak HTTP: \(error)")
        case let error as HTTPClientError where error == .alreadyShutdown:
            return DockerError(.unavailable, "this client was shut down")
        default:
            // What listens there next may be another version.
            forgetVersion()
            return DockerError(.unavailable, "the Docker daemon is not reachable: \(error)")
        }
    }

    /// Reads the daemon's error text, JSON or not, and classifies it by status.
    static func failure(status: Int, body: ByteBuffer) -> DockerError {
        let json = try? JSONValue(parsing: body)
        let plain = String(buffer: body).trimmingWhitespace()
        let message = json?["message"].string ?? (plain.isEmpty ? "HTTP status \(status)" : plain)
        let code: DockerError.Code =
            if message.contains("no space left on device") {
                .noSpace
            } else {
                switch status {
                case 400: .invalidArgument
                case 401: .unauthorized
                case 404: .notFound
                case 409 where message.contains("is not running"): .notRunning
                case 403, 409: .conflict
                default: .other
                }
            }
        return DockerError(code, message, status: status)
    }

    /// True for "client version 1.44 is too new/old"; the API has no code for it.
    private static func isAboutVersion(_ error: DockerError) -> Bool {
        error.status == 400 && error.message.contains("client version")
            && (error.message.contains("too new") || error.message.contains("too old"))
    }
}

extension String {
    /// The text without white space at either end.
    func trimmingWhitespace() -> String {
        var view = self[...]
        while let last = view.last, last.isWhitespace { view.removeLast() }
        while let first = view.first, first.isWhitespace { view.removeFirst() }
        return String(view)
    }
}
