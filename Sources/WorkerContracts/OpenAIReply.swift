/// How a call to an OpenAI-compatible server ended.
package enum OpenAIEnd: Sendable, Equatable {
    /// Done; the files it made.
    case done([NamedOutput])
    /// The server does not take the input (400, 404, 413, 415, 422); the same again would not help.
    case invalidInput(String)
    /// Not now (429, 503): it is busy, or its model is loading.
    case busy(String)
    /// It tried and failed, or does not let us.
    case failed(String)
}

/// Reads what an OpenAI-compatible server says when it does not do its work.
enum OpenAIReply {
    /// What an answer other than a success means.
    static func end(status: Int, body: [UInt8]) -> OpenAIEnd {
        end(status: status, message: message(body))
    }

    static func end(status: Int, message: String) -> OpenAIEnd {
        let words = message.isEmpty ? "" : ": \(message)"
        switch status {
        case 400, 404, 413, 415, 422:
            return .invalidInput("The worker does not take the input (\(status))\(words)")
        case 401, 403:
            return .failed(
                "The worker asks for a key, and there is none to give (\(status))\(words)")
        case 429: return .busy("The worker is busy\(words)")
        case 503: return .busy("The worker is not ready\(words)")
        default: return .failed("The worker answered \(status)\(words)")
        }
    }

    /// What an `error` member in an answer that began as a success means; nil when it is none.
    static func error(in root: JSONText) throws(WorkerError) -> OpenAIEnd? {
        guard let error = try root.member("error"), error.kind != .null else { return nil }
        let words = message(Array(root.raw))
        guard let code = try error.member("code"), let status = status(code) else {
            return .failed(words)
        }
        switch end(status: status, message: words) {
        // The work had begun: trying again at once is not what this asks for.
        case .busy(let text): return .failed(text)
        case let other: return other
        }
    }

    /// The status of HTTP that an error's code stands for; some write it as text, others mean no status.
    private static func status(_ code: JSONText) -> Int? {
        // As text in any case: a number of this length is its own digits.
        let digits = code.string ?? String(decoding: code.raw.prefix(4), as: UTF8.self)
        return Int(digits).flatMap { (400..<500).contains($0) ? $0 : nil }
    }

    /// The words of an error in any of the forms in use, else the start of the text.
    ///
    /// `{"error": {"message", "type", "code"}}` is OpenAI's, `{"error": "…"}` Ollama's,
    /// `{"message": "…"}` that of older vLLMs, `{"detail": …}` FastAPI's own.
    static func message(_ body: [UInt8]) -> String {
        if let root = try? JSONText(validating: body),
            let error = try? root.member("error"), error.kind == .object,
            let text = (try? error.member("message"))?.string, !text.isEmpty
        {
            return String(text.prefix(textMax))
        }
        return CogReply.problems(body)
    }

    private static let textMax = 2_000
}
