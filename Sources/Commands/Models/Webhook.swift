/// An address that events are delivered to, as the API shows it.
struct Webhook: Decodable, Sendable {
    var name: String
    var url: String?
    var topics: [String]?
    var state: String?
    var lag: Int?
    var dropped: Int?
    var error: String?
    var secret: String?
}

/// What became of a test.
struct WebhookTest: Decodable, Sendable {
    var delivered: Bool
    var status: Int?
    var error: String?
    var seconds: Double?
}
