import NIOHTTP1
import Synchronization

/// A place to put things by HTTP; the first request for each is refused, to see it tried again.
final class StoreServer: Sendable {
    struct Thing: Sendable, Equatable {
        var body: [UInt8]
        var contentType: String?
    }
    private let things = Mutex<[String: Thing]>([:])
    private let refused = Mutex<Set<String>>([])

    func thing(_ path: String) -> Thing? { things.withLock { $0[path] } }

    /// Runs a body with the server's address.
    static func with<Result: Sendable>(
        _ body: (StoreServer, String) async throws -> Result
    ) async throws -> Result {
        let server = StoreServer()
        return try await LocalServer.http { head, sent in
            server.take(head, sent)
        } _: { port in
            try await body(server, "http://127.0.0.1:\(port)")
        }
    }

    /// Has something to be got.
    func hold(_ path: String, _ body: [UInt8]) {
        things.withLock { $0[path] = Thing(body: body, contentType: nil) }
    }

    private func take(
        _ head: HTTPRequestHead, _ body: [UInt8]
    ) -> (HTTPResponseStatus, [UInt8]) {
        let isPut = head.method == .PUT && head.headers.first(name: "X-Test") == "1"
        guard isPut || head.method == .GET,
            !refused.withLock({ $0.insert(head.uri).inserted })
        else { return (.serviceUnavailable, []) }
        if isPut {
            let thing = Thing(
                body: body, contentType: head.headers.first(name: "Content-Type"))
            things.withLock { $0[head.uri] = thing }
            return (.ok, [])
        }
        return thing(head.uri).map { (.ok, $0.body) } ?? (.notFound, [])
    }
}
