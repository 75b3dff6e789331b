import FleetCore
import HTTPTypes
import Hummingbird
import OrderedCollections

extension APIServer {
    func addTokens(_ api: RouterGroup<Context>) {
        api.get("/tokens") { _, _ in
            let (tokens, now) = await loop.read { controller, now in
                (Array(controller.tokens.values), now)
            }
            let items = tokens.sorted { $0.name < $1.name }.map { TokenView($0, at: now) }
            return try JSONAnswer.response(Page(items: items, next: nil))
        }
        api.post("/tokens") { request, _ in try await makeToken(request) }
        api.delete("/tokens/:name") { _, context in
            let name = TokenName(try name(context))
            try await ask { .removeToken($0, name) }
            return Response(status: .noContent)
        }
    }

    private struct TokenView: Encodable, Sendable {
        var name: String
        var submitter: String
        var role: String
        var createdAt: String
        var expiresAt: String?
        var expired: Bool
        /// Shown once, to the one who made it.
        var token: String?

        init(_ record: TokenRecord, at now: Instant, token: String? = nil) {
            name = record.name.rawValue
            submitter = record.submitter.rawValue
            role = record.role.rawValue
            createdAt = record.createdAt.rfc3339
            expiresAt = record.expiresAt?.rfc3339
            expired = record.expiresAt.map { $0 <= now } ?? false
            self.token = token
        }
    }

    /// How long a token may hold at most, in seconds: ten years.
    private static let longestLife = 315_360_000.0
    /// Without a word a token holds for 90 days.
    private static let usualLife = Duration.seconds(90 * 86_400)

    private func makeToken(_ request: Request) async throws -> Response {
        let fields = try await object(
            request, known: ["name", "submitter", "role", "expiresInSeconds"])
        guard let name = try Self.word(fields["name"], "name") else {
            throw APIError.invalid("`name` is missing")
        }
        let submitter = try Self.word(fields["submitter"], "submitter") ?? name
        var role = Role.submitter
        if let text = try Self.word(fields["role"], "role") {
            guard let known = Role(rawValue: text) else {
                throw APIError.unknown("role", text, among: Role.allCases.map(\.rawValue))
            }
            role = known
        }
        let token = TokenBook.make()
        let record = TokenRecord(
            name: TokenName(name), submitter: SubmitterName(submitter), role: role,
            digest: TokenBook.digest(of: token))
        let life = try Self.life(fields["expiresInSeconds"])
        try await ask { .addToken($0, record, life: life) }
        let made = await loop.read { controller, now in
            controller.tokens[record.name].map { TokenView($0, at: now, token: token) }
        }
        guard let made else { throw APIError.outcomeUnknown }
        return try JSONAnswer.response(made, status: .created)
    }

    private static func word(_ value: JSONValue?, _ key: String) throws -> String? {
        switch value {
        case nil, .null?: return nil
        case .string(let text)? where FleetText.submitter(text) == nil:
            return text
        default:
            throw APIError.invalid("`\(key)` must be 1…63 letters, digits and `-._@`")
        }
    }

    private static func life(_ value: JSONValue?) throws -> Duration? {
        switch value {
        case nil: return usualLife
        // Said to be so: it holds until it is removed.
        case .null?: return nil
        case .int(let seconds)? where seconds >= 1 && Double(seconds) <= longestLife:
            return .seconds(seconds)
        default: throw APIError.invalid("`expiresInSeconds` must be 1…\(Int(longestLife)), or null")
        }
    }
}
