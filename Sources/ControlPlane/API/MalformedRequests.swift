import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Gives the answer to what is no HTTP the shape of all other errors.
///
/// No route hears of it. The server answers with a bare 400 once the requests before it are answered, and
/// closes the connection: only the words are missing.
final class MalformedRequests: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let meters: FleetMeters
    private let logger: Logger
    /// What is wrong, once something is.
    private var cause: HTTPParserError?

    init(meters: FleetMeters, logger: Logger) {
        self.meters = meters
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError { cause = error }
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let cause, case .head(var head) = unwrapOutboundIn(data), Self.isBare(head) else {
            return context.write(data, promise: promise)
        }
        let id = String(UInt64.random(in: .min ... .max), radix: 16)
        guard let body = try? APIError.malformed(cause).body(requestID: id) else {
            return context.write(data, promise: promise)
        }
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = "\(body.readableBytes)"
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: promise)
        meters.answered("-", head.status.code)
        logger.info(
            "request refused",
            metadata: [
                "hb.request.id": "\(id)", "status": "\(head.status.code)", "code": "bad_request",
            ])
    }

    /// Whether an answer is the server's own: those of routes say something.
    private static func isBare(_ head: HTTPResponse) -> Bool {
        head.status == .badRequest && head.headerFields[.contentLength] == "0"
    }
}
