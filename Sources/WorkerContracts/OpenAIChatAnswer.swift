import NIOCore

/// An answer of a chat, put together from its pieces.
struct OpenAIChatAnswer {
    /// What a piece was.
    enum Step: Equatable {
        case nothing
        /// Text goes on.
        case text(String)
        /// The stream says that it is whole.
        case whole
        /// The server gave up.
        case ended(OpenAIEnd)
    }

    static let textBytesMax = 16 << 20
    private static let usageBytesMax = 16 << 10
    private static let choicesMax = 64

    private var text = ByteBuffer()
    private var model: String?
    private var finishReason: String?
    private var usage: [UInt8]?
    private var isWhole = false

    /// Takes the next event of a stream.
    ///
    /// Throws `badResponse` when it is none of a chat, `tooLarge` when the text gets too long.
    mutating func take(_ event: ServerSentEvent) throws(WorkerError) -> Step {
        let data = event.data.trimmed
        if data.isEmpty { return .nothing }
        if data.elementsEqual("[DONE]".utf8) {
            isWhole = true
            return .whole
        }
        guard let root = try? JSONText(validating: Array(data)), root.kind == .object else {
            guard event.name != "error" else {
                return .ended(.failed(OpenAIReply.message(Array(data))))
            }
            throw WorkerError(.badResponse, "The worker's stream has an event that is not JSON.")
        }
        if let end = try OpenAIReply.error(in: root) { return .ended(end) }
        if event.name == "error" { return .ended(.failed(OpenAIReply.message(Array(data)))) }
        return try take(root, part: "delta").map(Step.text) ?? .nothing
    }

    /// Takes an answer that came in one piece, from a server that does not stream.
    mutating func takeWhole(_ body: [UInt8]) throws(WorkerError) -> Step {
        let root = try JSONText(validating: body)
        if let end = try OpenAIReply.error(in: root) { return .ended(end) }
        guard try root.member("choices")?.kind == .array else {
            throw WorkerError(.badResponse, "The worker's answer is not that of a chat.")
        }
        isWhole = true
        return try take(root, part: "message").map(Step.text) ?? .nothing
    }

    /// The files; throws `badResponse` when the stream had not come to its end.
    ///
    /// Some servers do not say `[DONE]`, others give no reason to finish; one of them is enough.
    func outputs() throws(WorkerError) -> [NamedOutput] {
        guard isWhole || finishReason != nil else {
            throw WorkerError(.badResponse, "The worker's answer broke off before its end.")
        }
        var members = [
            "\"model\":" + (model.map(JSONEscapes.quote) ?? "null"),
            "\"finish_reason\":" + (finishReason.map(JSONEscapes.quote) ?? "null"),
        ]
        members.append("\"usage\":" + (usage.map { String(decoding: $0, as: UTF8.self) } ?? "null"))
        let response = ByteBuffer(string: "{\(members.joined(separator: ","))}\n")
        return [
            NamedOutput(name: "text.txt", contentType: "text/plain; charset=utf-8", bytes: text),
            NamedOutput(name: "response.json", contentType: "application/json", bytes: response),
        ]
    }

    private mutating func take(_ root: JSONText, part: String) throws(WorkerError) -> String? {
        // One pass: events are many and small.
        var choices: JSONText?
        for (key, value) in try root.members(max: 1_000) {
            switch key {
            case "choices": choices = value
            case "model": if let name = value.string { model = String(name.prefix(256)) }
            case "usage" where value.kind == .object && value.raw.count <= Self.usageBytesMax:
                usage = Array(value.raw)
            default: break
            }
        }
        guard let choice = try first(choices) else { return nil }
        if let reason = try choice.member("finish_reason")?.string {
            finishReason = String(reason.prefix(64))
        }
        guard let piece = try choice.member(part)?.member("content")?.string, !piece.isEmpty else {
            return nil
        }
        guard piece.utf8.count <= Self.textBytesMax - text.readableBytes else {
            throw WorkerError(
                .tooLarge, "The worker's text is longer than \(Self.textBytesMax) bytes.")
        }
        text.writeString(piece)
        return piece
    }

    /// The choice of index 0; servers that have only one may leave the index out.
    private func first(_ choices: JSONText?) throws(WorkerError) -> JSONText? {
        for choice in try choices?.elements(max: Self.choicesMax) ?? [] {
            let index = try choice.member("index")?.number ?? 0
            if index == 0 { return choice }
        }
        return nil
    }
}

extension [UInt8] {
    /// Without the white space around it.
    fileprivate var trimmed: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = firstIndex(where: { !isSpace($0) }),
            let last = lastIndex(where: { !isSpace($0) })
        else { return [] }
        return self[first...last]
    }
}
