import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ObjectStore
import Synchronization

@testable import ControlPlane

/// A registry that knows what images are, and nothing else.
final class RegistryStub: Sendable {
    /// What it was asked.
    struct Question: Hashable, Sendable {
        let path: String
        let accept: String
    }

    private struct State {
        var port = 0
        var questions: [Question] = []
        var answer: @Sendable (String) async -> Response = { _ in Response(status: .notFound) }
    }
    private let state = Mutex(State())

    var questions: [Question] { state.withLock { $0.questions } }
    var port: Int { state.withLock { $0.port } }

    /// From now on it answers so; given is the path.
    func answers(_ answer: @escaping @Sendable (String) async -> Response) {
        state.withLock { $0.answer = answer }
    }

    /// From now on all images have this digest.
    func tells(_ digest: String) {
        answers { _ in
            var headers = HTTPFields()
            if let name = HTTPField.Name("Docker-Content-Digest") { headers[name] = digest }
            return Response(status: .ok, headers: headers)
        }
    }

    private func take(_ request: Request) async -> Response {
        let question = Question(path: request.uri.path, accept: request.header("Accept") ?? "")
        let answer = state.withLock { state in
            state.questions.append(question)
            return state.answer
        }
        return await answer(question.path)
    }

    /// Serves while `body` runs, and gives it a client to whom `registry.test` is this machine.
    static func serve(
        _ body: @escaping @Sendable (RegistryStub, ImageRegistry) async throws -> Void
    ) async throws {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let stub = RegistryStub()
        let router = Router()
        router.head("/**") { request, _ in await stub.take(request) }
        let quiet = Logger(label: "registry", factory: { _ in SwiftLogNoOpLogHandler() })
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { found.yield($0.localAddress?.port ?? 0) }, logger: quiet)
        var settings = S3Store.clientConfiguration
        settings.dnsOverride = ["registry.test": "127.0.0.1"]
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await application.run() }
                group.addTask {
                    var iterator = ports.makeAsyncIterator()
                    let port = await iterator.next() ?? 0
                    stub.state.withLock { $0.port = port }
                    try await body(stub, ImageRegistry(http: client))
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }
}
