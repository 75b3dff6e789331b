import Foundation
import NIOCore
import Testing

@testable import WorkerContracts

/// The driver against real servers of both generations.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct CogWorkerTests {
    @Test(arguments: CogGeneration.allCases)
    func `setup goes from starting to ready, and a start before that is not ready`(
        _ generation: CogGeneration
    ) async throws {
        let server = try CogServer(generation, setupSeconds: 6)
        defer { server.stop() }
        try await withClient { client in
            let worker = CogWorker(http: client, baseURL: server.baseURL)
            let first = try await eventually("an answer") { try? await worker.health() }
            #expect(first.status == .starting)
            let early = try await worker.start(
                id: "early", input: json(#"{"prompt":"early"}"#), webhook: hook(1))
            #expect(early == .notReady)
            let ready = try await eventually("READY") {
                let health = try await worker.health()
                return health.status == .starting ? nil : health
            }
            #expect(ready.status == .ready)
            #expect(ready.serverVersion == (generation == .newer ? "0.23.1" : nil))
            #expect(server.runs("early") == 0)
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a failed setup is told, or the server is gone`(_ generation: CogGeneration) async throws {
        let server = try CogServer(generation, failSetup: true)
        defer { server.stop() }
        try await withClient { client in
            let worker = CogWorker(http: client, baseURL: server.baseURL)
            // The older server ends so soon that its last word can be missed.
            let lastWords = try await eventually("SETUP_FAILED: \(server.log)") {
                if let health = try? await worker.health(), health.status == .setupFailed {
                    return [health]
                }
                return server.isRunning ? nil : []
            }
            let health = lastWords.first
            #expect(health != nil || generation == .older)
            #expect(server.log.contains("no weights here"))
            if let health {
                #expect(health.status.isBroken)
                #expect(health.setupLogs.contains("no weights here"))
                #expect(health.setupLogs.utf8.count <= CogHealth.setupLogsBytesMax)
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a prediction runs to its end and the file arrives`(
        _ generation: CogGeneration
    ) async throws {
        try await withCog(generation) { server, worker in
            let inbox = Inbox()
            try await withListener(inbox: inbox) { listener in
                let input = json(#"{"prompt":"a sunset","seconds":1.5}"#)
                let webhook = hook(listener.port)
                #expect(
                    try await worker.start(id: "job-1", input: input, webhook: webhook) == .accepted
                )
                _ = try await eventually("BUSY") {
                    try await worker.health().status == .busy ? true : nil
                }
                let other = try await worker.start(
                    id: "job-2", input: json(#"{"prompt":"other"}"#), webhook: webhook)
                #expect(other == .busy)
                let again = try await worker.start(id: "job-1", input: input, webhook: webhook)
                #expect(again == (generation == .newer ? .alreadyRunning : .accepted))
                let result = try await inbox.end(of: "job-1")
                #expect(result.status == .succeeded)
                #expect(result.logsTail.contains("working on a sunset"))
                #expect((result.predictTime ?? 0) >= 1.4)
                try checkPicture(result, generation)
                #expect(server.runs("a sunset") == 1)
                #expect(inbox.all.allSatisfy { $0.token == "secret" })
                #expect(inbox.results.contains { $0.status == .processing })
            }
        }
    }

    private func checkPicture(_ result: CogResult, _ generation: CogGeneration) throws {
        let picture = Data([0x89] + Array("PNGa sunset".utf8))
        switch generation {
        case .newer:
            let output = try #require(result.outputs.first)
            #expect(result.outputs.count == 1 && result.containerFiles.isEmpty)
            #expect(output.name == "output.png" && output.contentType == "image/png")
            #expect(Data(output.bytes.readableBytesView) == picture)
        case .older:
            let file = try #require(result.containerFiles.first)
            #expect(result.outputs.isEmpty && result.containerFiles.count == 1)
            #expect(file.name == "output.png" && file.contentType == "image/png")
            #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)) == picture)
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a model that raises ends as failed with its reason`(
        _ generation: CogGeneration
    ) async throws {
        try await withCog(generation) { _, worker in
            let inbox = Inbox()
            try await withListener(inbox: inbox) { listener in
                let start = try await worker.start(
                    id: "f", input: json(#"{"prompt":"a cow","mode":"fail"}"#),
                    webhook: hook(listener.port))
                #expect(start == .accepted)
                let result = try await inbox.end(of: "f")
                #expect(result.status == .failed)
                #expect(result.error?.contains("cannot paint a cow") == true)
                #expect(result.outputs.isEmpty && result.containerFiles.isEmpty)
                _ = try await eventually("READY again") {
                    try await worker.health().status == .ready ? true : nil
                }
            }
        }
    }

    @Test func `wrong input is refused with a sentence`() async throws {
        try await withCog(.older) { _, worker in
            let start = try await worker.start(
                id: "b", input: json(#"{"seconds":"x"}"#), webhook: hook(1))
            guard case .invalidInput(let why) = start else {
                Issue.record("unexpected \(start)")
                return
            }
            #expect(why.contains("prompt: Field required"))
            #expect(why.contains("seconds: "))
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a cancelled prediction ends as canceled`(_ generation: CogGeneration) async throws {
        try await withCog(generation) { server, worker in
            let inbox = Inbox()
            try await withListener(inbox: inbox) { listener in
                _ = try await worker.start(
                    id: "c", input: json(#"{"prompt":"c","seconds":60}"#),
                    webhook: hook(listener.port))
                _ = try await eventually("the model at work") { server.runs("c") == 1 ? true : nil }
                #expect(try await worker.cancel(id: "c") == .requested)
                let result = try await inbox.end(of: "c", within: 10)
                #expect(result.status == .canceled)
                let again = try await eventually("the slot freed") {
                    try await worker.cancel(id: "c") == .unknown ? true : nil
                }
                #expect(again)
                #expect(try await worker.cancel(id: "never-heard-of") == .unknown)
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a receiver that is away for 3 s still gets the end, without a second run`(
        _ generation: CogGeneration
    ) async throws {
        try await withCog(generation) { server, worker in
            let port = try freePort()
            let start = try await worker.start(
                id: "d", input: json(#"{"prompt":"d","seconds":0.1}"#), webhook: hook(port))
            #expect(start == .accepted)
            _ = try await eventually("the model at work") { server.runs("d") == 1 ? true : nil }
            let away = ContinuousClock.now + .seconds(3)
            _ = try await eventually("3 s away") { ContinuousClock.now >= away ? true : nil }
            let inbox = Inbox()
            try await withListener(port: port, inbox: inbox) { _ in
                let grace = CogRecovery.grace(downtimeSeconds: 3)
                let result = try await inbox.end(of: "d", within: grace)
                #expect(result.status == .succeeded)
            }
            #expect(server.runs("d") == 1)
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `an agent that does not know its work yet is told again`(
        _ generation: CogGeneration
    ) async throws {
        try await withCog(generation) { server, worker in
            let inbox = Inbox()
            let tokens = WebhookTokens()
            let listener = try await WebhookListener.bind(tokens: tokens)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await listener.run { inbox.take($0) } }
                defer { group.cancelAll() }
                _ = try await worker.start(
                    id: "r", input: json(#"{"prompt":"r","seconds":0.1}"#),
                    webhook: hook(listener.port))
                let soon = ContinuousClock.now + .seconds(1)
                _ = try await eventually("reports turned away") {
                    ContinuousClock.now >= soon ? true : nil
                }
                #expect(inbox.all.isEmpty)
                #expect(tokens.admit("secret"))
                tokens.markRestored()
                #expect(try await inbox.end(of: "r", within: 10).status == .succeeded)
                #expect(server.runs("r") == 1)
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a model that dies is reported and the worker is broken or gone`(
        _ generation: CogGeneration
    ) async throws {
        try await withCog(generation) { _, worker in
            let inbox = Inbox()
            try await withListener(inbox: inbox) { listener in
                _ = try await worker.start(
                    id: "x", input: json(#"{"prompt":"x","mode":"die"}"#),
                    webhook: hook(listener.port))
                #expect(try await inbox.end(of: "x").status == .failed)
                let broken = try await eventually("a broken worker") {
                    do {
                        return try await worker.health().status.isBroken ? true : nil
                    } catch { return true }
                }
                #expect(broken)
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a server that dies says nothing, and the health check finds out`(
        _ generation: CogGeneration
    ) async throws {
        try await withCog(generation) { server, worker in
            let inbox = Inbox()
            try await withListener(inbox: inbox) { listener in
                _ = try await worker.start(
                    id: "s", input: json(#"{"prompt":"s","seconds":2}"#),
                    webhook: hook(listener.port))
                _ = try await eventually("the model at work") { server.runs("s") == 1 ? true : nil }
                server.kill()
                let error = try await eventually("an unreachable worker") {
                    do {
                        _ = try await worker.health()
                        return nil as WorkerError?
                    } catch { return error as? WorkerError }
                }
                #expect(error.code == .unreachable)
                #expect(!inbox.results.contains { $0.status.isTerminal })
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a shutdown ends the server`(_ generation: CogGeneration) async throws {
        try await withCog(generation) { _, worker in
            try await worker.shutdown()
            let gone = try await eventually("the end of the server") {
                do {
                    _ = try await worker.health()
                    return nil as Bool?
                } catch { return true }
            }
            #expect(gone)
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a file in the input reaches the model`(_ generation: CogGeneration) async throws {
        let bytes = (0..<300_000).map { UInt8($0 * 31 % 251) }
        let url = "data:image/png;base64,\(Data(bytes).base64EncodedString())"
        try await withCog(generation, predictor: "Reads") { _, worker in
            let inbox = Inbox()
            try await withListener(inbox: inbox) { listener in
                let input = json(#"{"image":"\#(url)"}"#)
                _ = try await worker.start(id: "r", input: input, webhook: hook(listener.port))
                let result = try await inbox.end(of: "r")
                #expect(result.status == .succeeded, "\(result.error ?? "no reason")")
                let sum = bytes.reduce(0) { $0 + Int($1) }
                let texts = result.outputs.map { String(buffer: $0.bytes) }
                #expect(texts == ["\(bytes.count) bytes, \(sum) in all"])
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a file of 100 MB is sent, whole, before the end is told`(
        _ generation: CogGeneration
    ) async throws {
        let (inbox, depot) = (Inbox(), Depot())
        try await withListener(tokens: ["secret", "pod"], inbox: inbox, depot: depot) {
            listener in
            let url = "http://127.0.0.1:\(listener.port)/w/pod/"
            try await withCog(generation, predictor: "Big", uploadURL: url) { _, worker in
                let repeats = 400_000
                _ = try await worker.start(
                    id: "J-1", input: json("{\"prompt\":\"\(repeats)\"}"),
                    webhook: hook(listener.port))
                let result = try await inbox.end(of: "J-1", within: 60)
                #expect(result.status == .succeeded, "\(result.error ?? "")")
                #expect(result.outputs.isEmpty && result.containerFiles.isEmpty)
                let named = try #require(result.uploads.first)
                #expect(result.uploads.count == 1)
                #expect(named.name == "output.mp4" && named.contentType == "video/mp4")
                let sent = try #require(depot.file(named.storedName))
                #expect(sent.isWhole && sent.upload.token == "pod")
                #expect(sent.upload.prediction == "J-1" && sent.upload.fileName == "film.mp4")
                let block = ByteBuffer(bytes: UInt8(0)...250)
                var whole = ByteBuffer()
                whole.reserveCapacity(repeats * block.readableBytes)
                for _ in 0..<repeats { _ = whole.writeImmutableBuffer(block) }
                #expect(sent.bytes.readableBytes == whole.readableBytes)
                #expect(sent.bytes == whole, "some bytes differ")
            }
        }
    }

    /// The newer server names them as their uploads end.
    @Test(arguments: CogGeneration.allCases)
    func `several files are sent, the older server's in order`(_ generation: CogGeneration)
        async throws
    {
        let (inbox, depot) = (Inbox(), Depot())
        try await withListener(tokens: ["secret", "pod"], inbox: inbox, depot: depot) {
            listener in
            let url = "http://127.0.0.1:\(listener.port)/w/pod/"
            try await withCog(generation, predictor: "Files", uploadURL: url) { _, worker in
                _ = try await worker.start(
                    id: "J-1", input: json(#"{"prompt":"o"}"#), webhook: hook(listener.port))
                let result = try await inbox.end(of: "J-1")
                let endings = ["A": "png", "B": "jpg", "C": "bin"]
                let texts = result.uploads.map {
                    depot.file($0.storedName).map { String(buffer: $0.bytes) } ?? ""
                }
                #expect(generation == .older ? texts == ["A", "B", "C"] : Set(texts).count == 3)
                let names = texts.enumerated().map { "output-\($0).\(endings[$1] ?? "?")" }
                #expect(result.uploads.map(\.name) == names)
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a file that nobody takes is told as such`(_ generation: CogGeneration) async throws {
        let inbox = Inbox()
        try await withListener(inbox: inbox) { listener in
            let nobody = try freePort()
            let url = "http://127.0.0.1:\(nobody)/w/pod/"
            try await withCog(generation, uploadURL: url) { _, worker in
                _ = try await worker.start(
                    id: "J-1", input: json(#"{"prompt":"o"}"#), webhook: hook(listener.port))
                let result = try await inbox.end(of: "J-1")
                #expect(result.couldNotSend, "\(result.error ?? "no error")")
            }
        }
    }

    @Test(arguments: CogGeneration.allCases)
    func `a file that is refused fails the prediction`(_ generation: CogGeneration) async throws {
        let inbox = Inbox()
        try await withListener(
            tokens: ["secret", "pod"], inbox: inbox, depot: Depot(refusal: .noRoom)
        ) { listener in
            let url = "http://127.0.0.1:\(listener.port)/w/pod/"
            try await withCog(generation, uploadURL: url) { _, worker in
                _ = try await worker.start(
                    id: "J-1", input: json(#"{"prompt":"o"}"#), webhook: hook(listener.port))
                #expect(try await inbox.end(of: "J-1").status == .failed)
            }
        }
    }

    @Test(arguments: CogGeneration.allCases, ["Files", "Object", "Tokens", "Anything"])
    func `every shape of output arrives`(
        _ generation: CogGeneration, _ predictor: String
    ) async throws {
        try await withCog(generation, predictor: predictor) { _, worker in
            let inbox = Inbox()
            try await withListener(inbox: inbox) { listener in
                _ = try await worker.start(
                    id: "o", input: json(#"{"prompt":"o"}"#), webhook: hook(listener.port))
                let result = try await inbox.end(of: "o")
                #expect(result.status == .succeeded)
                let names = result.outputs.map(\.name) + result.containerFiles.map(\.name)
                let texts = result.outputs.map { String(buffer: $0.bytes) }
                switch predictor {
                case "Files":
                    #expect(names.sorted() == ["output-0.png", "output-1.jpg", "output-2.bin"])
                case "Object":
                    #expect(names.sorted() == ["audio.wav", "output.json"])
                    #expect(texts.last?.contains("\"audio\":\"audio.wav\"") == true)
                    #expect(texts.last?.contains("\"text\":\"hello\"") == true)
                case "Tokens": #expect(names == ["output.txt"] && texts == ["a b"])
                default:
                    #expect(names == ["output.json"])
                    #expect(texts.first?.contains("2.5") == true)
                }
            }
        }
    }
}
