import FleetLink
import NIOCore
import NIOEmbedded
import Testing

/// A link handler on a channel without socket and clock.
private final class Rig: CustomReflectable {
    let channel = EmbeddedChannel()
    let core: LinkCore
    let connection: LinkConnection
    let failures = Box<[LinkError]>([])

    init(_ change: (inout LinkLimits) -> Void = { _ in }) throws {
        var limits = LinkLimits()
        change(&limits)
        let failures = failures
        core = LinkCore(
            channel: channel, limits: limits, onFailure: { failures.current.append($0) })
        try channel.pipeline.syncOperations.addHandler(LinkHandler(core: core))
        let peer = PeerIdentity(
            commonName: "n", uris: [], dnsNames: [], serial: "1", notBefore: 0, notAfter: 0)
        connection = LinkConnection(core: core, peer: peer)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        channel.pipeline.fireUserInboundEventTriggered(TLSHandler.HandshakeCompleted(peer: peer))
    }

    var isActive: Bool { channel.isActive }
    var customMirror: Mirror { Mirror(self, children: [:]) }

    func receive(_ payload: [UInt8]) throws {
        var buffer = ByteBuffer()
        Frame.encode(payload, into: &buffer)
        _ = try channel.writeInbound(buffer)
    }

    func sent() throws -> [[UInt8]] {
        var decoder = FrameDecoder(limit: 1 << 20)
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { decoder.append(buffer) }
        var frames: [[UInt8]] = []
        while let frame = try decoder.next() { frames.append(frame) }
        return frames
    }

    func setWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
        channel.embeddedEventLoop.run()
    }
}

@Suite(.timeLimit(.minutes(1))) struct LinkHandlerTests {
    @Test func controlOvertakesAMebibyteOfBulk() throws {
        let rig = try Rig()
        rig.setWritable(false)
        rig.connection.addCredit(8 << 20)
        let chunk = Array(repeating: UInt8(2), count: 65_000)
        var chunks = 0
        while rig.connection.send(chunk, lane: .bulk) == .queued { chunks += 1 }
        #expect(chunks == 16)
        #expect(rig.connection.send([9], lane: .telemetry) == .queued)
        #expect(rig.connection.send([1], lane: .control) == .queued)
        #expect(try rig.sent().isEmpty)
        rig.setWritable(true)
        let sent = try rig.sent()
        #expect(sent.count == 18)
        #expect(sent.first == [1])
        #expect(sent.dropFirst().first == [9])
    }

    @Test func onlyTheLastTelemetryValueGoesOut() throws {
        let rig = try Rig()
        rig.setWritable(false)
        for value in 1...5 { rig.connection.send([UInt8(value)], lane: .telemetry) }
        rig.setWritable(true)
        #expect(try rig.sent() == [[5]])
        rig.connection.send([6], lane: .telemetry)
        rig.channel.embeddedEventLoop.run()
        #expect(try rig.sent() == [[6]])
    }

    @Test func bulkWithoutCreditWaits() throws {
        let rig = try Rig()
        #expect(rig.connection.send([1, 1], lane: .bulk) == .queued)
        #expect(rig.connection.send([2, 2], lane: .bulk) == .queued)
        rig.channel.embeddedEventLoop.run()
        #expect(try rig.sent().isEmpty)
        rig.connection.addCredit(1)
        rig.channel.embeddedEventLoop.run()
        #expect(try rig.sent() == [[1, 1]])
        rig.connection.addCredit(2)
        rig.channel.embeddedEventLoop.run()
        #expect(try rig.sent() == [[2, 2]])
    }

    @Test func aPeerThatTakesNoControlIsGivenUp() async throws {
        let rig = try Rig { $0.controlFrames = 10 }
        rig.setWritable(false)
        for value in 0..<10 {
            #expect(rig.connection.send([UInt8(value)], lane: .control) == .queued)
        }
        #expect(rig.connection.send([10], lane: .control) == .closed)
        rig.channel.embeddedEventLoop.run()
        #expect(!rig.isActive)
        #expect(rig.failures.current.map(\.code) == [.stuck])
        #expect(rig.connection.send([11], lane: .control) == .closed)
        #expect(try await rig.connection.closed()?.code == .stuck)
    }

    @Test func theFrameLimitHoldsUntilPromotion() throws {
        let rig = try Rig()
        try rig.receive(Array(repeating: 0, count: 4_096))
        rig.connection.setFrameLimit(1 << 20)
        try rig.receive(Array(repeating: 0, count: 1 << 20))
        #expect(rig.connection.waitingFrames == 2)
        // Past the largest frame no promotion helps.
        rig.connection.setFrameLimit(Int.max)
        try rig.receive(Array(repeating: 0, count: (1 << 20) + 1))
        #expect(rig.failures.current.map(\.code) == [.frameTooLarge])
        #expect(!rig.isActive)
    }

    @Test func anUnpromotedPeerMaySendNoLargeFrame() throws {
        let rig = try Rig()
        try rig.receive(Array(repeating: 0, count: 4_097))
        #expect(rig.failures.current.map(\.code) == [.frameTooLarge])
    }

    @Test func aSlowFrameClosesTheConnection() throws {
        let rig = try Rig()
        _ = try rig.channel.writeInbound(ByteBuffer(bytes: [0x4A, 0x46, 1, 0, 0, 0, 0, 2, 1]))
        rig.channel.embeddedEventLoop.advanceTime(by: .milliseconds(9_900))
        #expect(rig.isActive)
        rig.channel.embeddedEventLoop.advanceTime(by: .milliseconds(200))
        #expect(rig.failures.current.map(\.code) == [.slowFrame])
        #expect(!rig.isActive)
    }

    @Test func theTimeCountsForEachFrame() throws {
        let rig = try Rig()
        // Each read ends one frame and begins the next; none takes longer than 6 s.
        _ = try rig.channel.writeInbound(ByteBuffer(bytes: [0x4A, 0x46, 1, 0, 0, 0, 0, 1]))
        for _ in 0..<10 {
            rig.channel.embeddedEventLoop.advanceTime(by: .seconds(6))
            _ = try rig.channel.writeInbound(
                ByteBuffer(bytes: [7, 0x4A, 0x46, 1, 0, 0, 0, 0, 1]))
        }
        #expect(rig.isActive)
        #expect(rig.connection.waitingFrames == 10)
        rig.channel.embeddedEventLoop.advanceTime(by: .seconds(11))
        #expect(rig.failures.current.map(\.code) == [.slowFrame])
    }

    @Test func aQuietPeerIsNotSlow() throws {
        let rig = try Rig()
        try rig.receive([1])
        rig.channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(rig.isActive)
    }

    @Test func controlFramesLeaveBeforeTheEnd() async throws {
        let rig = try Rig()
        rig.setWritable(false)
        rig.connection.send([1], lane: .control)
        rig.connection.send([2], lane: .telemetry)
        rig.connection.close()
        rig.channel.embeddedEventLoop.run()
        #expect(rig.isActive)
        #expect(rig.connection.send([3], lane: .control) == .closed)
        rig.setWritable(true)
        #expect(try rig.sent() == [[1]])
        #expect(!rig.isActive)
        #expect(try await rig.connection.closed() == nil)
        #expect(rig.failures.current.isEmpty)
    }

    @Test func closingIsBounded() throws {
        let rig = try Rig()
        rig.setWritable(false)
        rig.connection.send([1], lane: .control)
        rig.connection.close()
        rig.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1_900))
        #expect(rig.isActive)
        rig.channel.embeddedEventLoop.advanceTime(by: .milliseconds(200))
        #expect(!rig.isActive)
    }
}

