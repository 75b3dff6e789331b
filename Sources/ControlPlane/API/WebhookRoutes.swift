import FleetCore
import HTTPTypes
import Hummingbird
import OrderedCollections

/// Webhooks: who wants events delivered, and how that goes.
extension APIServer {
    func addWebhooks(_ api: RouterGroup<Context>) {
        api.get("/webhooks") { _, _ in
            let items = webhooks.statuses.map { WebhookView($0, lag: webhooks.lag($0)) }
            return try JSONAnswer.response(Page(items: items, next: nil))
        }
        api.post("/webhooks") { request, _ in try await makeWebhook(request) }
        api.get("/webhooks/:name") { _, context in
            let name = try name(context)
            guard let status = webhooks.status(of: WebhookName(name)) else {
                throw APIError.notFound("webhook \(name)")
            }
            return try JSONAnswer.response(WebhookView(status, lag: webhooks.lag(status)))
        }
        api.delete("/webhooks/:name") { _, context in
            let name = WebhookName(try name(context))
            try await ask { .removeWebhook($0, name) }
            return Response(status: .noContent)
        }
        api.post("/webhooks/:name/test") { _, context in
            let name = WebhookName(try name(context))
            guard let test = try await webhooks.test(name) else {
                throw APIError(.conflict, "conflict", "a test of \(name) is under way")
            }
            return try JSONAnswer.response(TestView(test.outcome, took: test.took))
        }
    }

    private struct WebhookView: Encodable, Sendable {
        var name: String
        var url: String
        var topics: [String]
        var createdAt: String
        var state: String
        var through: UInt64
        var lag: UInt64
        var dropped: UInt64
        var failingSince: String?
        var error: String?
        var nextTryAt: String?
        /// Shown once, to the one who made it.
        var secret: String?

        init(_ status: WebhookEndpoint.Status, lag: UInt64, secret: String? = nil) {
            let record = status.record
            name = record.name.rawValue
            url = record.url
            topics = record.topics
            createdAt = record.createdAt.rfc3339
            if record.isFailing {
                state = "failing"
            } else {
                state = status.error != nil || record.failingSince != nil ? "retrying" : "working"
            }
            through = status.place
            self.lag = lag
            dropped = record.dropped
            failingSince = record.failingSince?.rfc3339
            error = status.error
            nextTryAt = status.nextTry?.rfc3339
            self.secret = secret
        }
    }

    private struct TestView: Encodable, Sendable {
        var delivered: Bool
        var status: Int?
        var error: String?
        var seconds: Double

        init(_ outcome: WebhookOutcome, took: Duration) {
            seconds = (took.inSeconds * 1_000).rounded() / 1_000
            switch outcome {
            case .delivered(let status):
                delivered = true
                self.status = status
            case .failed(let why):
                delivered = false
                error = why
            }
        }
    }

    /// Topics of one webhook.
    private static let topicLimit = 100

    private func makeWebhook(_ request: Request) async throws -> Response {
        let fields = try await object(request, known: ["name", "url", "topics"])
        guard case .string(let name)? = fields["name"], FleetText.submitter(name) == nil else {
            throw APIError.invalid("`name` must be 1…63 letters, digits and `-._@`")
        }
        guard case .string(let url)? = fields["url"] else {
            throw APIError.invalid("`url` must be an address such as https://example.org/hooks")
        }
        do {
            try webhooks.setting.rules.check(try WebhookTarget(url))
        } catch {
            throw APIError.impossible("`url` cannot be used: \(error)")
        }
        let id = String(
            UInt64.random(in: .min ... .max), radix: 36)
        let secret = WebhookSecret()
        let record = WebhookRecord(
            name: WebhookName(name), id: id, url: url, topics: try Self.topics(fields["topics"]),
            sealedSecret: try secret.sealed(with: webhooks.setting.key, for: id))
        try await ask { .addWebhook($0, record) }
        guard let status = webhooks.status(of: record.name), status.record.id == id else {
            throw APIError.outcomeUnknown
        }
        return try JSONAnswer.response(
            WebhookView(status, lag: 0, secret: secret.text), status: .created)
    }

    private static func topics(_ value: JSONValue?) throws -> [String] {
        switch value {
        case nil, .null?: return ["all"]
        case .array(let items)? where (1...topicLimit).contains(items.count):
            return try items.map { item in
                guard case .string(let topic) = item, !topic.contains(","),
                    topic.utf8.count <= 128
                else { throw APIError.invalid("a topic must be a text such as `jobs`") }
                guard try !Topics(topic).isLiveOnly else {
                    throw APIError.impossible(
                        "`\(topic)` is no topic of events: it is for those who follow the stream")
                }
                return topic
            }
        default: throw APIError.invalid("`topics` must be a list of 1…\(topicLimit) topics")
        }
    }
}
