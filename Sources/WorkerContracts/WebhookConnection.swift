import NIOCore
import NIOHTTP1

/// One connection of a worker: takes one report whole or one file piece by piece, passes it on,
/// writes the answer, closes.
///
/// Waiting (for a head) → collecting (a wanted report), uploading (a file), asking (for a file) or
/// discarding (an unwanted body) → answering, or giving (a file) → closed. A body that is not wanted
/// is still read to its end, because closing on a sender loses it the answer.
final class WebhookConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = WorkerMessage
    typealias OutboundIn = WorkerReply
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Can become: collecting, uploading, asking, discarding.
        case waiting
        /// Can become: discarding, answering.
        case collecting(token: String, body: ByteBuffer)
        /// Can become: answering.
        case uploading
        /// Can become: giving.
        case asking(WorkerDownload)
        /// Can become: closed, by writing the file's end or that there is none.
        case giving
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
    /// Whether more is wanted from the worker; not while a file comes faster than it is written.
    private var awaitsPeer = false
    /// Pieces of a file that are written and not taken.
    private var untaken = 0

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
        switch state {
        case .answering, .giving: return
        case .waiting, .collecting, .uploading, .asking, .discarding: break
        }
        guard NIODeadline.now() < deadline else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head): state = begin(context, head)
        case .body(let chunk): take(context, chunk)
        case .end: finish(context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        awaitsPeer = false
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        awaitsPeer = true
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let idle = event as? IdleStateHandler.IdleStateEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        switch (idle, state) {
        // It takes nothing of what it asked for, and may never.
        case (.write, .giving) where untaken > 0: context.close(promise: nil)
        // While our side works, silence is what we expect.
        case (_, .answering), (_, .giving), (.write, _): return
        case (.read, _), (.all, _):
            if awaitsPeer { context.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .report(.stored): respond(context, .ok, promise: promise)
        case .report(.retryLater): respond(context, .serviceUnavailable, promise: promise)
        case .report(.unwanted), .upload(.unknown), .noFile:
            respond(context, .notFound, promise: promise)
        case .upload(.stored(let name)):
            respond(context, .created, location: UploadReference.url(name), promise: promise)
        case .upload(.tooLarge): respond(context, .payloadTooLarge, promise: promise)
        case .upload(.noRoom): respond(context, .insufficientStorage, promise: promise)
        case .upload(.failed): respond(context, .internalServerError, promise: promise)
        case .fileBegins(let size):
            let headers: HTTPHeaders = [
                "Content-Length": "\(size)", "Content-Type": "application/octet-stream",
                "Connection": "close",
            ]
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
            give(context, .head(head), promise)
        case .fileBytes(let bytes): give(context, .body(.byteBuffer(bytes)), promise)
        case .fileEnds: end(context, promise: promise)
        }
    }

    private func give(
        _ context: ChannelHandlerContext, _ part: HTTPServerResponsePart,
        _ promise: EventLoopPromise<Void>?
    ) {
        let taken = promise ?? context.eventLoop.makePromise()
        untaken += 1
        taken.futureResult.assumeIsolated().whenComplete { _ in self.untaken -= 1 }
        context.write(wrapOutboundOut(part), promise: taken)
    }

    private func begin(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) -> State {
        guard let target = WebhookTarget(head.uri) else {
            return .discarding(.notFound, tell: nil)
        }
        let methods: [HTTPMethod] = target.fileName == nil ? [.POST] : [.PUT, .GET]
        guard methods.contains(head.method) else {
            return .discarding(.methodNotAllowed, tell: nil)
        }
        switch tokens.standing(target.token) {
        case .unknown: return .discarding(.notFound, tell: nil)
        case .notYetKnown: return .discarding(.serviceUnavailable, tell: nil)
        case .known: break
        }
        if let fileName = target.fileName, head.method == .GET {
            return .asking(WorkerDownload(token: target.token, fileName: fileName))
        }
        let announced = head.headers.first(name: "Content-Length").flatMap { Int($0) }
        if let fileName = target.fileName {
            let upload = WorkerUpload(
                token: target.token, prediction: head.headers.first(name: "X-Prediction-ID"),
                fileName: fileName, contentType: head.headers.first(name: "Content-Type"),
                announcedBytes: announced)
            return begin(context, upload)
        }
        guard (announced ?? 0) <= configuration.bodyBytesMax else {
            return tooLarge(target.token)
        }
        return .collecting(token: target.token, body: ByteBuffer())
    }

    private func begin(_ context: ChannelHandlerContext, _ upload: WorkerUpload) -> State {
        deadline = .now() + configuration.uploadTimeout
        context.fireChannelRead(wrapInboundOut(.uploadBegins(upload)))
        return .uploading
    }

    private func take(_ context: ChannelHandlerContext, _ chunk: ByteBuffer) {
        switch state {
        case .collecting: collect(chunk)
        case .uploading: context.fireChannelRead(wrapInboundOut(.uploadBytes(chunk)))
        case .waiting, .asking, .giving, .discarding, .answering: return
        }
    }

    private func collect(_ chunk: ByteBuffer) {
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
        case .waiting, .giving, .answering: context.close(promise: nil)
        case .collecting(let token, let body):
            state = .answering
            let delivery = WebhookDelivery(token: token, body: .bytes(body))
            context.fireChannelRead(wrapInboundOut(.report(delivery)))
        case .uploading:
            state = .answering
            context.fireChannelRead(wrapInboundOut(.uploadEnds))
        case .asking(let wanted):
            state = .giving
            context.fireChannelRead(wrapInboundOut(.download(wanted)))
        case .discarding(_, tell: .some(let delivery)):
            state = .answering
            context.fireChannelRead(wrapInboundOut(.report(delivery)))
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
        location: String? = nil, promise: EventLoopPromise<Void>?
    ) {
        release()
        var headers: HTTPHeaders = ["Content-Length": "0", "Connection": "close"]
        if let location { headers.add(name: "Location", value: location) }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        end(context, promise: promise)
    }

    /// Ends the answer, and closes when it is written.
    private func end(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    private func release() {
        memory.giveBack(reserved)
        reserved = 0
    }
}
