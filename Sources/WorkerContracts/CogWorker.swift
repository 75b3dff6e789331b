package import AsyncHTTPClient
package import NIOCore
import NIOHTTP1

/// Drives one cog worker container over HTTP.
///
/// The agent may die and return while a prediction runs. Nothing here is needed for the prediction
/// to go on: it was started with a webhook, and the worker delivers the result to that address when
/// the agent is back. What the two server generations do was found by running them (cog 0.23.1 with
/// coglet, cog 0.16.12 in Python):
///
/// | | newer (0.23) | older (0.16) |
/// |---|---|---|
/// | last webhook fails or gets 5xx | again after 0.1 s, doubling to 102 s; 410 s in all | to 120 s; 325 s in all |
/// | webhook gets 4xx | never again: the result is lost | same |
/// | webhook not answered in 30 s | sent again | waits for ever |
/// | other webhooks (start, logs) | sent once | sent once |
/// | while a delivery is retried | READY, takes new work | BUSY, refuses new work |
/// | PUT of an id that runs | 202 with its state | 202 with its state |
/// | PUT of an id that ended | **runs again** | runs again once delivered |
/// | PUT before setup is done | 503 | 409 "Already running" |
/// | setup fails | SETUP_FAILED, stays | SETUP_FAILED, exits at once |
/// | file outputs | data URLs | paths in the container |
/// | cancel | when the model next runs Python code | at once, by a signal |
/// | model process dies | webhook "failed", UNHEALTHY for good | "failed", DEFUNCT, then exits |
/// | server dies or is shut down | no webhook: only the health check tells | same |
///
/// What they do with `--upload-url`, with which the tests run both:
///
/// | | newer | older |
/// |---|---|---|
/// | several files | sent together, and named as their uploads end | sent one by one, and named in order |
/// | a file while nobody listens | the prediction fails | fails after three more tries |
/// | a file that is refused | the prediction fails | fails; sent again after 500 or 503 |
///
/// Where files are sent is said on the command line only: `output_file_prefix` in a request is for
/// synchronous predictions of the older server, and the newer does not know it.
///
/// Hence: never repeat a PUT to learn a state; after a restart wait for the webhook while the
/// worker is busy, and for ``CogRecovery/grace(downtimeSeconds:)`` after it is not.
package struct CogWorker: Sendable {
    package static let requestTimeout = TimeAmount.seconds(10)
    package static let connectTimeout = TimeAmount.seconds(2)
    /// Largest answer that is read; the state of a prediction repeats its input.
    package static let answerBytesMax = 16 << 20

    private let http: HTTPClient
    private let base: String

    /// A worker at `http://HOST:PORT`.
    ///
    /// The client should be configured by ``clientConfiguration``.
    package init(http: HTTPClient, baseURL: String) {
        self.http = http
        self.base = baseURL
    }

    /// Settings for a client that talks to workers: no redirects, short connects, HTTP/1.1.
    package static var clientConfiguration: HTTPClient.Configuration {
        .forWorkers(connect: connectTimeout, read: requestTimeout)
    }

    /// Asks how the worker is.
    ///
    /// Throws `unreachable` or `timeout` when there is no answer.
    package func health() async throws(WorkerError) -> CogHealth {
        let answer = try await send(.GET, "/health-check", within: .healthAnswer)
        guard answer.status == .ok else {
            throw WorkerError(
                .badResponse, "The worker's health check answered \(answer.status.code).")
        }
        return try CogHealth.decode(answer.body)
    }

    /// Starts a prediction that reports to the webhook; returns as soon as the worker has it.
    ///
    /// `input` is a JSON object. On `timeout` the prediction may have begun: look at ``health()``,
    /// do not repeat it.
    package func start(
        id: String, input: [UInt8], webhook: CogWebhook
    ) async throws(WorkerError) -> CogStart {
        let body = try CogRequest.body(id: id, input: input, webhook: webhook)
        let answer = try await send(
            .PUT, "/predictions/\(id)", body: body, headers: [("Prefer", "respond-async")])
        switch answer.status.code {
        case 202: return CogReply.started(answer.body)
        case 409: return try await busyOrNotReady()
        case 422: return .invalidInput(CogReply.problems(answer.body))
        case 503: return .notReady
        default:
            return .refused(
                "The worker answered \(answer.status.code): \(CogReply.message(answer.body))")
        }
    }

    /// Asks for a running prediction to be stopped.
    ///
    /// See ``CogCancel/requested`` for how late that can be.
    package func cancel(id: String) async throws(WorkerError) -> CogCancel {
        try CogRequest.check(id: id)
        let answer = try await send(.POST, "/predictions/\(id)/cancel")
        switch answer.status.code {
        case 200..<300: return .requested
        case 404: return .unknown
        default:
            throw WorkerError(
                .badResponse,
                "The worker answered \(answer.status.code) to a cancel: \(CogReply.message(answer.body))"
            )
        }
    }

    /// Asks the server to end.
    ///
    /// A running prediction ends without a webhook.
    package func shutdown() async throws(WorkerError) {
        let answer = try await send(.POST, "/shutdown")
        guard (200..<300).contains(answer.status.code) else {
            throw WorkerError(
                .badResponse, "The worker answered \(answer.status.code) to a shutdown.")
        }
    }

    /// A 409 means busy, but the older server also says it before its setup is done.
    private func busyOrNotReady() async throws(WorkerError) -> CogStart {
        let health = try await health()
        switch health.status {
        case .starting: return .notReady
        case .setupFailed, .defunct, .unhealthy:
            return .refused("The worker is broken: its model's process has ended.")
        case .ready, .busy, .unknown: return .busy
        }
    }

    private func send(
        _ method: HTTPMethod, _ path: String, body: [UInt8]? = nil,
        headers: [(String, String)] = [], within limit: TimeAmount = Self.requestTimeout
    ) async throws(WorkerError) -> (status: HTTPResponseStatus, body: [UInt8]) {
        var request = HTTPClientRequest(method, worker: base, path)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        do {
            let response = try await http.execute(request, timeout: limit)
            let answer = try await response.body.collect(upTo: Self.answerBytesMax)
            return (response.status, [UInt8](buffer: answer))
        } catch {
            throw Self.translate(error)
        }
    }

    private static func translate(_ error: any Error) -> WorkerError {
        if error is NIOTooManyBytesError {
            return WorkerError(
                .tooLarge, "The worker's answer is larger than \(answerBytesMax) bytes.")
        }
        return WorkerError(ofClient: error)
    }
}
