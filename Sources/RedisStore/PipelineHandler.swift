import NIOCore

/// One write and the replies it waits for.
struct PipelineRequest: Sendable {
    let bytes: ByteBuffer
    let replies: Int
    let timeout: TimeAmount
    let promise: EventLoopPromise<[RedisValue]>
}

/// Matches replies with requests, strictly in order.
///
/// Any doubt about that order (a timeout, unreadable bytes, a reply nobody asked for) ends the
/// connection: every request still waiting fails with an unknown outcome, and the channel closes.
final class PipelineHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = PipelineRequest
    typealias OutboundOut = ByteBuffer

    private struct Waiting {
        let request: PipelineRequest
        var values: [RedisValue]
        var timer: Scheduled<Void>?
    }

    private var decoder: RedisReplyDecoder
    private var waiting = CircularBuffer<Waiting>()
    private var failure: RedisStoreError?
    private let peer: String
    private let limit: Int

    init(peer: String, limits: RedisLimits) {
        self.decoder = RedisReplyDecoder(limits: limits)
        self.peer = peer
        self.limit = limits.pendingPipelines
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        // The request's own promise tells the caller; this one only says that somebody took it
        // over.
        promise?.succeed()
        if let failure {
            return request.promise.fail(
                RedisStoreError(.unavailable(outcomeUnknown: false), failure.message))
        }
        guard waiting.count < limit else {
            return request.promise.fail(
                RedisStoreError(
                    .unavailable(outcomeUnknown: false),
                    "\(limit) pipelines already wait for Redis at \(peer)"))
        }
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: request.timeout) {
            let seconds = Double(request.timeout.nanoseconds) / 1e9
            self.end(context, .unavailable(outcomeUnknown: true), "no answer within \(seconds) s")
        }
        waiting.append(Waiting(request: request, values: [], timer: timer))
        context.writeAndFlush(wrapOutboundOut(request.bytes), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard failure == nil else { return }
        do {
            for value in try decoder.decode(unwrapInboundIn(data)) { accept(value, context) }
        } catch {
            end(context, error.code, error.message)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(context, .unavailable(outcomeUnknown: true), "the connection was closed")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(context, .unavailable(outcomeUnknown: true), describe(error))
    }

    private func accept(_ value: RedisValue, _ context: ChannelHandlerContext) {
        guard failure == nil else { return }
        guard !waiting.isEmpty else {
            // A server that drops us says why before it closes, without having been asked.
            let text = value.errorMessage ?? "an answer nobody asked for"
            return end(context, .protocolViolation, text)
        }
        let index = waiting.startIndex
        waiting[index].values.append(value)
        guard waiting[index].values.count == waiting[index].request.replies else { return }
        let done = waiting.removeFirst()
        done.timer?.cancel()
        done.request.promise.succeed(done.values)
    }

    /// Ends the connection, once, and fails everything that waits.
    private func end(
        _ context: ChannelHandlerContext, _ code: RedisStoreError.Code, _ reason: String
    ) {
        guard failure == nil else { return }
        let message = "Redis at \(peer): \(reason)"
        failure = RedisStoreError(code, message)
        let failed = waiting
        waiting.removeAll()
        for entry in failed {
            entry.timer?.cancel()
            entry.request.promise.fail(
                RedisStoreError(.unavailable(outcomeUnknown: true), message))
        }
        context.close(promise: nil)
    }
}
