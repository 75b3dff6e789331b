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
    /// What they may do; nil for nothing but what is open to everybody.
    let role: Role?

    /// Who shows no token, where none is needed.
    static let stranger = Caller(submitter: "-", role: nil)

    /// A node's agent, which has shown its certificate.
    static func agent(of node: NodeName) -> Caller {
        Caller(submitter: SubmitterName("node \(node)"), role: nil)
    }

    /// Who may open the local socket is an administrator.
    static let local = Caller(submitter: nil, role: .admin)

    /// Whether such events are for the caller: tokens and webhooks are an administrator's.
    func maySee(_ kind: FleetEvent.Kind) -> Bool {
        may(.admin) || ![.token, .webhook].contains(kind)
    }

    /// Whether they may do what needs a role.
    func may(_ needed: Role) -> Bool { role.map { $0 >= needed } ?? false }

    /// Throws when more is needed than the caller may do.
    func require(_ needed: Role) throws {
        guard !may(needed) else { return }
        throw APIError(
            .forbidden, "forbidden",
            "this needs the role \(needed.rawValue), and \(name) has \(role?.rawValue ?? "none")"
        )
    }

    /// Throws when the work is somebody else's, and the caller may act on their own only.
    func requireOwn(_ owner: SubmitterName, _ what: String) throws {
        guard !may(.operator), owner != name else { return }
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

    func handle(
        _ request: Request, context: APIContext,
        next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if Self.isOpen(request.method, request.uri.path) {
            var context = context
            context.caller = .stranger
            return try await next(request, context)
        }
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

    /// Whether a path needs no token: health, what carries its own signature, and what an agent asks that
    /// is not admitted yet.
    ///
    /// As it is written: a path that the router takes for the same is not open.
    static func isOpen(_ method: HTTPRequest.Method, _ path: String) -> Bool {
        switch path {
        case "/healthz", "/readyz": true
        case "/api/v1/authority": method == .get || method == .head
        case "/api/v1/enrolments": method == .post
        default: path.hasPrefix("/objects/")
        }
    }
}

/// Lets through only what a caller's role allows.
struct RoleCheck: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext,
        next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if let needed = Self.needed(request.method, request.uri.path) {
            try context.caller.require(needed)
        }
        return try await next(request, context)
    }

    /// The least role for a request, nil where everybody may; what is not named here is an operator's.
    static func needed(_ method: HTTPRequest.Method, _ path: String) -> Role? {
        if TokenCheck.isOpen(method, path) { return nil }
        let parts = path.split(separator: "/").dropFirst(2).map(String.init)
        // A backup holds everybody's inputs.
        if ["tokens", "webhooks", "backups", "audit", "enrolments"].contains(parts.first) {
            return .admin
        }
        if parts.first == "nodes", parts.last == "ban" { return .admin }
        if method == .get || method == .head { return .viewer }
        switch parts.first {
        case "jobs", "plans", "requests", "uploads": return .submitter
        case "fleet": return .admin
        default: return .operator
        }
    }
}
