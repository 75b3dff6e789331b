import Foundation
import NIOCore
import Testing

@testable import WorkerContracts

/// The mapping of inputs to calls, and of answers to files, without a server.
struct OpenAIPureTests {
    private func object(_ bytes: [UInt8]) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    private func body(_ kind: String, _ input: String, model: String? = nil) throws -> [String: Any]
    {
        try object(OpenAIRequest(kind: kind, input: json(input)).body(defaultModel: model))
    }

    @Test func `a prompt becomes messages, and the rest is handed on`() throws {
        let sent = try body(
            "text",
            #"{"prompt":"Say \"hi\"\n","system":"Be brief.","temperature":0.5,"seconds":9,"stream":false,"stop":null}"#,
            model: "m1")
        let messages = try #require(sent["messages"] as? [[String: String]])
        #expect(
            messages == [
                ["role": "system", "content": "Be brief."],
                ["role": "user", "content": "Say \"hi\"\n"],
            ])
        #expect(sent["temperature"] as? Double == 0.5 && sent["model"] as? String == "m1")
        #expect(sent["stream"] as? Bool == true)
        #expect((sent["stream_options"] as? [String: Bool]) == ["include_usage": true])
        #expect(
            Set(sent.keys)
                == ["messages", "temperature", "model", "stream", "stream_options"])
    }

    @Test func `messages are handed on as they are`() throws {
        let sent = try body(
            "personality",
            #"{"model":"mine","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"stream_options":{}}"#,
            model: "other")
        #expect(sent["model"] as? String == "mine")
        #expect((sent["messages"] as? [[String: Any]])?.count == 1)
        #expect((sent["stream_options"] as? [String: Any])?.isEmpty == true)
    }

    @Test func `a question about images`() throws {
        let sent = try body(
            "vision",
            #"{"image":["data:image/png;base64,AA==","https://x/\"y"],"prompt":"Who?","system":"Be kind."}"#
        )
        let messages = try #require(sent["messages"] as? [[String: Any]])
        #expect(messages.map { $0["role"] as? String } == ["system", "user"])
        let parts = try #require(messages.last?["content"] as? [[String: Any]])
        #expect(parts.map { $0["type"] as? String } == ["text", "image_url", "image_url"])
        #expect(parts.first?["text"] as? String == "Who?")
        #expect(
            parts.compactMap { ($0["image_url"] as? [String: String])?["url"] }
                == ["data:image/png;base64,AA==", "https://x/\"y"])
        #expect(sent["stream"] as? Bool == true && sent["image"] == nil)
        let short = try body("vision", #"{"image":"data:image/jpeg;base64,AA=="}"#)
        let content = (short["messages"] as? [[String: Any]])?.first?["content"]
        #expect((content as? [[String: Any]])?.count == 2)
    }

    @Test func `images and speech`() throws {
        let image = try body("image", #"{"prompt":"a cat","size":"64x64","n":2,"seconds":1}"#)
        #expect(image["response_format"] as? String == "b64_json" && image["n"] as? Int == 2)
        #expect(Set(image.keys) == ["prompt", "size", "n", "response_format"])
        for kind in ["voice", "audio"] {
            let speech = try body(kind, #"{"prompt":"Hello","voice":"ada"}"#)
            #expect(speech["input"] as? String == "Hello" && speech["voice"] as? String == "ada")
            #expect(Set(speech.keys) == ["input", "voice"])
        }
        #expect(try body("voice", #"{"input":"Hi"}"#)["input"] as? String == "Hi")
    }

    @Test(arguments: [
        ("video", "{}", "kind video"), ("vision", #"{"prompt":"x"}"#, "or an image"),
        ("vision", #"{"image":""}"#, "or an image"), ("vision", #"{"image":[]}"#, "or an image"),
        ("vision", #"{"image":["data:image/png;base64,AA",1]}"#, "or an image"),
        ("vision", #"{"image":"file:///etc/passwd"}"#, "or an image"),
        ("vision", #"{"image":"https://x","prompt":7}"#, "must be a text"),
        ("vision", #"{"image":"https://x","messages":[{}]}"#, "no image"),
        ("text", "[]", "JSON object"), ("text", "{", "JSON object"), ("text", "", "JSON object"),
        ("text", "{}", "messages or a prompt"),
        ("text", #"{"prompt":null}"#, "messages or a prompt"),
        ("text", #"{"prompt":1}"#, "must be a text"), ("text", #"{"prompt":""}"#, "not empty"),
        ("text", #"{"messages":[]}"#, "not empty"), ("text", #"{"messages":"x"}"#, "list"),
        ("text", #"{"messages":[{}],"prompt":"x"}"#, "no prompt"),
        ("text", #"{"messages":[{}],"system":"x"}"#, "no system"),
        ("text", #"{"prompt":"x","n":2}"#, "one answer"), ("image", "{}", "needs a prompt"),
        ("voice", "{}", "what is to be said"),
        ("audio", #"{"input":"a","prompt":"b"}"#, "not both"),
    ])
    func `a wrong input is told in words`(_ kind: String, _ input: String, _ words: String) {
        do throws(WorkerError) {
            _ = try OpenAIRequest(kind: kind, input: json(input))
            Issue.record("taken: \(input)")
        } catch {
            #expect(error.code == .invalidRequest)
            #expect(error.message.contains(words), "\(error.message)")
        }
    }

    @Test func `a member cannot be smuggled in`() throws {
        let sent = try body("text", #"{"prompt":"a\",\"model\":\"x","k\"ey":1,"prompt":"b"}"#)
        #expect(sent["model"] == nil && sent["k\"ey"] as? Int == 1)
        #expect((sent["messages"] as? [[String: String]])?.first?["content"] == "b")
    }

    @Test func `errors in all their forms`() {
        for (body, words) in [
            (#"{"error":{"message":"no such model","type":"x","code":null}}"#, "no such model"),
            (#"{"error":"ollama says no"}"#, "ollama says no"),
            (#"{"object":"error","message":"old vLLM"}"#, "old vLLM"),
            (
                #"{"detail":[{"loc":["body","voice"],"msg":"Field required"}]}"#,
                "voice: Field required"
            ),
            ("plain words", "plain words"), ("", "400"),
        ] {
            guard case .invalidInput(let text) = OpenAIReply.end(status: 400, body: json(body))
            else {
                Issue.record("not an invalid input: \(body)")
                continue
            }
            #expect(text.contains(words), "\(text)")
        }
        for (status, end) in [
            (401, OpenAIEnd.failed("")), (403, .failed("")), (404, .invalidInput("")),
            (422, .invalidInput("")), (429, .busy("")), (503, .busy("")), (500, .failed("")),
            (302, .failed("")), (418, .failed("")),
        ] {
            switch (OpenAIReply.end(status: status, body: []), end) {
            case (.failed, .failed), (.invalidInput, .invalidInput), (.busy, .busy): break
            case (let other, _): Issue.record("\(status) is \(other)")
            }
        }
    }

    @Test func `health answers`() {
        #expect(OpenAIHealth.ofHealth(200) == .ready && OpenAIHealth.ofHealth(503) == .starting)
        #expect(OpenAIHealth.ofHealth(404) == nil && OpenAIHealth.ofHealth(405) == nil)
        #expect(OpenAIHealth.ofHealth(500) == .unwell("/health answered 500"))
        #expect(OpenAIHealth.ofModels(404) == .unwell("/v1/models answered 404"))
        guard case .refused = OpenAIHealth.ofModels(401) else {
            Issue.record("not refused")
            return
        }
    }

    // MARK: Files

    private let png = Data([0x89, 0x50, 0x4E, 0x47, 1, 2, 3])

    @Test func `images are decoded and named by what they are`() throws {
        let encoded = png.base64EncodedString()
        let jpeg = Data([0xFF, 0xD8, 0xFF, 0xE0]).base64EncodedString()
        let end = try OpenAIFiles.images(
            json(
                #"{"data":[{"b64_json":"\#(encoded)"},{"url":"data:image/png;base64,\#(encoded)"},{"b64_json":"\#(jpeg)","url":null}]}"#
            ))
        guard case .done(let files) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(files.map(\.name) == ["image.png", "image-2.png", "image.jpg"])
        #expect(Data(files[0].bytes.readableBytesView) == png && files[0].bytes == files[1].bytes)
    }

    @Test(arguments: [
        #"{"data":[{"url":"http://10.0.0.1/secret.png"}]}"#,
        #"{"data":[{"url":"file:///etc/passwd"}]}"#,
        #"{"data":[]}"#, "{}", #"{"data":[{}]}"#, #"{"data":[{"b64_json":"@@@"}]}"#,
        #"{"data":[{"b64_json":""}]}"#, #"{"data":[{"b64_json":7}]}"#, #"{"data":"x"}"#,
    ])
    func `images that cannot be taken`(_ body: String) {
        do throws(WorkerError) {
            let end = try OpenAIFiles.images(json(body))
            Issue.record("\(body): \(end)")
        } catch {
            #expect(error.code == .badOutput)
        }
    }

    @Test func `speech is named by what it is`() throws {
        let wav = ByteBuffer(bytes: Array("RIFF0000WAVEfmt ".utf8))
        for (bytes, said, name, type) in [
            (wav, "audio/mpeg", "speech.mp3", "audio/mpeg"), (wav, nil, "speech.wav", "audio/wav"),
            (wav, "application/octet-stream", "speech.wav", "audio/wav"),
            (ByteBuffer(bytes: [0xFF, 0xFB, 0x90]), "", "speech.mp3", "audio/mpeg"),
            (ByteBuffer(bytes: [1, 2]), "audio/pcm; rate=24000", "speech.pcm", "audio/pcm"),
            (ByteBuffer(bytes: [1, 2]), "x", "speech.bin", "application/octet-stream"),
        ] {
            let end = try OpenAIFiles.speech(bytes, contentType: said)
            #expect(end == .done([NamedOutput(name: name, contentType: type, bytes: bytes)]))
        }
        let refusal = ByteBuffer(string: #"{"error":{"message":"no voice"}}"#)
        #expect(
            try OpenAIFiles.speech(refusal, contentType: "application/json") == .failed("no voice"))
        for (text, type) in [("", "audio/wav"), ("{}", "application/json"), ("<p>", "text/html")] {
            #expect(throws: WorkerError.self) {
                try OpenAIFiles.speech(ByteBuffer(string: text), contentType: type)
            }
        }
    }

    @Test func `a text that never ends is refused`() throws {
        var answer = OpenAIChatAnswer()
        let piece = String(repeating: "x", count: 1 << 20)
        let event = ServerSentEvent(
            data: json(#"{"choices":[{"delta":{"content":"\#(piece)"}}]}"#))
        for _ in 0..<16 { #expect(try answer.take(event) == .text(piece)) }
        #expect(throws: WorkerError.self) { try answer.take(event) }
    }

    @Test func `nothing traps on nonsense`() async {
        for seed in 0..<1_000 as Range<UInt64> {
            // Others wait for real servers meanwhile.
            await Task.yield()
            takeNonsense(seed)
        }
    }

    private func takeNonsense(_ seed: UInt64) {
        var state = seed
        func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % sides
        }
        let parts = [
            #"{"choices":"#, "[", "]", "{", "}", #""delta":"#, #""content":"#, #""x""#, "null", ",",
            #""data":"#, #""error":"#, #""code":"#, "1e999", "-1", "400", #""b64_json":"#,
            #""AAAA""#,
            #""index":"#, #""finish_reason":"#, #""usage":"#, #""url":"#, #""data:;base64,=""#, "é",
        ]
        let text = (0..<roll(24)).map { _ in parts[roll(parts.count)] }.joined()
        for body in [text, #"{"choices":[{"# + text + "}]}", #"{"data":[{"# + text + "}]}"] {
            var answer = OpenAIChatAnswer()
            _ = try? answer.take(ServerSentEvent(data: json(body)))
            _ = try? answer.takeWhole(json(body))
            _ = try? answer.outputs()
            _ = try? OpenAIFiles.images(json(body))
            _ = try? OpenAIFiles.speech(ByteBuffer(string: body), contentType: body)
            _ = OpenAIReply.end(status: 400, body: json(body))
            _ = try? OpenAIRequest(kind: "text", input: json(body))
        }
    }
}
