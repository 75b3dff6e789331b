/// Reads what a worker answers to requests about predictions.
enum CogReply {
    /// The 202 answer to a start.
    ///
    /// The newer server answers `{"id","status":"starting"}` to a new id and the state with its
    /// `input` to a known one; the older always answers the state, so only an ended one can be told
    /// apart.
    static func started(_ body: [UInt8]) -> CogStart {
        guard let root = try? JSONText(validating: body) else { return .accepted }
        let isOlderServer = (try? root.member("started_at")) != nil
        if isOlderServer {
            let ended = (try? root.member("completed_at"))?.kind == .string
            return ended ? .alreadyRunning : .accepted
        }
        return (try? root.member("input")) != nil ? .alreadyRunning : .accepted
    }

    /// One sentence per problem from a 422 answer, such as `prompt: Field required`.
    static func problems(_ body: [UInt8]) -> String {
        guard let root = try? JSONText(validating: body), let detail = try? root.member("detail")
        else {
            return message(body)
        }
        if let text = detail.string { return bounded(text) }
        var sentences: [String] = []
        for item in ((try? detail.elements(max: 1000)) ?? []).prefix(20) {
            let text = (try? item.member("msg"))?.string ?? "not valid"
            let place = ((try? (try? item.member("loc"))?.elements(max: 16)) ?? [])
                .map { $0.string ?? String(decoding: $0.raw, as: UTF8.self) }
                .drop { $0 == "body" || $0 == "input" }
                .joined(separator: ".")
            sentences.append(place.isEmpty ? text : "\(place): \(text)")
        }
        return sentences.isEmpty ? message(body) : bounded(sentences.joined(separator: "; "))
    }

    /// The `error` or `detail` of an answer, else the start of its text.
    static func message(_ body: [UInt8]) -> String {
        if let root = try? JSONText(validating: body) {
            for name in ["error", "detail", "message"] {
                if let text = (try? root.member(name))?.string, !text.isEmpty {
                    return bounded(text)
                }
            }
        }
        return bounded(String(decoding: body.prefix(500), as: UTF8.self))
    }

    private static func bounded(_ text: String) -> String { String(text.prefix(2000)) }
}
