import AsyncHTTPClient
import Crypto
import DockerEngine
@testable import FleetCore
import Foundation
import NIOCore
import Testing
@testable import WorkerContracts

@testable import NodeAgent

@Suite struct PredictionTests {
    private let key = AttemptKey(job: "J", number: 3)
    private let secret = SymmetricKey(data: Array("0123456789abcdef0123456789abcdef".utf8))

    private func record() -> AttemptRecord {
        var record = AttemptRecord(
            order: AttemptOrder(key: key, place: .worker("w"), input: "{}", kind: .image),
            phase: .running)
        record.container = ContainerFact(id: "c", purpose: .other, isRunning: true)
        return record
    }

    private func withPredictions(
        _ body: (Predictions, AttemptFolders, Posted<AgentEvent>) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let folders = AttemptFolders(root: folder)
            let posted = Posted<AgentEvent>()
            try await DockerEngine.with(socketPath: folder + "/none.sock", logger: quiet) {
                engine in
                let predictions = Predictions(
                    http: HTTPClient.shared, secret: secret, folders: folders,
                    collector: Collector(engine: engine, folders: folders),
                    outbox: LogOutbox(logger: quiet, post: { posted.post($0) }), inputs: .none,
                    logger: quiet,
                    post: { posted.post($0) })
                try await body(predictions, folders, posted)
            }
        }
    }

    private func delivery(_ json: String) -> WebhookDelivery {
        WebhookDelivery(
            token: Predictions.token(key, secret: secret), body: .bytes(ByteBuffer(string: json)))
    }

    @Test func aResultIsKeptBeforeItIsAcknowledged() async throws {
        try await withPredictions { predictions, folders, posted in
            predictions.restore([record()])
            let running = #"{"id":"J-3","status":"processing","logs":"10%\n"}"#
            #expect(await predictions.received(delivery(running)) == .stored)
            let end = #"{"id":"J-3","status":"succeeded","logs":"10%\n100%\n","output":"hello"}"#
            #expect(await predictions.received(delivery(end)) == .stored)
            let files = try await folders.list(key)
            #expect(files.map(\.name) == ["output.txt"])
            #expect(await folders.ending(of: key) == .succeeded)
            let events = posted.all()
            #expect(events.last == .predictionEnded(key, .succeeded))
            #expect(events.contains(.progress(key, Progress(fraction: 0.1, text: "10%"))))
            // Again, as cog may: nothing new.
            #expect(await predictions.received(delivery(end)) == .stored)
            #expect(posted.all().isEmpty)
        }
    }

    @Test func anEndIsFoundAgainAfterARestart() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            let end = #"{"status":"failed","error":"out of paint"}"#
            #expect(await predictions.received(delivery(end)) == .stored)
            let failed = AgentEvent.predictionEnded(
                key, .failed(Failure(.workFailed, "out of paint")))
            #expect(posted.all() == [failed])
            // The machine was not ready for it: it asks later.
            await predictions.await(
                key, ContainerFact(id: "c", purpose: .other, isRunning: true))
            #expect(posted.all() == [failed])
        }
    }

    @Test func strangersAreNotHeard() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            let foreign = WebhookDelivery(token: "x", body: .bytes(ByteBuffer(string: "{}")))
            #expect(await predictions.received(foreign) == .unwanted)
            predictions.forget(key)
            let end = #"{"status":"succeeded"}"#
            #expect(await predictions.received(delivery(end)) == .unwanted)
            #expect(posted.all().isEmpty)
        }
    }

    @Test(arguments: [
        "", "[]", "{", #"{"status":1}"#, #"{"status":"succeeded","output":"http://x/y"}"#,
    ])
    func nonsenseIsAFailure(_ text: String) async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            #expect(await predictions.received(delivery(text)) == .stored)
            guard case .predictionEnded(key, .failed(let failure)) = posted.all().last else {
                Issue.record("no failure")
                return
            }
            #expect(failure.code == .workFailed)
        }
    }

    @Test func nothingIsAskedWhileNobodyListens() async throws {
        try await withPredictions { predictions, _, posted in
            await predictions.start(
                record().order, ContainerFact(id: "c", purpose: .other, isRunning: true))
            guard case .predictionStarted(key, .later) = posted.all().last else {
                Issue.record("asked")
                return
            }
        }
    }
}
