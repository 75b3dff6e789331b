import FleetCore
import HTTPTypes
import Hummingbird
package import Logging
package import RedisStore
import Settings
import Synchronization

/// Keeps who did what, and who was refused, for a time.
///
/// Jobs and plans say themselves who asked for them and when, so what is submitted is not in it.
package final class AuditTrail: Sendable {
    private let store: FleetStore
    private let clock: AnchoredClock
    private let keep: Duration
    private let logger: Logger
    private let refusals = Mutex((second: Int64(0), count: 0))

    /// How long an answer waits for its record.
    private static let patience = Duration.seconds(2)
    /// Refusals noted in a second: whoever knocks without end shall not fill the store.
    private static let refusalsMax = 10
    /// The longest action that is noted, in characters.
    private static let actionMax = 256

    /// Creates a trail that keeps records so long.
    package init(store: FleetStore, clock: AnchoredClock, keep: Duration, logger: Logger) {
        self.store = store
        self.clock = clock
        self.keep = keep
        self.logger = logger
    }

    /// Notes a request and how it was answered; returns when that is stored, or cannot be.
    func note(
        _ request: Request, _ context: APIContext, who: Caller?, status: Int, code: String? = nil
    ) async {
        let now = clock.now
        guard code == nil || mayNoteRefusal(now) else { return }
        let action = "\(request.method.rawValue) \(request.uri.path)"
        let record = AuditRecord(
            at: now, who: who?.name.rawValue ?? "-", role: who?.role.rawValue ?? "",
            from: context.channel?.remoteAddress?.ipAddress ?? "socket",
            action: String(action.prefix(Self.actionMax)), status: status, code: code,
            request: "\(context.id)")
        do {
            let stored: Bool? = try await withLimit(Self.patience) { [self] in
                try await store.append([record], keeping: keep)
                return true
            }
            if stored == nil {
                throw RedisStoreError(
                    .unavailable(outcomeUnknown: true), "it does not answer in time")
            }
        } catch {
            // The log has it then.
            logger.error(
                "who did what could not be stored",
                metadata: [
                    "who": "\(record.who)", "from": "\(record.from)",
                    "action": "\(record.action)", "status": "\(status)", "error": "\(error)",
                ])
        }
    }

    private func mayNoteRefusal(_ now: Instant) -> Bool {
        let second = now.nanoseconds / 1_000_000_000
        return refusals.withLock { refusals in
            if refusals.second != second { refusals = (second, 0) }
            refusals.count += 1
            return refusals.count <= Self.refusalsMax
        }
    }

    /// The latest records before a place and since an instant, latest first.
    func records(
        before place: String?, since: Instant?, limit: Int
    ) async throws(RedisStoreError) -> [(place: String, record: AuditRecord)] {
        try await store.audit(before: place, since: since, limit: limit)
    }
}

/// Notes what changes something, and what is not allowed.
struct AuditMiddleware: RouterMiddleware {
    let trail: AuditTrail

    func handle(
        _ request: Request, context: APIContext,
        next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        // What carries its own signature, and what everybody may look at.
        guard request.uri.path.hasPrefix("/api/") else { return try await next(request, context) }
        let changes = Self.changes(request.method, request.uri.path)
        do {
            let response = try await next(request, context)
            if changes {
                await trail.note(
                    request, context, who: context.caller, status: response.status.code)
            }
            return response
        } catch let error as APIError {
            if changes || error.status == .forbidden {
                await trail.note(
                    request, context, who: context.caller, status: error.status.code,
                    code: error.code)
            }
            throw error
        }
    }

    /// Whether a request acts on something that is there.
    static func changes(_ method: HTTPRequest.Method, _ path: String) -> Bool {
        guard method != .get, method != .head else { return false }
        // Work that is asked for says itself by whom.
        let submissions = ["jobs", "plans", "requests", "uploads"].map { "/api/v1/\($0)" }
        return !(method == .post && submissions.contains(path))
    }
}
