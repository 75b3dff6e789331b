import HTTPTypes
import Logging
import NIOCore
import NIOHTTPTypes

/// Refuses a body that is too large before it is read, and cuts off who goes on sending one that nobody wants.
///
/// It stands before the router, so it holds for every path. Uploads to `/objects/` are measured by their
/// signature instead; they too are cut off when they go on after the answer.
final class BodyGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// The largest body of a request, in bytes; of an upload, what is taken after the answer.
    static func limit(for head: HTTPRequest) -> Int {
        let isPlan = head.method == .post && head.path?.prefix { $0 != "?" } == "/api/v1/plans"
        return isPlan ? APIServer.planBodyLimit : 1 << 20
    }
    /// How long a refused peer has to read why: cut off at once it might never see the answer.
    private static let farewell = TimeAmount.seconds(1)
    /// What of its body is thrown away meanwhile, in bytes.
    private static let farewellBytes = 16 << 20

    private let meters: FleetMeters
    private let logger: Logger
    /// The most bytes of the present body.
    private var limit = 0
    /// Bytes of the present body that have come.
    private var received = 0
    /// Whether more of a request is to come.
    private var isReading = false
    /// Whether the present request is an upload.
    private var isUpload = false
    /// Requests handed on whose answer has not ended.
    private var open = 0
    /// Whether an answer has begun and not ended.
    private var isAnswering = false
    /// Whether nothing is let through any more.
    private var isOver = false
    private var thrownAway = 0

    init(meters: FleetMeters, logger: Logger) {
        self.meters = meters
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isOver { return throwAway(part, context) }
        switch part {
        case .head(let head):
            isReading = true
            received = 0
            limit = Self.limit(for: head)
            isUpload = head.method == .put && head.path?.hasPrefix("/objects/") == true
            let length = head.headerFields[.contentLength].flatMap { UInt64($0) } ?? 0
            if !isUpload, length > UInt64(limit) { return refuse(context, isHandedOn: false) }
            open += 1
        case .body(let bytes):
            received += bytes.readableBytes
            if received > limit {
                if open == 0 { return end(context) }
                if !isUpload { return refuse(context, isHandedOn: true) }
            }
        case .end:
            isReading = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isOver {
            // The answer was given here.
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head: isAnswering = true
        case .body: break
        case .end:
            isAnswering = false
            open = max(0, open - 1)
            context.write(data, promise: promise)
            if open == 0, isReading, received > limit {
                context.flush()
                end(context)
            }
            return
        }
        context.write(data, promise: promise)
    }

    private func refuse(_ context: ChannelHandlerContext, isHandedOn: Bool) {
        // What belongs to a request before this one must not be mixed up with the refusal.
        let isFree = open == (isHandedOn ? 1 : 0) && !isAnswering
        if isFree { answer(context) }
        end(context)
    }

    private func answer(_ context: ChannelHandlerContext) {
        let id = String(UInt64.random(in: .min ... .max), radix: 16)
        let error = APIError(
            .contentTooLarge, "too_large",
            "a body may have \(limit) bytes at most; files are uploaded, see POST /api/v1/uploads"
        )
        guard let body = try? error.body(requestID: id) else { return }
        let fields: HTTPFields = [
            .contentType: "application/json", .contentLength: "\(body.readableBytes)",
            .connection: "close",
        ]
        let head = HTTPResponse(status: error.status, headerFields: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        meters.answered("-", error.status.code)
        logger.info(
            "request refused",
            metadata: ["hb.request.id": "\(id)", "status": "413", "code": "too_large"])
    }

    private func end(_ context: ChannelHandlerContext) {
        isOver = true
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.farewell) {
            context.close(promise: nil)
        }
    }

    private func throwAway(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        guard case .body(let bytes) = part else { return }
        thrownAway += bytes.readableBytes
        if thrownAway > Self.farewellBytes { context.close(promise: nil) }
    }
}
