import Testing

@testable import DockerEngine

/// Failures of a pull that a real registry does not produce on demand.
@Suite("Pulling from scripted daemons", .timeLimit(.minutes(2)))
struct StubPullTests {
    @Test("a pull fails by what the stream says, whatever the status was")
    func pullErrorInStream() async throws {
        let bytes =
            #"{"status":"Pulling from x","id":"1"}"# + "\r\n"
            + #"{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}"# + "\r\n"
        let pieces = bytes.map(String.init)
        try await StubDaemon.run { _ in
            .chunks(pieces)
        } _: { engine, stub in
            #expect(await failureCode { try await engine.pull(image: "x") } == .imageNotFound)
            #expect(
                stub.requestLines.last
                    == "POST /v1.41/images/create?fromImage=x&tag=latest HTTP/1.1")
        }
    }

    @Test("a pull that goes silent is stalled; one that keeps talking is not")
    func pullStalls() async throws {
        try await StubDaemon.run { _ in
            .chunks([#"{"status":"Downloading","id":"a"}"# + "\n"], end: false)
        } _: { engine, _ in
            let code = await failureCode {
                try await engine.pull(image: "x:1", stallTimeout: .milliseconds(200))
            }
            #expect(code == .stalled)
        }
        try await StubDaemon.run { _ in
            .silence
        } _: { engine, _ in
            let code = await failureCode {
                try await engine.pull(image: "x:1", stallTimeout: .milliseconds(200))
            }
            #expect(code == .stalled)
        }
    }

    @Test("a pull whose stream breaks off, or leaves nothing, is no success")
    func pullBreaks() async throws {
        try await StubDaemon.run { request in
            request.contains("images/create") ? .cut([]) : .full(404, "{}")
        } _: { engine, _ in
            #expect(await failureCode { try await engine.pull(image: "x:1") } == .unavailable)
        }
        try await StubDaemon.run { request in
            request.contains("images/create")
                ? .chunks([#"{"status":"Status: done"}"#]) : .full(404, "{}")
        } _: { engine, _ in
            #expect(await failureCode { try await engine.pull(image: "x:1") } == .imageNotFound)
        }
    }

    @Test("a cancelled pull ends at once, as cancelled")
    func pullCancelled() async throws {
        try await StubDaemon.run { _ in
            .chunks([#"{"status":"x"}"# + "\n"], end: false)
        } _: {
            engine, stub in
            let pull = Task { try await engine.pull(image: "x:1") }
            while stub.requestLines.count < 2 { await Task.yield() }
            pull.cancel()
            await #expect(throws: CancellationError.self) { try await pull.value }
        }
    }
}
