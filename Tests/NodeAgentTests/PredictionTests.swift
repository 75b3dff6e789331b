import AsyncHTTPClient
import Crypto
import DockerEngine
@testable import FleetCore
import Foundation
import Glibc
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

    @Test func aResultThatIsTooLargeSaysWhatLetsItThrough() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            let large = WebhookDelivery(
                token: Predictions.token(key, secret: secret), body: .tooLarge(limit: 64 << 20))
            #expect(await predictions.received(large) == .stored)
            let message = failure(posted.all())?.message ?? ""
            #expect(message.contains("larger than 64 MiB"))
            #expect(message.contains("`large_outputs: true` in the service"))
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

// MARK: Files that are sent before the end is told

extension PredictionTests {
    private func upload(
        _ fileName: String = "film.mp4", of prediction: String? = "", by worker: WorkerID = "w",
        bytes: Int? = nil
    ) -> WorkerUpload {
        WorkerUpload(
            token: Uploads.token(worker, secret: secret),
            prediction: prediction == "" ? NodeLabels.plain(key) : prediction,
            fileName: fileName, announcedBytes: bytes)
    }

    private func send(
        _ upload: WorkerUpload, _ text: String, _ predictions: Predictions
    ) async throws -> String {
        let sink = try #require(await predictions.uploads.receive(upload))
        for character in text { await sink.take(ByteBuffer(string: String(character))) }
        guard case .stored(let name) = await sink.finish() else {
            throw Timeout(description: "\(text) was not taken")
        }
        return name
    }

    private func succeeded(_ outputs: [String]) -> WebhookDelivery {
        let list = outputs.map { "\"\(UploadReference.url($0))\"" }.joined(separator: ",")
        return delivery("{\"status\":\"succeeded\",\"output\":[\(list)]}")
    }

    private func failure(_ events: [AgentEvent]) -> Failure? {
        guard case .predictionEnded(key, .failed(let failure)) = events.last else { return nil }
        return failure
    }

    @Test func filesThatWereSentBecomeTheOutputs() async throws {
        try await withPredictions { predictions, folders, posted in
            predictions.restore([record()])
            let first = try await send(upload(bytes: 6), "abcdef", predictions)
            let second = try await send(upload("song.wav"), "xyz", predictions)
            _ = try await send(upload("unnamed.bin"), "?", predictions)
            // The agent dies and is back: what was sent is here still.
            predictions.forget(key)
            predictions.restore([record()])
            let end = succeeded([second, first, second])
            #expect(await predictions.received(end) == .stored)
            #expect(posted.all().last == .predictionEnded(key, .succeeded))
            let files = try await folders.list(key)
            #expect(files.map(\.name) == ["output-0.wav", "output-1.mp4", "output-2.wav"])
            let texts = try files.map {
                String(decoding: try DurableFile.read($0.path) ?? [], as: UTF8.self)
            }
            #expect(texts == ["xyz", "abcdef", "xyz"])
            let left = try FileManager.default.contentsOfDirectory(atPath: folders.path(key))
            #expect(left.sorted() == ["ending", "outputs"])
        }
    }

    @Test func anEndThatIsSafeStandsWhenItIsToldAgain() async throws {
        try await withPredictions { predictions, folders, posted in
            predictions.restore([record()])
            let end = succeeded([try await send(upload(), "abc", predictions)])
            #expect(await predictions.received(end) == .stored)
            #expect(posted.all().last == .predictionEnded(key, .succeeded))
            // The agent died before the worker heard that; what was sent is in the outputs by now.
            predictions.forget(key)
            predictions.restore([record()])
            #expect(await predictions.received(end) == .stored)
            #expect(posted.all().last == .predictionEnded(key, .succeeded))
            #expect(await folders.ending(of: key) == .succeeded)
            #expect(try await folders.list(key).map(\.name) == ["output-0.mp4"])
        }
    }

