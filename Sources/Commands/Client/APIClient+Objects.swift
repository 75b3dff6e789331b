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
        _ type: Model.Type, _ resource: Resource, _ body: JSONValue?, purpose: String
    ) async throws -> Fetched<Model> {
        try await object(
            type,
            Call(
                method: .POST, resource: resource, body: body.map { Data($0.compact.utf8) },
                purpose: purpose))
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

    /// Posts a job, a plan or a request under an idempotency key, so that a lost answer is asked
    /// for again without doing the work twice.
    func submit<Model: Decodable & Sendable>(
        _ type: Model.Type, _ resource: Resource, _ body: JSONValue, key: String?, purpose: String,
        pause: @Sendable (Duration) async throws -> Void
    ) async throws -> Fetched<Model> {
        let call = Call(
            method: .POST, resource: resource,
            headers: [("Idempotency-Key", key ?? UUID().uuidString.lowercased())],
            body: Data(body.compact.utf8), purpose: purpose)
        var lost: ArraySlice<Duration> = [.milliseconds(300), .seconds(1)]
        // The controller gives an earlier try up after 10 s.
        var early = 15
        while true {
            do {
                return try await object(type, call)
            } catch let error as CommandError where error.mayHaveArrived {
                guard let wait = lost.popFirst() else { throw error }
                try await pause(wait)
            } catch let error as CommandError where error.code == "in_flight" && early > 0 {
                // It came twice, and the first is being accepted.
                early -= 1
                try await pause(.seconds(1))
            }
        }
    }
}
