import Foundation
import NIOHTTP1

/// An object both as it was sent and as a model.
struct Fetched<Model: Sendable>: Sendable {
    var json: JSONValue
    var model: Model
}

/// A list both as it was sent and as models.
struct FetchedList<Model: Sendable>: Sendable {
    var items: [Fetched<Model>]
    /// The cursor of the next page, or null.
    var next: JSONValue
}

private struct Page<Model: Decodable>: Decodable {
    var items: [Model]
}

extension APIClient {
    /// Gets one object.
    func get<Model: Decodable & Sendable>(
        _ type: Model.Type, _ resource: Resource, purpose: String, timeout: Double = 30
    ) async throws -> Fetched<Model> {
        try await object(
            type, Call(resource: resource, timeout: timeout, purpose: purpose))
    }

    /// Sends a request whose answer is one object.
    func object<Model: Decodable & Sendable>(
        _ type: Model.Type, _ call: Call
    ) async throws -> Fetched<Model> {
        let answer = try await send(call)
        return Fetched(
            json: try answer.json(call.purpose), model: try answer.model(type, call.purpose))
    }

    /// Posts JSON; the answer is one object.
    func post<Model: Decodable & Sendable>(
        _ type: Model.Type, _ resource: Resource, _ body: JSONValue?,
        headers: [(String, String)] = [], purpose: String
    ) async throws -> Fetched<Model> {
        try await object(
            type,
            Call(
                method: .POST, resource: resource, headers: headers,
                body: body.map { Data($0.compact.utf8) }, purpose: purpose))
    }

    /// Gets a list, page by page, up to `limit` items (nil is all there are).
    func list<Model: Decodable & Sendable>(
        _ type: Model.Type, _ resource: Resource, limit: Int? = nil, purpose: String
    ) async throws -> FetchedList<Model> {
        var all = FetchedList<Model>(items: [], next: .null)
        var cursor: String?
        repeat {
            var page = resource
            let rest = limit.map { min(Self.pageLimit, $0 - all.items.count) }
            page.add([("limit", rest.map(String.init)), ("cursor", cursor)])
            let answer = try await send(Call(resource: page, purpose: purpose))
            let json = try answer.json(purpose)
            let models = try answer.model(Page<Model>.self, purpose).items
            all.items += zip(json["items"]?.elements ?? [], models).map {
                Fetched(json: $0, model: $1)
            }
            all.next = json["next"] ?? .null
            // A cursor that does not move would ask for the same page for ever. A page may be empty: a
            // filter left nothing of it.
            guard let next = all.next.text, next != cursor else { break }
            cursor = next
        } while all.items.count < limit ?? .max
        return all
    }

    /// How many items one page may hold.
    private static let pageLimit = 200
}
