import NIOCore
import NIOEmbedded
import NIOPosix
import Settings
import Testing

@testable import ControlPlane

/// A connection without a socket and a clock, whose peer takes what it is told to.
private final class Peer {
    private let channel = EmbeddedChannel()
    let meters = FleetMeters()

    init() throws {
        try channel.pipeline.syncOperations.addHandler(AnswerGuard(meters: meters))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/peer")).wait()
    }

    /// So many bytes wait to be taken from now on.
    func leaves(_ bytes: Int) {
        channel.flush()
        channel.write(ByteBuffer(repeating: 0, count: bytes), promise: nil)
    }

    /// Too much waits, or no more too much.
    func isWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    /// Whether the connection is there after so many seconds more.
    func lasts(_ seconds: Int64) -> Bool {
        channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
        return channel.isActive
    }
}

private func cut(_ meters: FleetMeters) -> Bool {
    var text = MetricsText()
    meters.write(to: &text, clusters: [])
    return text.text.contains("jessica_http_connections_cut_total 1\n")
}

@Suite("Who takes nothing of an answer")
struct AnswerGuardTests {
    @Test("Half a minute without a byte is the end, and is counted")
    func nothing() throws {
        let peer = try Peer()
        peer.leaves(100_000)
        peer.isWritable(false)
        let (early, late) = (peer.lasts(29), peer.lasts(2))
        #expect(early && !late)
        #expect(cut(peer.meters))
    }

    @Test("However slowly a large answer goes down, it goes down")
    func slow() throws {
        let peer = try Peer()
        peer.leaves(1_000_000)
        peer.isWritable(false)
        for step in 1...40 {
            let isThere = peer.lasts(28)
            try #require(isThere, "step \(step)")
            peer.leaves(1_000_000 - step)
        }
        let (early, late) = (peer.lasts(29), peer.lasts(10))
        #expect(early && !late, "and when no more does, that is the end")
    }

    @Test("What is written meanwhile hides nothing that was taken")
    func more() throws {
        let peer = try Peer()
        peer.leaves(100_000)
        peer.isWritable(false)
        peer.leaves(2_000_000)
        for step in 1...6 {
            let isThere = peer.lasts(7)
            try #require(isThere, "step \(step)")
            peer.leaves(2_000_000 - step)
        }
    }

    @Test("Who takes enough is watched no more, until too much waits again")
    func again() throws {
        let peer = try Peer()
        peer.leaves(100_000)
        for _ in 1...3 {
            peer.isWritable(false)
            let isThere = peer.lasts(29)
            #expect(isThere)
            peer.isWritable(true)
            let isStillThere = peer.lasts(600)
            #expect(isStillThere)
        }
        peer.isWritable(false)
        let late = peer.lasts(31)
        #expect(!late)
    }

    @Test("A real socket is cut off in the same way", .timeLimit(.minutes(1)))
    func socket() async throws {
        let meters = FleetMeters()
        let group = MultiThreadedEventLoopGroup.singleton
        // It never reads.
        let peer = try await ServerBootstrap(group: group)
            .childChannelOption(ChannelOptions.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).get()
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let cutter = AnswerGuard(meters: meters, lookEvery: .milliseconds(20))
                    try channel.pipeline.syncOperations.addHandler(cutter)
                }
            }
            .connect(to: try #require(peer.localAddress)).get()
        channel.writeAndFlush(ByteBuffer(repeating: 0, count: 32 << 20), promise: nil)
        try await channel.closeFuture.get()
        #expect(cut(meters))
        try await peer.close().get()
    }
}
