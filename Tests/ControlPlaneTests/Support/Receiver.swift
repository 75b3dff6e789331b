import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

@testable import ControlPlane

/// A server that webhooks are delivered to; it records what comes, and answers as it is told.
final class Receiver: Sendable {
    /// One try of a delivery.
    struct Try: Sendable {
        let path: String
        let host: String
        let id: String
        let timestamp: Int64
        let signature: String
        let body: Data

        var json: JSONValue? { try? JSONDecoder().decode(JSONValue.self, from: body) }
        var type: String? { Plane.text(json?["type"]) }
        var sequence: Int? {
            if case .int(let number)? = json?["data"]?["seq"] { Int(number) } else { nil }
        }
        /// Whether it is signed with a secret as it was shown.
        func isSigned(with secret: String) -> Bool {
            guard let bytes = Data(base64Encoded: String(secret.dropFirst(6))) else { return false }
            return WebhookSecret(bytes: bytes)
                .signature(id: id, timestamp: timestamp, body: body) == signature
        }
    }

    typealias Answer = @Sendable (Try) async -> Response

    private let bound = Mutex(0)
    /// Everything that comes, in its order.
    let tries: AsyncStream<Try>
    private let answer: Mutex<Answer>
    private let feed: AsyncStream<Try>.Continuation

    private init(_ answer: @escaping Answer) {
        self.answer = Mutex(answer)
        (tries, feed) = AsyncStream.makeStream(of: Try.self)
    }

    var port: Int { bound.withLock { $0 } }
    var url: String { "http://127.0.0.1:\(port)/hooks" }

    /// From now on it answers so.
    func answers(_ answer: @escaping Answer) { self.answer.withLock { $0 = answer } }
    func answers(_ status: HTTPResponse.Status) { answers { _ in Response(status: status) } }

    private func take(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        let one = Try(
            path: request.uri.path, host: request.head.authority ?? "",
            id: request.header("webhook-id") ?? "",
            timestamp: request.header("webhook-timestamp").flatMap { Int64($0) } ?? 0,
            signature: request.header("webhook-signature") ?? "",
            body: Data(body.readableBytesView))
        feed.yield(one)
        return await answer.withLock { $0 }(one)
    }

    /// Serves while `body` runs.
    static func serve(
        _ answer: @escaping Answer = { _ in Response(status: .ok) },
        _ body: @escaping @Sendable (Receiver) async throws -> Void
    ) async throws {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let receiver = Receiver(answer)
        let router = Router()
        router.post("/**") { request, _ in try await receiver.take(request) }
        let quiet = Logger(label: "receiver", factory: { _ in SwiftLogNoOpLogHandler() })
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { found.yield($0.localAddress?.port ?? 0) }, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            group.addTask {
                var iterator = ports.makeAsyncIterator()
                let port = await iterator.next() ?? 0
                receiver.bound.withLock { $0 = port }
                try await body(receiver)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