    @Test func filesOfUnknownWorkAreRefused() async throws {
        try await withPredictions { predictions, folders, _ in
            func isTaken(_ upload: WorkerUpload) async -> Bool {
                await predictions.uploads.receive(upload) != nil
            }
            #expect(await !isTaken(upload()))
            predictions.restore([record()])
            #expect(await isTaken(upload()))
            #expect(await !isTaken(upload(of: "K-1")))
            #expect(await !isTaken(upload(by: "other")))
            // Older servers do not say which, and have only one.
            #expect(await isTaken(upload(of: nil)))
            predictions.uploads.admit(AttemptKey(job: "K", number: 1), of: "w")
            #expect(await !isTaken(upload(of: nil)))
            #expect(await isTaken(upload(of: "K-1")))
            _ = await predictions.received(delivery(#"{"status":"canceled"}"#))
            #expect(await !isTaken(upload()))
            let left = try FileManager.default.contentsOfDirectory(atPath: folders.path(key))
            #expect(left == ["ending"])
        }
    }

    @Test func aFileThatBreaksOffFailsTheWork() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            let sink = try #require(await predictions.uploads.receive(upload()))
            await sink.take(ByteBuffer(string: "abc"))
            await sink.abandon()
            // In words of ours: the worker's are of requests and addresses.
            _ = await predictions.received(delivery(#"{"status":"failed","error":"HTTP"}"#))
            #expect(
                failure(posted.all())
                    == Failure(
                        .workFailed, "the worker broke off sending film.mp4 after 3 bytes"))
        }
    }

    @Test func aFileThatNobodyWasHereToTakeIsALostResult() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            let end = #"{"status":"failed","error":"Got error trying to upload output files"}"#
            _ = await predictions.received(delivery(end))
            #expect(failure(posted.all())?.code == .resultLost)
        }
    }

    @Test func aFileThatComesAgainIsFine() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            let sink = try #require(await predictions.uploads.receive(upload()))
            await sink.abandon()
            let name = try await send(upload(), "abc", predictions)
            _ = await predictions.received(succeeded([name]))
            #expect(posted.all().last == .predictionEnded(key, .succeeded))
        }
    }

    @Test func aFileThatIsTooLargeFailsTheWork() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            let much = Int(OutputFiles.bytesMax) + 1
            let sink = try #require(await predictions.uploads.receive(upload(bytes: much)))
            #expect(await sink.finish() == .tooLarge)
            _ = await predictions.received(delivery(#"{"status":"failed","error":"413"}"#))
            #expect(failure(posted.all()) == .tooManyOutputs)
        }
    }

    @Test func aFileThatNeverCameFailsTheWork() async throws {
        try await withPredictions { predictions, _, posted in
            predictions.restore([record()])
            _ = await predictions.received(succeeded(["0123456789abcdef.png"]))
            #expect(
                failure(posted.all())
                    == Failure(
                        .workFailed, "the worker's result names a file that it has not sent"))
        }
    }

    @Test func theBoundIsOnAllFilesTogether() async throws {
        try await withFolder { folder in
            let room = UploadRoom(bytesMax: 4)
            let told = Posted<Failure?>()
            #expect(!room.takeFile(announced: 5) && room.takeFile(announced: 0))
            let intake = UploadIntake(
                try AttemptFile("f", in: folder), as: "f", fileName: "f", room: room,
                tell: { told.post($0) })
            await intake.take(ByteBuffer(string: "abc"))
            await intake.take(ByteBuffer(string: "de"))
            await intake.take(ByteBuffer(string: "f"))
            #expect(await intake.finish() == .tooLarge)
            #expect(told.all() == [.tooManyOutputs])
            #expect(!FileManager.default.fileExists(atPath: folder + "/f"))
            // What was not kept is no longer counted.
            #expect(room.take(4))
        }
    }

    @Test func aFullDiskIsToldAsSuch() async throws {
        try await withFolder { folder in
            let path = folder + "/f"
            try DurableFile.write([], to: path)
            let full = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
            try #require(full >= 0)
            let told = Posted<Failure?>()
            let room = UploadRoom()
            #expect(room.takeFile(announced: 3))
            let intake = UploadIntake(
                AttemptFile(path: path, descriptor: full), as: "f", fileName: "f", room: room,
                tell: { told.post($0) })
            await intake.take(ByteBuffer(string: "abc"))
            #expect(await intake.finish() == .noRoom)
            #expect(told.all().map { $0?.code } == [.diskFull])
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func aWorkerIsToldItsOwnAddress() async throws {
        try await withPredictions { predictions, _, _ in
            // A roamer's network is made anew, and we listen there a moment later.
            predictions.address.set("http://10.0.0.1:9/w/")
            async let later = predictions.uploadURL(of: "w", gateway: "10.0.0.12")
            let other = await predictions.uploadURL(of: "x", gateway: "10.0.0.1")
            predictions.address.set("http://10.0.0.12:9/w/")
            let url = await later
            #expect(url == "http://10.0.0.12:9/w/\(Uploads.token("w", secret: secret))/")
            #expect(other == "http://10.0.0.1:9/w/\(Uploads.token("x", secret: secret))/")
        }
    }
}
