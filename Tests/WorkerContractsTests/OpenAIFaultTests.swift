import AsyncHTTPClient
import Foundation
import NIOCore
import Synchronization
import Testing

@testable import WorkerContracts

/// What a call came to, in order.
final class Told: Sendable {
    private let words = Mutex<[String]>([])
    func tell(_ word: String) { words.withLock { $0.append(word) } }
    var all: [String] { words.withLock { $0 } }
}

/// Runs the body with a client for calls.
func withCalls<T>(
    silence: TimeAmount = .seconds(30), _ body: (HTTPClient) async throws -> T
) async throws -> T {
    try await withClient(OpenAIWorker.clientConfiguration(silenceMax: silence), body)
}

func withWorker<T>(
    silence: TimeAmount = .seconds(30), _ script: @escaping ScriptedServer.Script,
    _ body: (OpenAIWorker, ScriptedServer) async throws -> T
) async throws -> T {
    try await ScriptedServer.with(script) { server in
        try await withCalls(silence: silence) { client in
            try await body(OpenAIWorker(http: client, baseURL: server.baseURL), server)
        }
    }
}

/// The driver against a server that does what no real one should.
@Suite(.timeLimit(.minutes(3)))
struct OpenAIFaultTests {
    private let prompt = json(#"{"prompt":"Hi","model":"m"}"#)

    private func text(_ end: OpenAIEnd) throws -> String {
        guard case .done(let files) = end else {
            throw TimedOut(description: "not done: \(end)")
        }
        return String(buffer: try #require(files.first { $0.name == "text.txt" }).bytes)
    }

    @Test func `a text comes piece by piece and as a whole`() async throws {
        let script: ScriptedServer.Script = { _ in
            [.streamHead, .token("Hel"), .send(": ping\n\n"), .token("lo"), .streamEnd, .hold]
        }
        try await withWorker(script) { worker, server in
            let told = Told()
            let end = try await worker.run(
                kind: "text", input: prompt, accepted: { told.tell("accepted") },
                text: { told.tell($0) })
            #expect(told.all == ["accepted", "Hel", "lo"])
            guard case .done(let files) = end else {
                Issue.record("\(end)")
                return
            }
            #expect(files.map(\.name) == ["text.txt", "response.json"])
            #expect(files[0].contentType == "text/plain; charset=utf-8")
            #expect(String(buffer: files[0].bytes) == "Hello")
            #expect(
                String(buffer: files[1].bytes)
                    == #"{"model":"m","finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2}}"#
                    + "\n")
            #expect(server.requests.map(\.path) == ["/v1/chat/completions"])
        }
    }

    @Test func `a server that does not stream works as well`() async throws {
        let script: ScriptedServer.Script = { _ in
            [
                .answer(
                    200,
                    #"{"model":"m","choices":[{"message":{"role":"assistant","content":"All"},"finish_reason":"stop"}]}"#
                )
            ]
        }
        try await withWorker(script) { worker, _ in
            let told = Told()
            let end = try await worker.run(
                kind: "text", input: prompt, text: { told.tell($0) })
            #expect(try text(end) == "All")
            #expect(told.all == ["All"])
        }
    }

    @Test func `the first model is asked for when the job names none`() async throws {
        let script: ScriptedServer.Script = { request in
            request.path == "/v1/models"
                ? [.answer(200, #"{"data":[{"id":"big\"one"},{"id":"two"}]}"#)]
                : [.streamHead, .token("x"), .streamEnd]
        }
        try await withWorker(script) { worker, server in
            _ = try await worker.run(kind: "text", input: json(#"{"prompt":"Hi"}"#))
            #expect(server.requests.last?.body.contains(#""model":"big\"one""#) == true)
        }
        // One that does not tell may not need it.
        try await withWorker({
            $0.method == "GET" ? [.answer(404, "")] : [.streamHead, .streamEnd]
        }) {
            worker, server in
            _ = try await worker.run(kind: "text", input: json(#"{"prompt":"Hi"}"#))
            #expect(server.requests.last?.body.contains("model") == false)
        }
    }

    @Test(arguments: [
        (429, #"{"error":{"message":"slow down"}}"#),
        (503, #"{"error":{"message":"Loading model"}}"#),
    ])
    func `busy and loading mean later`(_ status: Int, _ body: String) async throws {
        try await withWorker({ _ in [.answer(status, body)] }) { worker, _ in
            let told = Told()
            let end = try await worker.run(
                kind: "text", input: prompt, accepted: { told.tell("accepted") })
            guard case .busy = end else {
                Issue.record("\(end)")
                return
            }
            #expect(told.all.isEmpty)
        }
    }

    @Test func `loading, then ready`() async throws {
        let asked = Mutex(0)
        let script: ScriptedServer.Script = { _ in
            let count = asked.withLock { count in
                count += 1
                return count
            }
            return [.answer(count < 3 ? 503 : 200, "{}")]
        }
        try await withWorker(script) { worker, _ in
            for expected in [OpenAIHealth.starting, .starting, .ready] {
                let health = try await worker.health()
                #expect(health == expected)
            }
        }
    }

    @Test func `a server without a health check is asked for its models`() async throws {
        try await withWorker({ [.answer($0.path == "/v1/models" ? 200 : 405, "{}")] }) {
            worker, server in
            let health = try await worker.health()
            #expect(health == .ready)
            #expect(server.requests.map(\.path) == ["/health", "/v1/models"])
        }
        try await withWorker({ _ in [.answer(404, "")] }) { worker, _ in
            let health = try await worker.health()
            #expect(health == .unwell("/v1/models answered 404"))
        }
        try await withWorker({ _ in [.answer(401, "")] }) { worker, _ in
            let health = try await worker.health()
            #expect(health == .refused("it asks for a key: /health answered 401"))
        }
    }

    @Test func `an error in mid-stream is the end`() async throws {
        let script: ScriptedServer.Script = { _ in
            [
                .streamHead, .token("a"),
                .send(
                    "data: {\"error\":{\"message\":\"out of memory\",\"type\":\"x\",\"code\":500}}\n\n"
                ),
                .hold,
            ]
        }
        try await withWorker(script) { worker, _ in
            let end = try await worker.run(kind: "text", input: prompt)
            #expect(end == .failed("out of memory"))
        }
        let named: ScriptedServer.Script = { _ in
            [.streamHead, .send("event: error\ndata: it burns\n\n"), .hold]
        }
        try await withWorker(named) { worker, _ in
            let end = try await worker.run(kind: "text", input: prompt)
            #expect(end == .failed("it burns"))
        }
    }

    @Test(
        arguments: [
            // No `[DONE]`; no reason; nothing behind the last line; pings only at the end.
            [
                .token("a"),
                .send(#"data: {"choices":[{"delta":{},"finish_reason":"length"}]}"# + "\n\n"),
            ],
            [.token("a"), .send("data: [DONE]")],
            [.token("a"), .send("data: [DONE]\n\n: ping\n\n")],
        ] as [[ScriptedServer.Step]])
    func `a lax end is an end`(_ steps: [ScriptedServer.Step]) async throws {
        try await withWorker({ _ in [.streamHead] + steps }) { worker, _ in
            let end = try await worker.run(kind: "text", input: prompt)
            #expect(try text(end) == "a")
        }
    }

    @Test(
        arguments: [
            ([.streamHead, .token("a")], .badResponse),
            ([.streamHead, .token("a"), .send(#"data: {"choices":[{"del"#)], .badResponse),
            ([.streamHead, .send("data: <html>\n\n")], .badResponse),
            ([.streamHead], .badResponse), ([.answer(200, "")], .badResponse),
            ([.answer(200, "{}")], .badResponse), ([.answer(200, #"{"choices":7}"#)], .badResponse),
            (
                [
                    .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                    .send("8\r\ndata: {}\r\n"), .pause(.milliseconds(100)),
                ], .unreachable
            ),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\ndata: {}")], .unreachable),
            ([.send("garbage\r\n\r\n")], .unreachable), ([], .unreachable),
        ] as [([ScriptedServer.Step], WorkerError.Code)])
    func `a broken answer is an error`(
        _ steps: [ScriptedServer.Step], _ code: WorkerError.Code
    ) async throws {
        try await withWorker({ _ in steps }) { worker, _ in
            do throws(WorkerError) {
                let end = try await worker.run(kind: "text", input: prompt)
                Issue.record("\(end)")
            } catch {
                #expect(error.code == code, "\(error)")
            }
        }
    }

    @Test func `a line without end is an error`() async throws {
        let piece = String(repeating: "x", count: 1 << 20)
        let steps: [ScriptedServer.Step] = [
            .streamHead, .send("data: "), .flood(piece, count: 9), .hold,
        ]
        try await withWorker({ _ in steps }) { worker, _ in
            _ = await #expect { try await worker.run(kind: "text", input: prompt) } throws: {
                ($0 as? WorkerError)?.code == .tooLarge
            }
        }
    }

    @Test func `silence is an error, a slow talker is not`() async throws {
        // Longer in all than the silence that is allowed; each pause far shorter, also on a busy machine.
        let slow = [ScriptedServer.Step](
            repeating: .pause(.seconds(4)), count: 6
        ).flatMap { [$0, .send(": ping\n\n")] }
        try await withWorker(
            silence: .seconds(20), { _ in [.streamHead] + slow + [.streamEnd, .hold] }
        ) {
            worker, _ in
            let end = try await worker.run(kind: "text", input: prompt)
            #expect(try text(end) == "")
        }
        for steps in [[.hold], [.streamHead, .token("a"), .hold]] as [[ScriptedServer.Step]] {
            try await withWorker(silence: .seconds(3), { _ in steps }) { worker, server in
                await #expect { try await worker.run(kind: "text", input: prompt) } throws: {
                    ($0 as? WorkerError)?.code == .timeout
                }
                _ = try await eventually("the connection closed") {
                    server.abandoned == 1 ? true : nil
                }
            }
        }
    }

    @Test func `nobody there is unreachable`() async throws {
        let port = try freePort()
        try await withCalls { client in
            let worker = OpenAIWorker(http: client, baseURL: "http://127.0.0.1:\(port)/")
            for input in [prompt, json(#"{"prompt":"x"}"#)] {
                await #expect { try await worker.run(kind: "text", input: input) } throws: {
                    ($0 as? WorkerError)?.code == .unreachable
                }
            }
            await #expect { try await worker.health() } throws: {
                ($0 as? WorkerError)?.code == .unreachable
            }
        }
    }

    @Test func `a cancel closes the connection`() async throws {
        try await withWorker({ _ in [.streamHead, .token("a"), .hold] }) { worker, server in
            let told = Told()
            let error = await withTaskGroup(of: WorkerError?.self) { group in
                group.addTask { [prompt] in
                    do throws(WorkerError) {
                        _ = try await worker.run(
                            kind: "text", input: prompt, text: { told.tell($0) })
                        return nil
                    } catch {
                        return error
                    }
                }
                _ = try? await eventually("a text") { told.all.isEmpty ? nil : true }
                group.cancelAll()
                return await group.next() ?? nil
            }
            #expect(error?.code == .cancelled)
            _ = try await eventually("the connection closed") {
                server.abandoned == 1 ? true : nil
            }
        }
    }

    @Test func `a slow consumer slows the server down`() async throws {
        let piece = #"data: {"choices":[{"delta":{"content":"y"}}]}"# + "\n\n"
        let padded = ": \(String(repeating: "p", count: 64 << 10))\n" + piece
        // 262 MB in all: the kernel's buffers may take 32 MB and more, ours a little.
        let all = 4_000
        try await withWorker({ _ in [.streamHead, .flood(padded, count: all), .streamEnd, .hold] }
        ) {
            worker, server in
            let stalled = Stall()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [prompt] in
                    _ = try? await worker.run(
                        kind: "text", input: prompt,
                        text: { _ in
                            guard stalled.at == nil else { return }
                            var last = -1
                            while server.flooded != last {
                                last = server.flooded
                                try? await Task.sleep(for: .seconds(1))
                            }
                            stalled.set(last)
                        })
                }
                // Slow, and not stuck: taking on lets the server write on.
                let start = try? await eventually("the server waits") { stalled.at }
                _ = try? await eventually("the server writes on") {
                    start.map { server.flooded > $0 } == true ? true : nil
                }
                group.cancelAll()
            }
            let start = try #require(stalled.at)
            #expect(start < all, "\(start)")
            #expect(server.flooded > start, "\(server.flooded)")
        }
    }

    @Test func `images and speech come as files`() async throws {
        let png = Data([0x89, 0x50, 0x4E, 0x47]).base64EncodedString()
        let script: ScriptedServer.Script = { request in
            switch request.path {
            case "/v1/images/generations": [.answer(200, #"{"data":[{"b64_json":"\#(png)"}]}"#)]
            case "/v1/audio/speech": [.answer(200, "RIFF0000WAVE", type: "audio/wav")]
            default: [.answer(404, #"{"detail":"Not Found"}"#)]
            }
        }
        try await withWorker(script) { worker, server in
            let image = try await worker.run(kind: "image", input: prompt)
            guard case .done(let images) = image else {
                Issue.record("\(image)")
                return
            }
            #expect(images.map(\.name) == ["image.png"])
            let speech = try await worker.run(kind: "voice", input: prompt)
            #expect(
                speech
                    == .done([
                        NamedOutput(
                            name: "speech.wav", contentType: "audio/wav",
                            bytes: ByteBuffer(string: "RIFF0000WAVE"))
                    ]))
            let chat = try await worker.run(kind: "text", input: prompt)
            #expect(chat == .invalidInput("The worker does not take the input (404): Not Found"))
            let count = server.requests.count
            guard case .invalidInput = try await worker.run(kind: "video", input: prompt) else {
                Issue.record("taken")
                return
            }
            #expect(server.requests.count == count)
        }
    }

    @Test func `a health check does not wait behind calls`() async throws {
        let script: ScriptedServer.Script = {
            $0.path == "/health" ? [.answer(200, "{}")] : [.streamHead, .token("a"), .hold]
        }
        try await withWorker(script) { worker, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                let told = Told()
                for _ in 0..<20 {
                    group.addTask { [prompt] in
                        _ = try? await worker.run(
                            kind: "text", input: prompt, text: { told.tell($0) })
                    }
                }
                _ = try await eventually("20 calls") { told.all.count == 20 ? true : nil }
                #expect(try await worker.health() == .ready)
                group.cancelAll()
            }
        }
    }
}

/// How much a server had written when it could write no more.
private final class Stall: Sendable {
    private let state = Mutex<Int?>(nil)

    var at: Int? { state.withLock { $0 } }

    func set(_ count: Int) { state.withLock { $0 = count } }
}