@Suite(.timeLimit(.minutes(1))) struct TLSHandlerTests {
    private final class Errors: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var seen: [LinkError] = []
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? LinkError { seen.append(error) }
        }
    }

    private func makeServer() throws -> (EmbeddedChannel, Errors) {
        let context = try Certificates.shared().serverContext()
        let channel = EmbeddedChannel()
        let errors = Errors()
        try channel.pipeline.syncOperations.addHandler(
            TLSHandler(session: TLSSession.server(context), limits: LinkLimits()))
        try channel.pipeline.syncOperations.addHandler(errors)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, errors)
    }

    @Test func aSilentPeerHasFiveSeconds() throws {
        let (channel, errors) = try makeServer()
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(4_900))
        let isOpen = channel.isActive
        #expect(isOpen)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(200))
        let isStillOpen = channel.isActive
        #expect(!isStillOpen)
        #expect(errors.seen.map(\.code) == [.handshakeTimeout])
    }

    @Test func dripFeedingDoesNotBuyTime() throws {
        let (channel, errors) = try makeServer()
        var session = try TLSSession.client(
            Certificates.shared().clientContext(), serverName: "spark.test")
        _ = session.handshake()
        let flight = session.takeCiphertext()
        var hello = try #require(flight)
        for _ in 0..<6 where channel.isActive {
            let byte = hello.readSlice(length: 1)
            _ = try channel.writeInbound(#require(byte))
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        }
        #expect(errors.seen.map(\.code) == [.handshakeTimeout])
    }

    @Test func nothingIsWrittenBeforeTheHandshake() throws {
        let (channel, _) = try makeServer()
        #expect(throws: LinkError.self) { try channel.writeOutbound(ByteBuffer(string: "early")) }
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
    }

    @Test func anEndDuringTheHandshakeIsReported() throws {
        let (channel, errors) = try makeServer()
        channel.pipeline.fireChannelInactive()
        #expect(errors.seen.map(\.code) == [.handshakeFailed])
    }
}
