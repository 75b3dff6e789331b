import NIOCore
import NIOHTTP1

/// One connection of a worker: takes one report whole, passes it on, writes the answer, closes.
///
/// Waiting (for a head) → collecting (a wanted body) or discarding (an unwanted one) → answering →
/// closed. A body that is not wanted is still read to its end, because closing on a sender loses it
/// the answer.
final class WebhookConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = WebhookDelivery
    typealias OutboundIn = WebhookAnswer
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Can become: collecting, discarding.
        case waiting
        /// Can become: discarding, answering.
        case collecting(token: String, body: ByteBuffer)
        /// Can become: answering.
        case discarding(HTTPResponseStatus, tell: WebhookDelivery?)
        /// Can become: closed, by writing the answer.
        case answering
    }

    private let configuration: WebhookListener.Configuration
    private let tokens: WebhookTokens
    private let memory: Allowance
    private var state = State.waiting
    private var reserved = 0
    private var deadline = NIODeadline.distantFuture

    init(configuration: WebhookListener.Configuration, tokens: WebhookTokens, memory: Allowance) {
        self.configuration = configuration
        self.tokens = tokens
        self.memory = memory
    }

    func channelActive(context: ChannelHandlerContext) {
        deadline = .now() + configuration.requestTimeout
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .answering = state { return }
        guard NIODeadline.now() < deadline else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head): state = begin(head)
        case .body(let chunk): take(chunk)
        case .end: finish(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is IdleStateHandler.IdleStateEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        // While our side works on a report, silence is what we expect.
        if case .answering = state { return }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let status: HTTPResponseStatus =
            switch unwrapOutboundIn(data) {
            case .stored: .ok
            case .retryLater: .serviceUnavailable
            case .unwanted: .notFound
            }
        respond(context, status, promise: promise)
    }

    private func begin(_ head: HTTPRequestHead) -> State {
        guard head.uri.hasPrefix("/w/") else { return .discarding(.notFound, tell: nil) }
        let token = String(head.uri.dropFirst(3))
        guard WebhookTokens.isToken(token) else { return .discarding(.notFound, tell: nil) }
        guard head.method == .POST else { return .discarding(.methodNotAllowed, tell: nil) }
        switch tokens.standing(token) {
        case .unknown: return .discarding(.notFound, tell: nil)
        case .notYetKnown: return .discarding(.serviceUnavailable, tell: nil)
        case .known: break
        }
        let announced = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        guard announced <= configuration.bodyBytesMax else { return tooLarge(token) }
        return .collecting(token: token, body: ByteBuffer())
    }

    private func take(_ chunk: ByteBuffer) {
        guard case .collecting(let token, var body) = state else { return }
        state = .waiting  // gives up the only other reference, so that appending does not copy
        guard chunk.readableBytes <= configuration.bodyBytesMax - body.readableBytes else {
            release()
            state = tooLarge(token)
            return
        }
        guard memory.take(chunk.readableBytes) else {
            release()
            state = .discarding(.serviceUnavailable, tell: nil)
            return
        }
        reserved += chunk.readableBytes
        body.writeImmutableBuffer(chunk)
        state = .collecting(token: token, body: body)
    }

    private func finish(_ context: ChannelHandlerContext) {
        switch state {
        case .waiting, .answering: context.close(promise: nil)
        case .collecting(let token, let body):
            state = .answering
            context.fireChannelRead(
                wrapInboundOut(WebhookDelivery(token: token, body: .bytes(body))))
        case .discarding(_, tell: .some(let delivery)):
            state = .answering
            context.fireChannelRead(wrapInboundOut(delivery))
        case .discarding(let status, tell: .none):
            state = .answering
            respond(context, status, promise: nil)
        }
    }

    private func tooLarge(_ token: String) -> State {
        let delivery = WebhookDelivery(
            token: token, body: .tooLarge(limit: configuration.bodyBytesMax))
        return .discarding(.payloadTooLarge, tell: delivery)
    }

    private func respond(
        _ context: ChannelHandlerContext, _ status: HTTPResponseStatus,
        promise: EventLoopPromise<Void>?
    ) {
        release()
        let headers: HTTPHeaders = ["Content-Length": "0", "Connection": "close"]
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    private func release() {
        memory.giveBack(reserved)
        reserved = 0
    }
}
