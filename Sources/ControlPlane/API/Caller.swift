import FleetCore
import HTTPTypes
package import Hummingbird
import NIOCore

/// Who makes a request, and what they may do.
struct Caller: Hashable, Sendable {
    /// For whom jobs count; nil for the local socket.
    let submitter: SubmitterName?
    /// Who asks, the local socket too.
    var name: SubmitterName { submitter ?? .local }
    /// What they may do.
    let role: Role

    /// Who may open the local socket is an administrator.
    static let local = Caller(submitter: nil, role: .admin)

    /// Whether such events are for the caller: tokens and webhooks are an administrator's.
    func maySee(_ kind: FleetEvent.Kind) -> Bool {
        role >= .admin || ![.token, .webhook].contains(kind)
    }

    /// Throws when more is needed than the caller may do.
    func require(_ needed: Role) throws {
        guard role < needed else { return }
        throw APIError(
            .forbidden, "forbidden",
            "this needs the role \(needed.rawValue), and \(name) has \(role.rawValue)"
        )
    }

    /// Throws when the work is somebody else's, and the caller may act on their own only.
    func requireOwn(_ owner: SubmitterName, _ what: String) throws {
        guard role < .operator, owner != name else { return }
        throw APIError(
            .forbidden, "forbidden",
            "\(what) is \(owner)'s; to act on it needs the role \(Role.operator.rawValue)")
    }
}

/// A request on its way through the API.
package struct APIContext: RequestContext {
    /// What the server knows of it.
    package var coreContext: CoreRequestContextStorage
    /// Who makes it.
    var caller = Caller.local
    /// Whether what let them in still does.
    var isStillLetIn: @Sendable () -> Bool = { true }

    /// The connection it came by; nil in tests without one.
    let channel: (any Channel)?
    /// What it chose, for the trail.
    let remark = Remark()

    /// Begins with nobody but the local administrator; the check of tokens says otherwise.
    package init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Lets in who shows a token, and notes who they are.
struct TokenCheck: RouterMiddleware {
    let tokens: TokenBook
    let clock: AnchoredClock
    let audit: AuditTrail
    /// Paths open to everybody: health, and uploads that carry their own signature.
    let open: @Sendable (String) -> Bool

    func handle(
        _ request: Request, context: APIContext,
        next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if open(request.uri.path) { return try await next(request, context) }
        let header = request.headers[.authorization] ?? ""
        let token = String(header.dropFirst(7))
        guard header.hasPrefix("Bearer "), let caller = tokens.caller(token, at: clock.now)
        else {
            await audit.note(request, context, who: nil, status: 401, code: "unauthorized")
            throw APIError(
                .unauthorized, "unauthorized",
                "show a token: `Authorization: Bearer …`; the administrator's is in \(tokens.path)")
        }
        var context = context
        context.caller = caller
        context.isStillLetIn = { [tokens, clock] in
            tokens.caller(token, at: clock.now) == caller
        }
        return try await next(request, context)
    }
}

/// Lets through only what a caller's role allows.
struct RoleCheck: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext,
        next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        try context.caller.require(Self.needed(request.method, request.uri.path))
        return try await next(request, context)
    }

    /// The least role for a request; what is not named here is an operator's.
    static func needed(_ method: HTTPRequest.Method, _ path: String) -> Role {
        let parts = path.split(separator: "/").dropFirst(2).map(String.init)
        // A backup holds everybody's inputs.
        if ["tokens", "webhooks", "backups", "audit"].contains(parts.first) { return .admin }
        if method == .get || method == .head { return .viewer }
        switch parts.first {
        case "jobs", "plans", "requests", "uploads": return .submitter
        case "fleet": return .admin
        default: return .operator
        }
    }
}
