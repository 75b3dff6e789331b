/// What an OpenAI-compatible server's answers to a health check mean.
package enum OpenAIHealth: Sendable, Equatable {
    /// It takes calls.
    case ready
    /// Its model is loading.
    case starting
    /// It will never take ours: it asks for a key.
    case refused(String)
    /// It answers, but not as it should.
    case unwell(String)

    /// Reads the answer to `GET /health`; nil when the server has no such path.
    static func ofHealth(_ status: Int) -> OpenAIHealth? {
        switch status {
        case 404, 405, 501: nil
        default: of(status, "/health")
        }
    }

    /// Reads the answer to `GET /v1/models`.
    static func ofModels(_ status: Int) -> OpenAIHealth { of(status, "/v1/models") }

    private static func of(_ status: Int, _ path: String) -> OpenAIHealth {
        switch status {
        case 200..<300: .ready
        case 503: .starting
        case 401, 403: .refused("it asks for a key: \(path) answered \(status)")
        default: .unwell("\(path) answered \(status)")
        }
    }
}
