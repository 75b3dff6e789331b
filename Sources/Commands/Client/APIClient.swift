import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization

/// The controller's HTTP API.
///
/// Nothing is set up before the first request.
final class APIClient: Sendable {
    /// Where the controller is.
    let endpoint: Endpoint
    private let client = Mutex<HTTPClient?>(nil)

    /// The most an answer other than a stream or an output may hold.
    private static let bodyLimit = 64 << 20

    init(endpoint: Endpoint) { self.endpoint = endpoint }

    /// One request to the API.
    struct Call: Sendable {
        var method: HTTPMethod = .GET
        var resource: Resource
        var headers: [(String, String)] = []
        var body: Data?
        /// How long the answer may take, in seconds.
        var timeout: Double = 30
        /// What is tried, for messages: `cancel job X`.
        var purpose: String
    }

    /// A successful answer.
    struct Answer: Sendable {
        var status: UInt
        var body: Data

        /// The body as it was sent.
        func json(_ purpose: String) throws -> JSONValue {
            do {
                return try JSONParser.parse(body)
            } catch {
                throw APIClient.unreadable(purpose, "\(error)")
            }
        }

        /// The body as a model.
        func model<Model: Decodable>(_ type: Model.Type, _ purpose: String) throws -> Model {
            do {
                return try JSONDecoder().decode(type, from: body)
            } catch {
                throw APIClient.unreadable(purpose, Self.place(error))
            }
        }

        private static func place(_ error: any Error) -> String {
            switch error as? DecodingError {
            case .typeMismatch(_, let at), .valueNotFound(_, let at), .keyNotFound(_, let at),
                .dataCorrupted(let at):
                "at '" + at.codingPath.map(\.stringValue).joined(separator: ".") + "'"
            default: "it is no JSON"
            }
        }
    }

    /// Sends the request and reads the whole answer; throws a `CommandError` unless it succeeded.
    func send(_ call: Call) async throws -> Answer {
        do {
            let response = try await http().execute(
                try request(call), timeout: .milliseconds(Int64(call.timeout * 1000)))
            let body = try await response.body.collect(upTo: Self.bodyLimit)
            let data = Data(buffer: body)
            guard (200..<300).contains(response.status.code) else {
                throw failure(call, response, data)
            }
            return Answer(status: response.status.code, body: data)
        } catch {
            throw transportFailure(error, call)
        }
    }

    /// Sends the request and hands over the answer's body as it arrives, without an end in time.
    func stream(
        _ call: Call, opened: (HTTPHeaders) async throws -> Void = { _ in },
        take: (Data) async throws -> Void
    ) async throws {
        do {
            let response = try await http().execute(try request(call), deadline: .distantFuture)
            guard (200..<300).contains(response.status.code) else {
                let body = try await response.body.collect(upTo: 1 << 20)
                throw failure(call, response, Data(buffer: body))
            }
            try await opened(response.headers)
            for try await chunk in response.body { try await take(Data(buffer: chunk)) }
        } catch {
            throw transportFailure(error, call)
        }
    }

    /// Ends every connection.
    func close() async {
        let taken = client.withLock { client in
            defer { client = nil }
            return client
        }
        try? await taken?.shutdown()
    }

    /// The client, set up at the first request.
    func http() throws -> HTTPClient {
        if case .socket(let path) = endpoint.address {
            guard FileManager.default.fileExists(atPath: path) else {
                throw unreachable(because: "there is no socket at \(path)")
            }
        }
        let configuration = try configuration()
        return client.withLock { client in
            if let client { return client }
            let made = HTTPClient(configuration: configuration)
            client = made
            return made
        }
    }

    private func configuration() throws -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        // Long polls answer within 60 s and event streams ping every 15 s: more silence is a
        // connection that died without saying so.
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(90))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.redirectConfiguration = .follow(max: 3, allowCycles: false)
        if case .url = endpoint.address, endpoint.caFile != nil {
            configuration.tlsConfiguration = try endpoint.trust()
        }
        return configuration
    }

    /// A request of the controller; `target` is the path and query.
    func ownRequest(_ target: String) throws -> HTTPClientRequest {
        switch endpoint.address {
        case .url(let base): return HTTPClientRequest(url: base + target)
        case .socket(let path):
            guard let url = URL(httpURLWithSocketPath: path, uri: target) else {
                throw CommandError.usage("cannot use the socket path '\(path)'")
            }
            return HTTPClientRequest(url: url.absoluteString)
        }
    }

    private func request(_ call: Call) throws -> HTTPClientRequest {
        var request = try ownRequest(call.resource.target)
        if case .url = endpoint.address, let token = endpoint.token {
            request.headers.add(name: "Authorization", value: "Bearer \(token)")
        }
        request.method = call.method
        request.headers.add(name: "User-Agent", value: "jctl/\(ClientVersion.text)")
        for (name, value) in call.headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body = call.body {
            if !request.headers.contains(name: "Content-Type") {
                request.headers.add(name: "Content-Type", value: "application/json")
            }
            request.body = .bytes(ByteBuffer(data: body))
        }
        return request
    }
}
