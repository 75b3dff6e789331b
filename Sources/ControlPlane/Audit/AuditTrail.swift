import FleetCore
import HTTPTypes
import Hummingbird
package import Logging
package import RedisStore
import Settings
import Synchronization

/// Keeps who did what, and who was refused.
///
/// Jobs and plans say themselves who asked for them and when, so what is submitted is not in it.
package final class AuditTrail: Sendable {
    private let store: FleetStore
    private let clock: AnchoredClock
    private let logger: Logger
    private let budget = Mutex(Budget())

    /// How long an answer waits for its record.
    private static let patience = Duration.seconds(2)
    /// Requests noted in an hour of those who have no token.
    ///
    /// Whoever knocks without end shall not push out what was done; the log has all of them.
    private static let unknownMax = 20
    /// Refusals noted in an hour of one of all others.
    private static let refusedMax = 100
    /// The longest action that is noted, in characters.
    private static let actionMax = 256

    /// Creates a trail.
    package init(store: FleetStore, clock: AnchoredClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Notes a request and how it was answered; returns when that is stored, or cannot be.
    func note(
        _ request: Request, _ context: APIContext, who: Caller?, status: Int, code: String? = nil
    ) async {
        let now = clock.now
        let from = context.channel?.remoteAddress?.ipAddress ?? "socket"
        // What may have been done by somebody who was let in is noted in any case.
        let isBounded = who?.role == nil || (code != nil && status < 500)
        if isBounded, !mayNoteMore(of: who, now) {
            return logger.info(
                "not noted in the trail, which has many of the kind",
                metadata: [
                    "who": "\(who?.name.rawValue ?? "-")", "remote": "\(from)",
                    "method": "\(request.method)", "path": "\(request.uri.path)",
                    "status": "\(status)",
                ])
        }
        let query = request.uri.query.map { "?\($0)" } ?? ""
        let action = "\(request.method.rawValue) \(request.uri.path)\(query)"
        let record = AuditRecord(
            at: now, who: who?.name.rawValue ?? "-", role: who?.role?.rawValue ?? "",
            from: from,
            action: String(action.prefix(Self.actionMax)), status: status, code: code,
            request: "\(context.id)", detail: context.remark.text)
        do {
            let stored: Bool? = try await withLimit(Self.patience) { [self] in
                try await store.append([record])
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
                    "who": "\(record.who)", "remote": "\(record.from)",
                    "action": "\(record.action)", "status": "\(status)", "error": "\(error)",
                ])
        }
    }

    /// What was noted within bounds in this hour; nil is who could not say who they are.
    private struct Budget {
        var hour: Int64 = 0
        var noted: [SubmitterName?: Int] = [:]
    }

    private func mayNoteMore(of who: Caller?, _ now: Instant) -> Bool {
        let hour = now.nanoseconds / 3_600_000_000_000
        return budget.withLock { budget in
            if budget.hour != hour { budget = Budget(hour: hour) }
            let count = budget.noted[who?.name, default: 0] + 1
            let most = who?.role == nil ? Self.unknownMax : Self.refusedMax
            guard count <= most else { return false }
            budget.noted[who?.name] = count
            return true
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
        // As the router takes the path: slashes that say nothing are nothing.
        let parts = request.uri.path.split(separator: "/").map(String.init)
        // What carries its own signature, and what everybody may look at.
        guard parts.first == "api" else { return try await next(request, context) }
        let changes = Self.changes(request.method, parts)
        do {
            let response = try await next(request, context)
            if changes {
                await trail.note(
                    request, context, who: context.caller, status: response.status.code)
            }
            return response
        } catch {
            let shaped = ErrorShape<APIContext>.shaped(error, request)
            if changes || shaped.status == .forbidden {
                await trail.note(
                    request, context, who: context.caller, status: shaped.status.code,
                    code: shaped.code)
            }
            throw error
        }
    }

    /// Whether a request acts on something that is there.
    static func changes(_ method: HTTPRequest.Method, _ path: [String]) -> Bool {
        guard method != .get, method != .head else { return false }
        // Work that is asked for says itself by whom; of an agent that asks to be admitted, only what is new.
        let isSubmission =
            method == .post && path.count == 3
            && ["jobs", "plans", "requests", "uploads", "enrolments"].contains(path[2])
        return !isSubmission
    }
}
