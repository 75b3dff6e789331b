import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NIOFoundationCompat

@testable import ControlPlane

extension Plane {
    /// Who makes a call.
    enum Door {
        /// Over the local socket.
        case socket
        /// Over HTTPS, with a token or without.
        case https(String?)
    }

    /// Makes one request of the API.
    func call(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil,
        headers: HTTPFields = [:], by door: Door = .socket
    ) async throws -> (HTTPResponse.Status, JSONValue) {
        let answer = try await answer(method, path, body, headers: headers, by: door)
        return (answer.status, answer.json)
    }

    /// An answer with its head.
    struct Answer: Sendable {
        let status: HTTPResponse.Status
        let headers: HTTPFields
        let json: JSONValue
        /// The word for what went wrong.
        var code: String? { Plane.text(json["error"]?["code"]) }
    }

    /// Makes one request of the API.
    func answer(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil,
        headers: HTTPFields = [:], by door: Door = .socket
    ) async throws -> Answer {
        var headers = headers
        var book: TokenBook?
        if case .https(let token) = door {
            book = tokens
            if let token { headers[.authorization] = "Bearer \(token)" }
        }
        let (sent, application) = (headers, Application(router: api.router(tokens: book)))
        return try await application.test(.router) { client in
            try await client.execute(
                uri: path, method: method, headers: sent,
                body: body.map { ByteBuffer(string: $0) }
            ) { response in
                let data = Data(response.body.readableBytesView)
                let json = (try? JSONDecoder().decode(JSONValue.self, from: data)) ?? .null
                return Answer(status: response.status, headers: response.headers, json: json)
            }
        }
    }

    /// All that comes in answer to a token's request, however long that takes; throws when it was cut off.
    func text(
        _ path: String, headers: HTTPFields = [:], by token: String
    ) async throws -> String {
        var headers = headers
        headers[.authorization] = "Bearer \(token)"
        let (sent, application) = (headers, Application(router: api.router(tokens: tokens)))
        return try await application.test(.router) { client in
            try await client.execute(uri: path, method: .get, headers: sent) {
                String(buffer: $0.body)
            }
        }
    }

    /// The text of an answer's member.
    static func text(_ json: JSONValue?) -> String? {
        if case .string(let text)? = json { return text }
        return nil
    }

    /// Makes a token, and answers with it.
    func token(_ name: String, _ fields: String = "") async throws -> String {
        let (_, json) = try await call(.post, "/api/v1/tokens", #"{"name":"\#(name)"\#(fields)}"#)
        return Self.text(json["token"]) ?? "none"
    }
}

extension JSONValue {
    /// An element of a list; nil where there is none.
    subscript(_ index: Int) -> JSONValue? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }
}
