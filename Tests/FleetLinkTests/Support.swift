import FleetLink
import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A small deterministic generator, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

// A failed expectation prints its operands by reflection. Live connections change under it: keep it out of them.
extension LinkConnection: CustomReflectable {
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
extension FrameInbox: CustomReflectable {
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A value that tests set from any thread.
final class Box<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    var current: Value {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

let testLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// What a test sees of a running server.
struct TestServer: Sendable {
    let port: Int
    let refusals: AsyncStream<LinkRefusal>
    let certificates: Certificates

    func nextRefusal() async throws -> LinkRefusal {
        for await refusal in refusals { return refusal }
        throw CancellationError()
    }

    func connect(
        _ context: TLSContext? = nil, serverName: String = "spark.test",
        limits: LinkLimits = LinkLimits()
    ) async throws -> LinkConnection {
        try await LinkClient.connect(
            host: "127.0.0.1", port: port, serverName: serverName,
            context: try context ?? certificates.clientContext(), limits: limits,
            logger: testLogger)
    }

    /// Proves that the server still serves: a frame goes there and back.
    ///
    /// Needs the echo handler.
    func checkAlive() async throws {
        let connection = try await connect()
        #expect(connection.send([1, 2, 3], lane: .control) == .queued)
        let answer = try await firstFrame(connection)
        #expect(answer == [1, 2, 3])
        connection.close()
    }
}

func firstFrame(_ connection: LinkConnection) async throws -> [UInt8]? {
    try await connection.inbound.makeAsyncIterator().next()
}

/// Sends every frame back.
let echo: @Sendable (LinkConnection) async -> Void = { connection in
    connection.setFrameLimit(1 << 20)
    do {
        for try await frame in connection.inbound { connection.send(frame, lane: .control) }
    } catch {}
}

/// Runs a server on loopback around the body.
func withServer<Result: Sendable>(
    limits: LinkLimits = LinkLimits(), context: (@Sendable () -> TLSContext)? = nil,
    handler: @escaping @Sendable (LinkConnection) async -> Void = echo,
    _ body: (TestServer) async throws -> Result
) async throws -> Result {
    let certificates = try Certificates.shared()
    let own = try certificates.serverContext()
    let makeContext = context ?? { own }
    let (ports, portSink) = AsyncStream.makeStream(of: Int.self)
    let (refusals, refusalSink) = AsyncStream.makeStream(of: LinkRefusal.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { portSink.finish() }
            try await LinkServer.run(
                host: "127.0.0.1", port: 0, context: makeContext(), limits: limits,
                logger: testLogger, onBound: { portSink.yield($0) },
                onRefused: { refusalSink.yield($0) }, handler: handler)
        }
        var bound: Int?
        for await port in ports {
            bound = port
            break
        }
        let port = try #require(bound, "the server did not start")
        let result = try await body(
            TestServer(port: port, refusals: refusals, certificates: certificates))
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}

/// Collects what a raw socket receives until it is closed.
final class RawCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let bytes: Box<[UInt8]>
    init(_ bytes: Box<[UInt8]>) { self.bytes = bytes }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.current += Array(unwrapInboundIn(data).readableBytesView)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// Opens a plain TCP connection, sends the bytes and waits until the server has closed it.
func sendRaw(_ bytes: [UInt8], port: Int) async throws -> [UInt8] {
    let received = Box<[UInt8]>([])
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(RawCollector(received))
            }
        }
        .connect(host: "127.0.0.1", port: port).get()
    if !bytes.isEmpty { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }
    try await channel.closeFuture.get()
    return received.current
}

/// After the handshake sends bytes that need not be frames.
final class RawSender: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    enum Ending { case wait, goodbye, cut }
    private let bytes: [UInt8]
    private let ending: Ending

    init(_ bytes: [UInt8], _ ending: Ending) {
        self.bytes = bytes
        self.ending = ending
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is TLSHandler.HandshakeCompleted else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        switch ending {
        case .wait: break
        case .goodbye: context.close(promise: nil)
        case .cut:
            context.channel.pipeline.syncOperations.fireErrorCaught(
                IOError(errnoCode: ECONNRESET, reason: "test"))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// A verified peer that sends arbitrary bytes inside TLS; returns when the connection is closed.
func sendInsideTLS(
    _ bytes: [UInt8], to server: TestServer, ending: RawSender.Ending = .wait
) async throws {
    let context = try server.certificates.clientContext()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let session = try TLSSession.client(context, serverName: "spark.test")
                try channel.pipeline.syncOperations.addHandler(
                    TLSHandler(session: session, limits: LinkLimits()))
                try channel.pipeline.syncOperations.addHandler(RawSender(bytes, ending))
            }
        }
        .connect(host: "127.0.0.1", port: server.port).get()
    try await channel.closeFuture.get()
}

/// Runs the openssl command without input and returns its exit code.
func openssl(_ arguments: [String]) async throws -> Int32 {
    try await withCheckedThrowingContinuation { continuation in
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
        do { try process.run() } catch { continuation.resume(throwing: error) }
    }
}
