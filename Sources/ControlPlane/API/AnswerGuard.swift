import Glibc
import NIOCore

/// Cuts off a peer that asks and then takes nothing of the answer.
///
/// Else that would be held for ever, with its memory, its files and its place among the streams. Progress is
/// every byte that the system takes from us, so a large answer may go down slowly. While the peer reads, the
/// system takes them in steps, of 200 KB on the local socket and from 100 KB by TCP, more where the peer has room
/// for much: who reads 15 KB a second is not cut off.
final class AnswerGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    /// How often it is looked whether something was taken.
    static let lookEvery = TimeAmount.seconds(5)
    /// So many looks in vain, one after the other, are too many: half a minute.
    ///
    /// What is still written meanwhile may hide from one look what was taken, but not from all.
    private static let patience = 6
    /// What the system may have of a TCP connection and not have sent, in bytes.
    ///
    /// Else that is megabytes for each, taken in steps so large that a slow peer seems to take nothing.
    private static let unsent = 128 << 10

    private let meters: FleetMeters
    private let lookEvery: TimeAmount
    private var nextLook: Scheduled<Void>?
    /// Bytes that waited at the last look.
    private var waiting = 0
    private var inVain = 0
    private var isCut = false

    init(meters: FleetMeters, lookEvery: TimeAmount = AnswerGuard.lookEvery) {
        self.meters = meters
        self.lookEvery = lookEvery
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // The local socket knows no such thing, and needs it less.
        let option = ChannelOptions.Types.SocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT))
        try? context.channel.syncOptions?.setOption(option, value: Self.unsent)
    }

    func handlerRemoved(context: ChannelHandlerContext) { rest() }

    func channelInactive(context: ChannelHandlerContext) {
        rest()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            rest()
        } else if nextLook == nil, !isCut {
            waiting = Self.bytesWaiting(context)
            inVain = 0
            lookLater(context)
        }
        context.fireChannelWritabilityChanged()
    }

    private func rest() {
        nextLook?.cancel()
        nextLook = nil
    }

    private func lookLater(_ context: ChannelHandlerContext) {
        nextLook = context.eventLoop.assumeIsolated().scheduleTask(in: lookEvery) {
            self.look(context)
        }
    }

    private func look(_ context: ChannelHandlerContext) {
        nextLook = nil
        let before = waiting
        waiting = Self.bytesWaiting(context)
        inVain = waiting < before ? 0 : inVain + 1
        guard inVain >= Self.patience else { return lookLater(context) }
        isCut = true
        meters.cutOff()
        context.close(promise: nil)
    }

    /// Bytes of ours that the system has not taken yet.
    private static func bytesWaiting(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)) ?? 0
    }
}
