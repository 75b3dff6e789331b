import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import WorkerContracts

struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Asks again and again, until there is an answer or the deadline has passed.
func eventually<T>(
    _ what: @autoclosure () -> String, within seconds: Double = 30, _ probe: () async throws -> T?
) async throws -> T {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if let found = try await probe() { return found }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw TimedOut(description: "\(what()) did not happen within \(seconds) s")
}

/// A port that nothing is listening on.
func freePort() throws -> Int {
    let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).wait()
    defer { try? channel.close().wait() }
    return try #require(channel.localAddress?.port)
}

/// Everything a listener was told, to be waited for.
final class Inbox: Sendable {
    private let deliveries = Mutex<[WebhookDelivery]>([])
    private let verdict = Mutex(WebhookAnswer.stored)

    func take(_ delivery: WebhookDelivery) -> WebhookAnswer {
        deliveries.withLock { $0.append(delivery) }
        return verdict.withLock { $0 }
    }

    func answer(_ answer: WebhookAnswer) { verdict.withLock { $0 = answer } }

    var all: [WebhookDelivery] { deliveries.withLock { $0 } }

    var results: [CogResult] {
        all.compactMap { delivery in
            guard case .bytes(let body) = delivery.body else { return nil }
            return try? CogResult.decode(body)
        }
    }

    /// The first report that ends the prediction of that id.
    func end(of id: String, within seconds: Double = 30) async throws -> CogResult {
        try await eventually("the end of \(id)", within: seconds) {
            results.first { $0.id == id && $0.status.isTerminal }
        }
    }
}

/// Files that workers have sent, in memory.
final class Depot: Sendable {
    struct Entry: Sendable {
        let upload: WorkerUpload
        let storedName: String
        var bytes = ByteBuffer()
        var isWhole = false
        var isAbandoned = false
    }
    private let entries = Mutex<[Entry]>([])
    /// What to answer instead of taking a file.
    private let refusal: UploadAnswer?
    /// Called before bytes are taken.
    private let gate: @Sendable () async -> Void

    init(refusal: UploadAnswer? = nil, gate: @escaping @Sendable () async -> Void = {}) {
        self.refusal = refusal
        self.gate = gate
    }

    var all: [Entry] { entries.withLock { $0 } }

    /// The file that a result names.
    func file(_ storedName: String) -> Entry? { all.first { $0.storedName == storedName } }

    func begin(_ upload: WorkerUpload) -> any UploadSink {
        let name = UploadReference.newName(for: upload)
        let index = entries.withLock { entries in
            entries.append(Entry(upload: upload, storedName: name))
            return entries.count - 1
        }
        return Sink(depot: self, index: index, name: name)
    }

    private struct Sink: UploadSink {
        let depot: Depot
        let index: Int
        let name: String

        func take(_ bytes: ByteBuffer) async {
            await depot.gate()
            depot.entries.withLock { entries in
                _ = entries[index].bytes.writeImmutableBuffer(bytes)
            }
        }

        func finish() async -> UploadAnswer {
            depot.entries.withLock { $0[index].isWhole = true }
            return depot.refusal ?? .stored(as: name)
        }

        func abandon() async { depot.entries.withLock { $0[index].isAbandoned = true } }
    }
}

/// Runs the body beside a listener that files everything in the inbox and in the depot.
func withListener<T>(
    port: Int = 0, tokens: [String] = ["secret"], inbox: Inbox = Inbox(), depot: Depot? = nil,
    files: [String: WorkerFile] = [:],
    configure: (inout WebhookListener.Configuration) -> Void = { _ in },
    _ body: (WebhookListener) async throws -> T
) async throws -> T {
    var configuration = WebhookListener.Configuration()
    configuration.port = port
    configure(&configuration)
    let book = WebhookTokens()
    for token in tokens { #expect(book.admit(token)) }
    book.markRestored()
    let listener = try await WebhookListener.bind(configuration, tokens: book)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            try await listener.run(
                { inbox.take($0) }, uploads: { depot?.begin($0) },
                downloads: { files[$0.fileName] })
        }
        defer { group.cancelAll() }
        return try await body(listener)
    }
}

/// Runs the body with a client, that for cog workers when none is described.
func withClient<T>(
    _ configuration: HTTPClient.Configuration = CogWorker.clientConfiguration,
    _ body: (HTTPClient) async throws -> T
) async throws -> T {
    let client = HTTPClient(configuration: configuration)
    do {
        let result = try await body(client)
        try await client.shutdown()
        return result
    } catch {
        try? await client.shutdown()
        throw error
    }
}

/// Runs the body with a started server of that generation that has finished its setup.
func withCog<T>(
    _ generation: CogGeneration, predictor: String = "Predictor", uploadURL: String? = nil,
    _ body: (CogServer, CogWorker) async throws -> T
) async throws -> T {
    let server = try CogServer(generation, predictor: predictor, uploadURL: uploadURL)
    defer { server.stop() }
    return try await withClient { client in
        let worker = CogWorker(http: client, baseURL: server.baseURL)
        _ = try await eventually("READY of \(generation.rawValue): \(server.log)") {
            (try? await worker.health())?.status == .ready ? true : nil
        }
        return try await body(server, worker)
    }
}

func json(_ text: String) -> [UInt8] { Array(text.utf8) }

func hook(_ port: Int, _ token: String = "secret") -> CogWebhook {
    CogWebhook(url: "http://127.0.0.1:\(port)/w/\(token)")
}
