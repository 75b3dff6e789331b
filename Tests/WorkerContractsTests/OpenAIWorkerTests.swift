import Foundation
import NIOCore
import Testing

@testable import WorkerContracts

/// The driver against a real server.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct OpenAIWorkerTests {
    /// Starts a server with one behind it, and runs the body when it answers.
    private func withServer(
        key: String? = nil, _ body: (OpenAIWorker, ScriptedServer) async throws -> Void
    ) async throws {
        try await ScriptedServer.with(Self.upstream) { upstream in
            let server = try OpenAIServer(key: key, upstream: upstream.baseURL)
            defer { server.stop() }
            try await withCalls { client in
                let worker = OpenAIWorker(http: client, baseURL: server.baseURL)
                _ = try await eventually("an answer: \(server.log.suffix(2_000))", within: 120) {
                    try? await worker.health()
                }
                try await body(worker, upstream)
            }
        }
    }

    /// What the server asks for images and speech.
    private static let upstream: ScriptedServer.Script = { request in
        switch request.path {
        case "/v1/images/generations":
            [.answer(200, #"{"created":1,"data":[{"b64_json":"\#(OpenAIServer.png)"}]}"#)]
        case "/v1/audio/speech": [.answer(200, sound, type: "audio/mpeg")]
        default: [.answer(404, #"{"detail":"Not Found"}"#)]
        }
    }
    private static let sound = "ID3, and a voice"

    private func end(
        _ worker: OpenAIWorker, _ input: String, kind: String = "text", told: Told = Told()
    ) async throws -> OpenAIEnd {
        try await worker.run(
            kind: kind, input: json(input), accepted: { told.tell("accepted") },
            text: { told.tell($0) })
    }

    @Test func `a real server tells a story, paints and speaks, and says what goes wrong`()
        async throws
    {
        try await withServer { worker, upstream in
            #expect(try await worker.health() == .ready)
            try await checkStory(worker)
            try await checkImages(worker, upstream)
            try await checkSpeech(worker, upstream)
            try await checkRefusals(worker)
            try await checkMany(worker)
        }
    }

    /// One model's image comes as the link of an image, that of the other as its bytes.
    private func checkImages(_ worker: OpenAIWorker, _ upstream: ScriptedServer) async throws {
        let png = try #require(Data(base64Encoded: OpenAIServer.png))
        let image = NamedOutput(
            name: "image.png", contentType: "image/png", bytes: ByteBuffer(bytes: png))
        for model in ["painter", "sketcher"] {
            let input = #"{"prompt":"A red house","model":"\#(model)","seconds":3}"#
            let told = Told()
            let end = try await end(worker, input, kind: "image", told: told)
            #expect(end == .done([image]), "\(model)")
            #expect(told.all == ["accepted"])
        }
        let asked = upstream.requests.filter { $0.body.contains("A red house") }
        #expect(asked.map(\.path) == ["/v1/images/generations"])
        #expect(asked.allSatisfy { $0.body.contains("b64_json") })
    }

    private func checkSpeech(_ worker: OpenAIWorker, _ upstream: ScriptedServer) async throws {
        let told = Told()
        let end = try await end(
            worker, #"{"prompt":"Good morning","voice":"alloy","model":"speaker"}"#,
            kind: "voice", told: told)
        let speech = NamedOutput(
            name: "speech.mp3", contentType: "audio/mpeg", bytes: ByteBuffer(string: Self.sound))
        #expect(end == .done([speech]))
        #expect(told.all == ["accepted"])
        let asked = upstream.requests.filter { $0.body.contains("Good morning") }
        #expect(asked.map(\.path) == ["/v1/audio/speech"])
        // It wants a voice, and says so as a fault of its own.
        guard
            case .failed(let fault) = try await self.end(
                worker, #"{"prompt":"Good evening","model":"speaker"}"#, kind: "voice")
        else {
            Issue.record("another end")
            return
        }
        #expect(fault.contains("500"))
    }

    private func checkStory(_ worker: OpenAIWorker) async throws {
        for input in [
            #"{"prompt":"A story","system":"Be brief.","max_tokens":50,"seconds":3}"#,
            #"{"messages":[{"role":"user","content":"A story"}],"model":"teller"}"#,
        ] {
            let told = Told()
            let end = try await end(worker, input, told: told)
            guard case .done(let files) = end else {
                Issue.record("\(end)")
                return
            }
            #expect(told.all.first == "accepted" && told.all.count > 5)
            #expect(told.all.dropFirst().joined() == OpenAIServer.text)
            #expect(files.map(\.name) == ["text.txt", "response.json"])
            #expect(String(buffer: files[0].bytes) == OpenAIServer.text)
            let response = try #require(
                JSONSerialization.jsonObject(with: Data(files[1].bytes.readableBytesView))
                    as? [String: Any])
            #expect(response["model"] as? String == "teller")
            #expect(response["finish_reason"] as? String == "stop")
            let usage = try #require(response["usage"] as? [String: Any])
            #expect((usage["completion_tokens"] as? Int ?? 0) > 0)
        }
    }

    private func checkRefusals(_ worker: OpenAIWorker) async throws {
        let told = Told()
        func ask(_ model: String) async throws -> OpenAIEnd {
            try await end(worker, #"{"prompt":"x","model":"\#(model)"}"#, told: told)
        }
        guard case .busy(let limit) = try await ask("limited"),
            case .failed(let fault) = try await ask("broken"),
            case .invalidInput(let unknown) = try await ask("nosuch"),
            case .invalidInput(let wrong) = try await end(
                worker, #"{"prompt":"x","model":"nosuch"}"#, kind: "image")
        else {
            Issue.record("other ends")
            return
        }
        #expect(limit.contains("mock rate limit error"))
        #expect(fault.contains("500") && fault.contains("mock internal server error"))
        #expect(unknown.contains("400") && unknown.contains("nosuch"))
        #expect(wrong.contains("nosuch"))
        #expect(told.all.isEmpty)
    }

    private func checkMany(_ worker: OpenAIWorker) async throws {
        try await withThrowingTaskGroup(of: OpenAIEnd.self) { group in
            for _ in 0..<8 {
                group.addTask { try await end(worker, #"{"prompt":"A story"}"#) }
            }
            for try await end in group {
                guard case .done(let files) = end else {
                    Issue.record("\(end)")
                    continue
                }
                #expect(String(buffer: files[0].bytes) == OpenAIServer.text)
            }
        }
    }

    @Test func `a real server that asks for a key`() async throws {
        try await withServer(key: "sk-1234") { worker, _ in
            guard case .refused = try await worker.health(),
                case .failed(let chat) = try await end(worker, #"{"prompt":"x","model":"teller"}"#),
                case .failed(let models) = try await end(worker, #"{"prompt":"x"}"#)
            else {
                Issue.record("let us in")
                return
            }
            #expect(chat.contains("asks for a key") && models.contains("asks for a key"))
        }
    }
}
