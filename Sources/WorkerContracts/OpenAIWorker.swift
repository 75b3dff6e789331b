package import AsyncHTTPClient
package import NIOCore
import NIOHTTP1

/// Drives one OpenAI-compatible server over HTTP: vLLM, llama.cpp, Ollama, LocalAI, Speaches, Kokoro, ….
///
/// A call is one request that lasts as long as the work. When its connection ends, because it was
/// cancelled or because the agent has died, these servers stop working on it; so nothing is left to
/// be taken up later, and nothing has to be asked to stop.
package struct OpenAIWorker: Sendable {
    /// Longest wait for the names of its models.
    package static let askTimeout = TimeAmount.seconds(10)
    package static let connectTimeout = TimeAmount.seconds(2)
    /// How long a server may send nothing: a model can think for long before its first word.
    package static let silenceMax = TimeAmount.seconds(300)
    /// Largest answer in one piece that holds a text: its escapes can triple it.
    private static let textAnswerBytesMax = 3 * OpenAIChatAnswer.textBytesMax
    private static let modelsBytesMax = 4 << 20
    private static let errorBytesMax = 1 << 20

    private let http: HTTPClient
    private let base: String

    /// A server at `http://HOST:PORT`.
    ///
    /// The client should be configured by ``clientConfiguration(silenceMax:)``.
    package init(http: HTTPClient, baseURL: String) {
        self.http = http
        self.base = baseURL
    }

    /// Settings for a client that makes calls: no redirects, short connects, long silences.
    package static func clientConfiguration(
        silenceMax: TimeAmount = silenceMax
    ) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration.forWorkers(
            connect: connectTimeout, read: silenceMax)
        // Calls hold their connections for long; a health check must never wait behind them.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 4_096
        return configuration
    }

    /// Asks how the server is: `/health`, or `/v1/models` where there is none.
    ///
    /// Throws `unreachable` or `timeout` when there is no answer.
    package func health() async throws(WorkerError) -> OpenAIHealth {
        if let health = OpenAIHealth.ofHealth(try await status("/health")) { return health }
        return OpenAIHealth.ofModels(try await status("/v1/models"))
    }

    /// Does a job; returns when it has ended.
    ///
    /// `accepted` is called when the server begins to answer, `text` with every piece of text, in order;
    /// nothing more is read while it runs. Cancelling the task closes the connection. Throws
    /// `unreachable` when there is no connection or it breaks, and `timeout` after a long silence.
    package func run(
        kind: String, input: [UInt8],
        accepted: () async -> Void = {}, text: (String) async -> Void = { _ in }
    ) async throws(WorkerError) -> OpenAIEnd {
        let request: OpenAIRequest
        do {
            request = try OpenAIRequest(kind: kind, input: input)
        } catch {
            return .invalidInput(error.message)
        }
        var model: String?
        if !request.hasModel {
            switch try await firstModel() {
            case .success(let name): model = name
            case .failure(let refusal): return refusal.end
            }
        }
        do {
            let response = try await http.execute(
                post(request, model: model), deadline: .distantFuture)
            guard response.status.code / 100 == 2 else {
                return OpenAIReply.end(
                    status: Int(response.status.code), body: try await Self.words(of: response))
            }
            await accepted()
            return try await Self.read(response, of: request.call, text)
        } catch {
            throw Self.translate(error)
        }
    }

    private func post(_ request: OpenAIRequest, model: String?) -> HTTPClientRequest {
        var call = HTTPClientRequest(.POST, worker: base, request.call.path)
        call.headers.add(name: "Content-Type", value: "application/json")
        call.body = .bytes(ByteBuffer(bytes: request.body(defaultModel: model)))
        return call
    }

    // MARK: Questions

    private func status(_ path: String) async throws(WorkerError) -> Int {
        do {
            let response = try await http.execute(
                HTTPClientRequest(.GET, worker: base, path), timeout: .healthAnswer)
            return Int(response.status.code)
        } catch {
            throw Self.translate(error)
        }
    }

    /// A server that does no work now, and why.
    private struct Refusal: Error {
        let end: OpenAIEnd
    }

    /// The first model the server has; nil when it does not tell, which is for it to judge.
    private func firstModel() async throws(WorkerError) -> Result<String?, Refusal> {
        do {
            let response = try await http.execute(
                HTTPClientRequest(.GET, worker: base, "/v1/models"), timeout: Self.askTimeout)
            switch response.status.code {
            case 200:
                let body = try await response.body.collect(upTo: Self.modelsBytesMax)
                let models = try JSONText(validating: [UInt8](buffer: body)).member("data")
                let first = try models?.elements(max: 100_000).first?.member("id")?.string
                return .success(first.map { String($0.prefix(1_024)) })
            case 401, 403, 429, 503:
                let status = Int(response.status.code)
                let body = try await Self.words(of: response)
                return .failure(Refusal(end: OpenAIReply.end(status: status, body: body)))
            default: return .success(nil)
            }
        } catch {
            let error = Self.translate(error)
            // It is there, and works on something else.
            if error.code == .timeout { return .failure(Refusal(end: .busy(error.message))) }
            throw error
        }
    }

    // MARK: Answers

    private static func read(
        _ response: HTTPClientResponse, of call: OpenAICall, _ text: (String) async -> Void
    ) async throws -> OpenAIEnd {
        let type = response.headers.first(name: "Content-Type")
        switch call {
        case .chat:
            guard ContentType.sanitised(type ?? "") == "application/json" else {
                return try await readStream(response.body, text)
            }
            let body = try await response.body.collect(upTo: textAnswerBytesMax)
            var answer = OpenAIChatAnswer()
            switch try answer.takeWhole([UInt8](buffer: body)) {
            case .text(let piece): await text(piece)
            case .ended(let end): return end
            case .nothing, .whole: break
            }
            return .done(try answer.outputs())
        case .image:
            let body = try await response.body.collect(upTo: OpenAIFiles.imageAnswerBytesMax)
            return try OpenAIFiles.images([UInt8](buffer: body))
        case .speech:
            let body = try await response.body.collect(upTo: OpenAIFiles.bytesMax)
            return try OpenAIFiles.speech(body, contentType: type)
        }
    }

    private static func readStream(
        _ body: HTTPClientResponse.Body, _ text: (String) async -> Void
    ) async throws -> OpenAIEnd {
        var events = ServerSentEvents()
        var answer = OpenAIChatAnswer()
        for try await piece in body {
            events.append(piece.readableBytesView)
            while let event = try events.next() {
                switch try answer.take(event) {
                case .nothing: break
                case .text(let piece): await text(piece)
                case .ended(let end): return end
                // What may follow is nothing, and a server may be slow to close.
                case .whole: return .done(try answer.outputs())
                }
            }
        }
        events.finish()
        // A last event that was cut short is not JSON: then the answer is judged without it.
        while let event = try events.next(), let step = try? answer.take(event) {
            switch step {
            case .nothing, .whole: break
            case .text(let piece): await text(piece)
            case .ended(let end): return end
            }
        }
        return .done(try answer.outputs())
    }

    /// The start of an answer that says why not; a longer one says nothing.
    private static func words(of response: HTTPClientResponse) async throws -> [UInt8] {
        do {
            return [UInt8](buffer: try await response.body.collect(upTo: errorBytesMax))
        } catch is NIOTooManyBytesError {
            return []
        }
    }

    private static func translate(_ error: any Error) -> WorkerError {
        switch error as? HTTPClientError {
        case .deadlineExceeded, .readTimeout, .writeTimeout:
            WorkerError(.timeout, "The worker has sent nothing for too long.")
        case .remoteConnectionClosed:
            WorkerError(.unreachable, "The worker closed the connection in mid-work.")
        default: WorkerError(ofClient: error)
        }
    }
}
