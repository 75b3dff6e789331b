import FleetCore
import FleetLink
import FleetWire
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import ControlPlane

@Suite("The controller's certificate", .timeLimit(.minutes(2)))
struct ServerCertificateTests {
    /// A time of day that passes only when it is told to.
    private final class Day: Sendable {
        private let instant: Mutex<Instant>

        init(_ now: Instant = Instant(nanoseconds: 1_900_000_000_000_000_000)) {
            instant = Mutex(now)
        }
        var now: Instant { instant.withLock { $0 } }
        func pass(_ time: Duration) { instant.withLock { $0 = $0 + time } }
    }

    private static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private static func authority() throws -> Authority {
        try Authority(
            directory: NSTemporaryDirectory()
                + "jessica-server-\(UInt32.random(in: .min ... .max))")
    }

    @Test("It is made anew when less than a third of its life is left, and not before")
    func due() throws {
        let day = Day()
        let certificate = try ServerCertificate(
            authority: try Self.authority(), hosts: ["localhost"], life: .seconds(9_000),
            logger: Self.quiet, now: { day.now })
        let installed = Installation(
            folder: "/x", authorityEnds: .distantFuture, certificateEnds: certificate.ends)
        let first = certificate.ends
        day.pass(.seconds(6_000))
        certificate.renewIfDue()
        #expect(certificate.ends == first)
        day.pass(.seconds(1))
        certificate.renewIfDue()
        #expect(certificate.ends == first.addingTimeInterval(6_001))
        #expect(installed.certificateEnds == certificate.ends)
    }

    @Test("One that is not good yet, as the clock was set back, is made anew")
    func clockSetBack() throws {
        let day = Day()
        let certificate = try ServerCertificate(
            authority: try Self.authority(), hosts: ["localhost"], logger: Self.quiet,
            now: { day.now })
        let first = certificate.ends
        day.pass(.seconds(-300))
        certificate.renewIfDue()
        #expect(certificate.ends == first)
        day.pass(.seconds(-1))
        certificate.renewIfDue()
        #expect(certificate.ends == first.addingTimeInterval(-301))
    }

    @Test("It is looked at each hour")
    func hourly() async throws {
        let day = Day()
        let waits = Mutex<[Duration]>([])
        let certificate = try ServerCertificate(
            authority: try Self.authority(), hosts: ["localhost"], life: .seconds(30_000),
            logger: Self.quiet, now: { day.now },
            pause: { time in
                let count = waits.withLock { waits in
                    waits.append(time)
                    return waits.count
                }
                if count > 8 { throw CancellationError() }
                day.pass(time)
            })
        let first = certificate.ends
        await certificate.run()
        let waited = waits.withLock { $0 }
        #expect(waited == Array(repeating: Duration.seconds(3_600), count: 9))
        // After 20,000 s of its life another is due, and the sixth look is the first that sees it.
        #expect(certificate.ends == first.addingTimeInterval(6 * 3_600))
    }

    // MARK: Both ports

    @Test("The new one is shown at both ports, and connections that are there go on")
    func renewal() async throws {
        try await Plane.with { plane, _ in
            // So that the first and the second are both good while the test runs.
            let day = Day(AnchoredClock().now - .seconds(2_500))
            let authority = plane.api.enrolment.authority
            let certificate = try ServerCertificate(
                authority: authority, hosts: ["localhost"], life: .seconds(3_000),
                logger: Self.quiet, now: { day.now })
            try await Self.serve(plane, certificate) { ports in
                let agent = try await Self.connect(authority, ports.link)
                defer { agent.close() }
                let frames = agent.inbound.makeAsyncIterator()
                let hello = Hello(
                    node: "agx-01", incarnation: Incarnation(boot: "b", starts: 1), version: "1")
                agent.send(try WireCodec.encode(AgentMessage.hello(hello)), lane: .control)
                let credit = try await frames.next()
                #expect(credit != nil)
                let browser = try await Browser.open(ports.https, trust: authority.trust)
                defer { browser.close() }
                #expect(try await browser.head() == "HTTP/1.1 200 OK")
                let first = certificate.ends
                #expect(agent.peer.notAfter == Int64(first.timeIntervalSince1970))
                #expect(try await browser.shownUntil() == agent.peer.notAfter)

                day.pass(.seconds(2_500))
                certificate.renewIfDue()
                #expect(certificate.ends == first.addingTimeInterval(2_500))
                let later = try await Self.connect(authority, ports.link)
                defer { later.close() }
                #expect(later.peer.notAfter == Int64(certificate.ends.timeIntervalSince1970))
                let another = try await Browser.open(ports.https, trust: authority.trust)
                defer { another.close() }
                #expect(try await another.head() == "HTTP/1.1 200 OK")
                #expect(try await another.shownUntil() == later.peer.notAfter)

                #expect(try await browser.head() == "HTTP/1.1 200 OK")
                // A log that nobody has asked for is answered too.
                let chunk = LogChunk(key: AttemptKey(job: "none", number: 1), offset: 0, text: [])
                agent.send(try WireCodec.encode(AgentMessage.log(chunk)), lane: .control)
                let more = try await frames.next()
                #expect(more != nil)
            }
        }
    }

