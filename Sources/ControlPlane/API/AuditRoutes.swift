import FleetCore
import Hummingbird
import RedisStore

extension APIServer {
    func addAudit(_ api: RouterGroup<Context>) {
        api.get("/audit") { request, _ in try await auditTrail(request) }
    }

    private struct AuditView: Encodable, Sendable {
        var at: String
        var who: String
        var role: String?
        var from: String
        var action: String
        var status: Int
        var code: String?
        var requestId: String

        init(_ record: AuditRecord) {
            at = record.at.rfc3339
            who = record.who
            role = record.role.isEmpty ? nil : record.role
            from = record.from
            action = record.action
            status = record.status
            code = record.code
            requestId = record.request
        }
    }

    /// Records read for one page: a filter may leave few of them, and the next page goes on behind.
    private static let auditScan = 10_000

    private func auditTrail(_ request: Request) async throws -> Response {
        let limit = try limit(request)
        let known = ["who", "since", "limit", "cursor"]
        if let name = request.uri.queryParameters.map(\.key).first(where: {
            !known.contains(String($0))
        }) {
            throw APIError.invalid(
                "no parameter is named `\(name.prefix(40))`; there are \(known.joined(separator: ", "))"
            )
        }
        let who = try name(request, query: "who")
        let since = try request.uri.queryParameters["since"].map { text in
            guard let time = RFC3339.milliseconds(String(text.prefix(64))) else {
                throw APIError.invalid("`since` must be a time such as 2026-01-31T12:00:00Z")
            }
            return Instant(nanoseconds: min(max(time, 0), Int64.max / 1_000_000) * 1_000_000)
        }
        var place = try name(request, query: "cursor")
        guard place.map(Self.isPlace) ?? true else {
            throw APIError.invalid("the cursor is not the `next` of a page before")
        }
        let asked = who == nil ? limit : Self.auditScan
        let found: [(place: String, record: AuditRecord)]
        do {
            found = try await audit.records(before: place, since: since, limit: asked)
        } catch {
            throw APIError.storeAway
        }
        var items: [AuditView] = []
        for (at, record) in found {
            guard items.count < limit else { break }
            place = at
            if who == nil || record.who == who { items.append(AuditView(record)) }
        }
        let isAll = found.count < asked && place == found.last?.place
        return try JSONAnswer.response(
            Page(items: items, next: isAll || found.isEmpty ? nil : place))
    }

    /// Whether a text is the id of an entry of a stream: two numbers.
    private static func isPlace(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { UInt64($0) != nil }
    }
}
