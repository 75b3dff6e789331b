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
        var detail: String?

        init(_ record: AuditRecord) {
            at = record.at.rfc3339
            who = record.who
            role = record.role.isEmpty ? nil : record.role
            from = record.from
            action = record.action
            status = record.status
            code = record.code
            requestId = record.request
            detail = record.detail
        }
    }

    /// Records read for one page: a filter may leave few of them, and the next page goes on behind.
    private static let auditScan = 10_000

    private func auditTrail(_ request: Request) async throws -> Response {
        let limit = try limit(request)
        try request.requireKnown(["who", "since", "limit", "cursor"])
        let who = try name(request, query: "who")
        let since = try request.uri.queryParameters["since"].map {
            try RFC3339.instant(String($0.prefix(64)), of: "since")
        }
        let cursor = try name(request, query: "cursor")
        guard cursor.map(Self.isPlace) ?? true else {
            throw APIError.invalid("the cursor is not the `next` of a page before")
        }
        let asked = who == nil ? limit : Self.auditScan
        let found = try await record {
            try await audit.records(before: cursor, since: since, limit: asked)
        }
        var items: [AuditView] = []
        var last: String?
        for (place, record) in found {
            guard items.count < limit else { break }
            last = place
            if who == nil || record.who == who { items.append(AuditView(record)) }
        }
        let isAll = found.count < asked && last == found.last?.place
        return try JSONAnswer.response(Page(items: items, next: isAll ? nil : last))
    }

    /// Whether a text is the id of an entry of a stream: two numbers.
    private static func isPlace(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { UInt64($0) != nil }
    }
}
