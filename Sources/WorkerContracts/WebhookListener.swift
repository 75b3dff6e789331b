package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Takes the reports of cog workers and the files they send, and gives workers the files of their
/// inputs: an HTTP/1.1 server for `POST /w/{token}`, `PUT /w/{token}/{name}`, `GET` of the same and
/// nothing else.
///
/// A report is answered only after the handler returned, so a crash in between makes the worker
/// send it again. A file is handed on as it comes, and no faster than it is taken.
package struct WebhookListener: Sendable {
    package struct Configuration: Sendable {
        package var host = "127.0.0.1"
        /// 0 picks a free one.
        ///
        /// Workers know the address, so use the same one after a restart.
        package var port = 0
        /// Largest report.
        package var bodyBytesMax = 64 << 20
        /// Most bytes of reports held at once; past it a worker is told to try again.
        package var inFlightBytesMax = 256 << 20
        /// Most connections at once: the newer server sends all files of a prediction together.
        package var connectionsMax = 320
        /// A connection that is silent this long before its request is complete is closed.
        package var idleTimeout = TimeAmount.seconds(10)
        /// A report that is not complete after this long is dropped, however lively.
        package var requestTimeout = TimeAmount.seconds(120)
        /// The same for a file.
        package var uploadTimeout = TimeAmount.minutes(60)
        /// A worker that takes nothing of a file it asked for this long is given no more of it.
        ///
        /// Long, as one that works on a file while it reads it may take a while for each piece.
        package var takingTimeout = TimeAmount.minutes(10)

        package init() {}
    }

    package typealias Handler = @Sendable (WebhookDelivery) async -> WebhookAnswer
    /// Where a file goes; nil when it is of nothing that its worker was asked for.
    package typealias UploadHandler = @Sendable (WorkerUpload) async -> (any UploadSink)?
    /// The file that is asked for; nil when there is none.
    package typealias DownloadHandler = @Sendable (WorkerDownload) async -> WorkerFile?
    private typealias Connection = NIOAsyncChannel<WorkerMessage, WorkerReply>

    /// The port that is really bound.
    package let port: Int
    package let tokens: WebhookTokens
    private let server: NIOAsyncChannel<NIOAsyncChannel<WorkerMessage, WorkerReply>, Never>
    private let connections: Allowance
    private let memory: Allowance
    private let accepted: Accepted

    /// Connections that are made and not served yet.
    ///
    /// NIO lets none go that was never begun, and one that comes as the listener ends is in nobody's hands.
    private final class Accepted: Sendable {
        private let waiting = Mutex<[ObjectIdentifier: Connection]?>([:])

        /// Makes a connection and holds it; throws when the listener has ended.
        func hold(_ make: () throws -> Connection) throws -> Connection {
            try waiting.withLock { waiting in
                guard waiting != nil else {
                    throw WorkerError(.listenFailed, "The webhook listener has ended.")
                }
                let connection = try make()
                waiting?[ObjectIdentifier(connection.channel)] = connection
                return connection
            }
        }

        func begin(_ connection: Connection) {
            waiting.withLock { $0?[ObjectIdentifier(connection.channel)] = nil }
        }

        /// Holds no more, and closes what nobody has begun.
        func end() async {
            let left = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting?.values.map { $0 } ?? []
            }
            for connection in left { try? await connection.executeThenClose { _, _ in } }
        }
    }

    /// Binds the address.
    ///
    /// Then call ``run(_:uploads:downloads:)`` once, or ``discard()``.
    package static func bind(
        _ configuration: Configuration = Configuration(), tokens: WebhookTokens = WebhookTokens(),
        on group: (any EventLoopGroup)? = nil
    ) async throws(WorkerError) -> WebhookListener {
        let memory = Allowance(max: configuration.inFlightBytesMax)
        let accepted = Accepted()
        do {
            let server = try await ServerBootstrap(
                group: group ?? MultiThreadedEventLoopGroup.singleton
            )
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 64)
            .bind(host: configuration.host, port: configuration.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare(channel, configuration, tokens, memory, accepted)
                }
            }
            guard let port = server.channel.localAddress?.port else {
                try? await server.executeThenClose { _, _ in }
                await accepted.end()
                throw WorkerError(.listenFailed, "The webhook listener has no port.")
            }
            return WebhookListener(
                port: port, tokens: tokens, server: server,
                connections: Allowance(max: configuration.connectionsMax), memory: memory,
                accepted: accepted)
        } catch let error as WorkerError {
            throw error
        } catch {
            throw WorkerError(
                .listenFailed,
                "Cannot listen for workers on \(configuration.host):\(configuration.port): \(error)"
            )
        }
    }

    /// Serves until the task is cancelled.
    ///
    /// Reports and files are handled at the same time, each in its own task.
    package func run(
        _ handler: @escaping Handler, uploads: @escaping UploadHandler = { _ in nil },
        downloads: @escaping DownloadHandler = { _ in nil }
    ) async throws {
        do {
            try await server.executeThenClose { clients in
                try await withThrowingDiscardingTaskGroup { tasks in
                    for try await client in clients {
                        accepted.begin(client)
                        tasks.addTask { await serve(client, handler, uploads, downloads) }
                    }
                }
            }
        } catch {
            await accepted.end()
            throw error
        }
        await accepted.end()
    }

    /// Gives the port back without ever serving.
    package func discard() async {
        try? await server.executeThenClose { _ in }
        await accepted.end()
    }

    /// Bytes of reports held now; 0 when nothing is in flight.
    var bytesInFlight: Int { memory.inUse }
    var connectionsOpen: Int { connections.inUse }

    private func serve(
        _ client: Connection, _ handler: Handler, _ uploads: UploadHandler,
        _ downloads: DownloadHandler
    ) async {
        guard connections.take(1) else {
            try? await client.executeThenClose { _, _ in }
            return
        }
        defer { connections.giveBack(1) }
        // A connection that breaks is the worker's to repeat; there is nobody here to tell.
        try? await client.executeThenClose { messages, replies in
            var sink: (any UploadSink)?
            do {
                for try await message in messages {
                    switch message {
                    case .report(let report):
                        try await replies.write(.report(await handler(report)))
                    case .uploadBegins(let upload): sink = await uploads(upload)
                    case .uploadBytes(let bytes): await sink?.take(bytes)
                    case .uploadEnds:
                        let answer = await sink?.finish() ?? .unknown
                        sink = nil
                        try await replies.write(.upload(answer))
                    case .download(let wanted):
                        guard let file = await downloads(wanted) else {
                            try await replies.write(.noFile)
                            continue
                        }
                        try await replies.write(.fileBegins(size: file.size))
                        try await file.read { try await replies.write(.fileBytes($0)) }
                        try await replies.write(.fileEnds)
                    }
                }
            } catch {
                await sink?.abandon()
                throw error
            }
            await sink?.abandon()
        }
    }

    private static func prepare(
        _ channel: any Channel, _ configuration: Configuration, _ tokens: WebhookTokens,
        _ memory: Allowance, _ accepted: Accepted
    ) throws -> Connection {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            IdleStateHandler(
                readTimeout: configuration.idleTimeout, writeTimeout: configuration.takingTimeout))
        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
        try pipeline.addHandler(
            WebhookConnection(configuration: configuration, tokens: tokens, memory: memory))
        // So little waits that the memory of many files at once is bounded.
        let settings = Connection.Configuration(
            backPressureStrategy: .init(lowWatermark: 1, highWatermark: 4))
        return try accepted.hold {
            try Connection(wrappingChannelSynchronously: channel, configuration: settings)
        }
    }
}