    private struct Ports: Sendable {
        let link: Int
        let https: Int
    }

    /// Opens both ports, as the controller does, while `body` runs.
    private static func serve(
        _ plane: Plane, _ certificate: ServerCertificate,
        _ body: @escaping @Sendable (Ports) async throws -> Void
    ) async throws {
        let (linkPorts, linkPort) = AsyncStream.makeStream(of: Int.self)
        let (httpsPorts, httpsPort) = AsyncStream.makeStream(of: Int.self)
        let link = LinkService(
            loop: plane.loop, sessions: plane.api.sessions, record: plane.store,
            logs: plane.api.logs,
            uploads: UploadDesk(loop: plane.loop, objects: plane.api.objects),
            inputs: InputDesk(loop: plane.loop, store: plane.store, inputs: plane.api.inputs),
            counters: plane.api.counters, logger: quiet)
        let application = Application(
            router: plane.api.router(tokens: plane.tokens),
            server: .https(HTTP1Channel.Configuration()) { certificate.https },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { httpsPort.yield($0.localAddress?.port ?? 0) }, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await link.run(
                    host: "127.0.0.1", port: 0, context: certificate.link,
                    onBound: { linkPort.yield($0) })
            }
            group.addTask { try await application.run() }
            group.addTask {
                var (links, others) = (
                    linkPorts.makeAsyncIterator(), httpsPorts.makeAsyncIterator()
                )
                let ports = Ports(
                    link: await links.next() ?? 0, https: await others.next() ?? 0)
                try await body(ports)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func connect(_ authority: Authority, _ port: Int) async throws -> LinkConnection
    {
        let node = try authority.node("agx-01")
        return try await LinkClient.connect(
            host: "127.0.0.1", port: port, serverName: "localhost",
            context: try TLSContext(
                role: .client, caBundle: authority.trust, certificateChain: node.certificate,
                privateKey: node.key), logger: quiet)
    }
}

/// A client of HTTPS that keeps its connection.
private struct Browser: Sendable {
    private let channel: any Channel
    private let answers: AsyncStream<String>

    static func open(_ port: Int, trust: String) async throws -> Browser {
        let (answers, feed) = AsyncStream.makeStream(of: String.self)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(trust.utf8)))
        let context = try NIOSSLContext(configuration: tls)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        try NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    try pipeline.addHandler(Answers(feed))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return Browser(channel: channel, answers: answers)
    }

    /// Asks for something, and says how the answer begins.
    func head() async throws -> String {
        let request = "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try await channel.writeAndFlush(ByteBuffer(string: request)).get()
        var text = ""
        for await piece in answers {
            text += piece
            if text.hasSuffix("\r\n\r\n") { break }
        }
        return text.split(separator: "\r\n").first.map(String.init) ?? ""
    }

    /// Until when the certificate is good that was shown, in seconds since 1970.
    func shownUntil() async throws -> Int64? {
        try await channel.nioSSL_peerCertificate().get().map { Int64($0.notValidAfter) }
    }

    func close() { channel.close(promise: nil) }
}

private final class Answers: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let feed: AsyncStream<String>.Continuation

    init(_ feed: AsyncStream<String>.Continuation) { self.feed = feed }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        feed.yield(String(buffer: unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        feed.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
