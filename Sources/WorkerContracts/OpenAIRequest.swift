/// Which call of an OpenAI-compatible server does a job.
package enum OpenAICall: Sendable, Equatable, CaseIterable {
    case chat, image, speech

    /// By the kind of the job; nil when no call does that kind.
    package init?(kind: String) {
        switch kind {
        case "text", "personality", "vision": self = .chat
        case "image": self = .image
        case "voice", "audio": self = .speech
        default: return nil
        }
    }

    /// Where the call goes.
    package var path: String {
        switch self {
        case .chat: "/v1/chat/completions"
        case .image: "/v1/images/generations"
        case .speech: "/v1/audio/speech"
        }
    }
}

/// A job's input, turned into the body of a call.
///
/// | kind | call | input |
/// |---|---|---|
/// | `text`, `personality` | `POST /v1/chat/completions` | `messages`, or `prompt` with an optional `system`, which become messages |
/// | `vision` | the same | `messages`, or `image` (a URL or a list of them) with an optional `prompt` and `system` |
/// | `image` | `POST /v1/images/generations` | `prompt`; `response_format` is `b64_json` unless given |
/// | `voice`, `audio` | `POST /v1/audio/speech` | `input`, or `prompt` in its place |
///
/// All other members are handed on as they are (`temperature`, `max_tokens`, `size`, `voice`, …), but
/// for `seconds`, which is the scheduler's, and `stream`, which is ours: chat is always streamed. A
/// missing `model` is the first that the server has.
struct OpenAIRequest {
    let call: OpenAICall
    private var members: [(key: String, value: ArraySlice<UInt8>)]

    static let membersMax = 1_000
    /// The most images in one question.
    static let imagesMax = 16

    /// Throws `invalidRequest`, in words for whoever wrote the job.
    init(kind: String, input: [UInt8]) throws(WorkerError) {
        guard let call = OpenAICall(kind: kind) else {
            throw Self.wrong(
                "A worker with the contract openai does no jobs of the kind \(kind.prefix(64)).")
        }
        guard input.count <= CogRequest.inputBytesMax else {
            throw Self.wrong("The input is larger than \(CogRequest.inputBytesMax) bytes.")
        }
        guard let object = try? JSONText(validating: input), object.kind == .object,
            let found = try? object.members(max: Self.membersMax)
        else { throw Self.wrong("The input must be a JSON object.") }
        // Nothing is said twice, and null says nothing.
        var values: [String: JSONText] = [:]
        for (key, value) in found { values[key] = value.kind == .null ? nil : value }
        for key in ["seconds", "stream"] { values[key] = nil }
        self.call = call
        members = []
        switch call {
        case .chat: try takeChat(&values, sees: kind == "vision")
        case .image: try takeImage(&values)
        case .speech: try takeSpeech(&values)
        }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            members.append((key, value.raw))
        }
    }

    /// Whether the job says which model.
    var hasModel: Bool { members.contains { $0.key == "model" } }

    /// The call's body.
    func body(defaultModel: String?) -> [UInt8] {
        var all = members
        if !hasModel, let defaultModel { all.append(("model", Self.quoted(defaultModel))) }
        var body = Array("{".utf8)
        for (index, member) in all.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += Self.quoted(member.key)
            body.append(UInt8(ascii: ":"))
            body += member.value
        }
        return body + Array("}".utf8)
    }

    private mutating func takeChat(
        _ values: inout [String: JSONText], sees: Bool
    ) throws(WorkerError) {
        // Several answers at once would come interleaved, and a job has one text.
        if let count = values["n"], count.number != 1 {
            throw Self.wrong("A job has one answer: leave out n.")
        }
        if let messages = values["messages"] {
            guard values["prompt"] == nil, values["system"] == nil,
                !sees || values["image"] == nil
            else {
                throw Self.wrong(
                    "The input has messages, so it can have no prompt, no system and no image.")
            }
            guard messages.kind == .array, (try? messages.elements(max: 1))?.isEmpty != true else {
                throw Self.wrong("The input's messages must be a list that is not empty.")
            }
        } else {
            let content =
                sees
                ? try Self.looking(&values)
                : JSONEscapes.quote(
                    try Self.text(
                        "prompt", &values, or: "The input needs messages or a prompt."))
            var messages = ""
            if values["system"] != nil {
                let system = try Self.text("system", &values, or: "")
                messages = #"{"role":"system","content":"# + JSONEscapes.quote(system) + "},"
            }
            messages += #"{"role":"user","content":"# + content + "}"
            members.append(("messages", Array("[\(messages)]".utf8)[...]))
        }
        members.append(("stream", Array("true".utf8)[...]))
        if values["stream_options"] == nil {
            members.append(("stream_options", Array(#"{"include_usage":true}"#.utf8)[...]))
        }
    }

    /// The content of a message that asks about images.
    private static func looking(
        _ values: inout [String: JSONText]
    ) throws(WorkerError) -> String {
        let complaint =
            "The input needs messages or an image: a data URL, a link, or a list of them."
        guard let image = values.removeValue(forKey: "image") else { throw wrong(complaint) }
        var links: [String] = []
        if let link = image.string {
            links = [link]
        } else if image.kind == .array, let all = try? image.elements(max: imagesMax) {
            links = all.compactMap(\.string)
            guard links.count == all.count else { throw wrong(complaint) }
        }
        guard !links.isEmpty,
            links.allSatisfy({ link in
                ["data:image/", "https://", "http://"].contains { link.hasPrefix($0) }
            })
        else { throw wrong(complaint) }
        let prompt =
            values["prompt"] == nil ? "Describe what you see." : try text("prompt", &values, or: "")
        var parts = [#"{"type":"text","text":"# + JSONEscapes.quote(prompt) + "}"]
        for link in links {
            parts.append(
                #"{"type":"image_url","image_url":{"url":"# + JSONEscapes.quote(link) + "}}")
        }
        return "[\(parts.joined(separator: ","))]"
    }

    private mutating func takeImage(_ values: inout [String: JSONText]) throws(WorkerError) {
        let prompt = try Self.text("prompt", &values, or: "The input needs a prompt.")
        members.append(("prompt", Self.quoted(prompt)))
        // Many servers answer with a link otherwise, which nobody would follow.
        if values["response_format"] == nil {
            members.append(("response_format", Self.quoted("b64_json")))
        }
    }

    private mutating func takeSpeech(_ values: inout [String: JSONText]) throws(WorkerError) {
        guard values["input"] == nil || values["prompt"] == nil else {
            throw Self.wrong("The input can have an input or a prompt, not both.")
        }
        let name = values["input"] == nil ? "prompt" : "input"
        let spoken = try Self.text(
            name, &values, or: "The input needs an input or a prompt: what is to be said.")
        members.append(("input", Self.quoted(spoken)))
    }

    /// Takes a text out of the input.
    private static func text(
        _ key: String, _ values: inout [String: JSONText], or complaint: String
    ) throws(WorkerError) -> String {
        guard let value = values.removeValue(forKey: key) else { throw wrong(complaint) }
        guard let text = value.string, !text.isEmpty else {
            throw wrong("The input's \(key) must be a text that is not empty.")
        }
        return text
    }

    private static func quoted(_ text: String) -> ArraySlice<UInt8> {
        Array(JSONEscapes.quote(text).utf8)[...]
    }

    private static func wrong(_ message: String) -> WorkerError {
        WorkerError(.invalidRequest, message)
    }
}
