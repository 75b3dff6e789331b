import Crypto
import FleetCore
import Foundation
import HTTPTypes
import JobCatalogue
import Logging
import NIOCore
import ObjectStore
import Testing

@testable import ControlPlane

@Suite("Large inputs and uploads", .serialized)
struct InputStoreTests {
    private static func submission(_ prompt: String) -> String {
        #"{"kind":"image","input":{"prompt":"\#(prompt)","steps":30}}"#
    }

    private static func objects(_ plane: Plane, _ prefix: String) async throws -> [String] {
        try await plane.api.objects.list(prefix: prefix, next: nil, limit: 100)
            .objects.map(\.key.text)
    }

    private static func put(_ plane: Plane, _ key: String) async throws {
        try await plane.api.objects.put(
            try ObjectKey(key), .bytes(ByteBuffer(string: "{}")), contentType: "application/json")
    }

    private static func sweeper(_ plane: Plane) -> ObjectSweeper {
        ObjectSweeper(
            loop: plane.loop, store: plane.store, objects: plane.api.objects,
            keepUploads: .seconds(30 * 86_400), keepOutputs: nil, logger: plane.api.logger)
    }

    /// An id that was made so many days ago.
    private static func id(daysAgo days: Int64, _ plane: Plane) -> JobID {
        JobIDMint().mint(at: plane.loop.clock.now - .seconds(days * 86_400))
    }

    @Test(
        "A large input lies in the object store: whole for one job, short in lists, found by its words"
    )
    func large() async throws {
        try await Plane.with { plane, _ in
            let prompt = "a lighthouse " + String(repeating: "in the storm ", count: 400)
            let (status, made) = try await plane.call(
                .post, "/api/v1/jobs", Self.submission(prompt))
            #expect(status == .accepted, "\(made)")
            let id = Plane.text(made["id"]) ?? ""
            #expect(made["input"]?["prompt"] == .string(prompt))
            #expect(made["inputAbridged"] == nil)
            #expect(try await Self.objects(plane, "inputs/") == ["inputs/\(id).json"])

            let record = await plane.loop.read { controller, _ in controller.jobs[JobID(id)] }
            let request = try #require(record?.request)
            #expect(request.input.utf8.count <= Abridged.bytesMax)
            #expect(request.stored?.size == prompt.utf8.count + 24)

            let (_, list) = try await plane.call(.get, "/api/v1/jobs?q=lighthouse")
            let item = try #require(list["items"]?[0], "\(list)")
            #expect(item["inputAbridged"] == .bool(true))
            #expect(item["inputSize"] == .int(Int64(prompt.utf8.count + 24)))
            #expect(Plane.text(item["input"]?["prompt"])?.hasPrefix("a lighthouse in") == true)
            #expect(item["input"]?["steps"] == .int(30))
            let (_, again) = try await plane.call(.get, "/api/v1/jobs/\(id)")
            #expect(again["input"] == made["input"])
        }
    }

    @Test(
        "All words of a large input are found once it was read, and its beginning when it is gone")
    func searched() async throws {
        try await Plane.with { plane, _ in
            let keeper = CatalogueKeeper(
                catalogue: plane.api.catalogue, store: plane.store, inputs: plane.api.inputs,
                clock: plane.loop.clock, logger: plane.api.logger)
            func found(_ word: String) async throws -> [String] {
                let (_, list) = try await plane.call(.get, "/api/v1/jobs?q=\(word)&order=oldest")
                guard case .array(let items)? = list["items"] else { return [] }
                return items.compactMap { Plane.text($0["id"]) }
            }
            var ids: [String] = []
            for number in 1...20 {
                let storm = String(repeating: "in the storm ", count: 200)
                let (_, made) = try await plane.call(
                    .post, "/api/v1/jobs", Self.submission("lighthouse \(storm) zephyr\(number).")
                )
                ids.append(Plane.text(made["id"]) ?? "")
            }
            #expect(try await found("zephyr") == [])
            try await plane.api.objects.delete(ObjectKey("inputs/\(ids[0]).json"))
            try await keeper.readInputs()
            #expect(try await plane.api.catalogue.abridged(limit: 100) == [])
            #expect(try await found("zephyr") == Array(ids.dropFirst()))
            #expect(try await found("zephyr7.") == [ids[6]])
            #expect(try await found("lighthouse") == ids)
        }
    }

    @Test("The agent that runs the job is told where its input lies, and nobody else")
    func granted() async throws {
        try await Plane.with { plane, _ in
            try await plane.connect("agx-01")
            let ready = WorkerReport(id: "sdxl-api", phase: .ready)
            plane.loop.post(
                .message("agx-01", SessionID(1), .report(sequence: 1, .worker(ready))))
            let prompt = String(repeating: "x", count: 600)
            let (_, made) = try await plane.call(.post, "/api/v1/jobs", Self.submission(prompt))
            let id = JobID(Plane.text(made["id"]) ?? "")
            let orders = plane.sent.all.flatMap { sent -> [AttemptOrder] in
                if case .assignments(let change) = sent.message { return change.attempts }
                return []
            }
            let attempt = try #require(orders.first)
            #expect(attempt.key.job == id)
            #expect(attempt.stored?.size == 624)
            let desk = InputDesk(loop: plane.loop, store: plane.store, inputs: plane.api.inputs)
            let question = InputRequest(
                key: attempt.key, word: InputReference.storedKey, text: "input")
            let grant = await desk.grant(question, to: "agx-01")
            #expect(grant.refusal == "")
            #expect(grant.files.map(\.size) == [624])
            let other = await desk.grant(question, to: "agx-02")
            #expect(other.refusal.contains("does not run on agx-02"))
        }
    }

    @Test("Without the object store a small input stays in the record, and a large one is refused")
    func away() async throws {
        try await Plane.with { plane, _ in
            let folder = plane.directory + "/objects"
            try FileManager.default.removeItem(atPath: folder)
            #expect(FileManager.default.createFile(atPath: folder, contents: nil))
            let small = String(repeating: "x", count: 7_000)
            let (status, made) = try await plane.call(
                .post, "/api/v1/jobs", Self.submission(small))
            #expect(status == .accepted)
            #expect(made["input"]?["prompt"] == .string(small))
            #expect(made["inputSize"] == nil)
            let (refused, why) = try await plane.call(
                .post, "/api/v1/jobs", Self.submission(small + small))
            #expect(refused == .serviceUnavailable)
            // A repeat is answered all the same.
            let key = try #require(HTTPField.Name("Idempotency-Key"))
            for _ in 1...2 {
                let status = try await plane.call(
                    .post, "/api/v1/jobs", Self.submission(small), headers: [key: "k"]
                ).0
                #expect(status == .accepted)
            }
            #expect(why["error"]?["code"] == .string("objects_unavailable"))
        }
    }

    @Test("What is refused, and what is asked for again, leaves no input behind")
    func nothingLeft() async throws {
        try await Plane.with { plane, _ in
            let prompt = String(repeating: "x", count: 600)
            let none =
                #"{"kind":"image","after":["01jzzzzzzzzzzzzzzzzzzzzzzz"],"input":{"p":"\#(prompt)"}}"#
            let refused = try await plane.call(.post, "/api/v1/jobs", none).0
            #expect(refused == .notFound)
            #expect(try await Self.objects(plane, "inputs/").isEmpty)
            let key = try #require(HTTPField.Name("Idempotency-Key"))
            for _ in 1...2 {
                let status = try await plane.call(
                    .post, "/api/v1/jobs", Self.submission(prompt), headers: [key: "k"]
                ).0
                #expect(status == .accepted)
            }
            #expect(try await Self.objects(plane, "inputs/").count == 1)
            let steps = #"[{"name":"a","kind":"image","count":40,"input":{"p":"\#(prompt)"}}]"#
            let (status, _) = try await plane.call(.post, "/api/v1/plans", #"{"steps":\#(steps)}"#)
            #expect(status == .accepted)
            #expect(try await Self.objects(plane, "inputs/").count == 41)
        }
    }

    @Test("Inputs whose jobs are gone are deleted, and no others")
    func sweptInputs() async throws {
        try await Plane.with { plane, _ in
            let (gone, kept) = (Self.id(daysAgo: 40, plane), Self.id(daysAgo: 39, plane))
            let young = Self.id(daysAgo: 29, plane)
            _ = await plane.submit(kept)
            for id in [gone, kept, young] { try await Self.put(plane, "inputs/\(id).json") }
            try await Self.put(plane, "inputs/readme.json")
            #expect(try await Self.sweeper(plane).sweep() == 1)
            let left = try await Self.objects(plane, "inputs/")
            #expect(left == ["inputs/\(kept).json", "inputs/\(young).json", "inputs/readme.json"])
        }
    }

    @Test("Uploads are deleted when no job can need them, and not while one might")
    func sweptUploads() async throws {
        try await Plane.with { plane, _ in
            for days in [100, 61, 59, 30] as [Int64] {
                let id = Self.id(daysAgo: days, plane)
                try await Self.put(plane, "uploads/alice/\(id)/cat.png")
            }
            try await Self.put(plane, "uploads/readme.txt")
            #expect(try await Self.sweeper(plane).sweep() == 2)
            #expect(try await Self.objects(plane, "uploads/").count == 3)
        }
        func horizon(keep: Int64, oldest: Int64?) -> Int64 {
            let now = Instant(nanoseconds: 1_000 * 86_400_000_000_000)
            let instant = ObjectSweeper.uploadHorizon(
                now, oldestAlive: oldest.map { now - .seconds($0 * 86_400) },
                keep: .seconds(keep * 86_400))
            return now.since(instant).components.seconds / 86_400
        }
        #expect(horizon(keep: 30, oldest: nil) == 60)
        #expect(horizon(keep: 30, oldest: 1) == 60)
        // What a job that is alive since then may refer to.
        #expect(horizon(keep: 30, oldest: 80) == 110)
        #expect(horizon(keep: 1, oldest: 80) == 110)
        #expect(horizon(keep: 90, oldest: nil) == 120)
    }

    @Test("An upload is its owner's: others neither see it nor use it")
    func owned() async throws {
        try await Plane.with { plane, _ in
            let alice = try await plane.token("alice@home", #","role":"submitter""#)
            let bob = try await plane.token("bob", #","role":"submitter""#)
            let (_, made) = try await plane.call(
                .post, "/api/v1/uploads", #"{"name":"a.txt","contentType":"text/plain","size":5}"#,
                by: .https(alice))
            let id = Plane.text(made["id"]) ?? ""
            let job = #"{"kind":"image","input":{"image":{"$upload":"\#(id)"}}}"#
            let (early, why) = try await plane.call(.post, "/api/v1/jobs", job, by: .https(alice))
            #expect(early == .unprocessableContent)
            #expect(why["error"]?["code"] == .string("input_missing"))
            let url = try #require(Plane.text(made["url"])?.split(separator: "localhost").last)
            let put = try await plane.call(
                .put, String(url), "bytes",
                headers: [.contentLength: "5", .contentType: "text/plain"], by: .https(nil)
            ).0
            #expect(put == .ok)
            #expect(
                try await Self.objects(plane, "uploads/") == ["uploads/alice_40home/\(id)/a.txt"])
            let own = try await plane.call(.post, "/api/v1/jobs", job, by: .https(alice)).0
            #expect(own == .accepted)
            let others = try await plane.call(.post, "/api/v1/jobs", job, by: .https(bob)).0
            #expect(others == .unprocessableContent)
            let path = "/api/v1/uploads/\(id)"
            let seen = try await plane.call(.get, path, by: .https(bob)).0
            #expect(seen == .notFound)
            let asked = try await plane.call(.delete, path + "?owner=alice@home", by: .https(bob)).0
            #expect(asked == .forbidden)
            let long = String(repeating: "%F0%9F%90%B1", count: 128)
            for nobody in ["", ".", "..", "%2F", long] {
                #expect(try await plane.call(.get, path + "?owner=\(nobody)").0 == .notFound)
            }
            let admin = try await plane.call(.get, path + "?owner=alice%40home").0
            #expect(admin == .ok)
            let removed = try await plane.call(.delete, path, by: .https(alice)).0
            #expect(removed == .noContent)
        }
    }

    @Test("A short form is short, and JSON, whatever the input is")
    func abridged() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<2_000 {
            let value = JSONValue.object([
                "a": Self.value(4, &random), "prompt": .string(Self.text(&random)),
            ])
            let short = Abridged.input(try value.text)
            #expect(short.utf8.count <= Abridged.bytesMax)
            guard case .object? = try? JSONValue(text: short) else {
                Issue.record("no object: \(short)")
                return
            }
        }
        #expect(Abridged.input(#"{"n":[1,2.5,true,null]}"#) == #"{"n":[1,2.5,true,null]}"#)
        #expect(Abridged.input("no JSON") == "{}")
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let letters = ["a", "é", "\u{1F30A}", "\\", "\"", "\n", "e\u{301}"]
        return (0..<Int.random(in: 0...600, using: &random))
            .map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] }.joined()
    }

    private static func value(_ depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 5 : 3), using: &random) {
        case 0: .null
        case 1: .int(.random(in: .min ... .max, using: &random))
        case 2: .number(.random(in: -1...1, using: &random))
        case 3: .string(text(&random))
        case 4:
            .array(
                (0..<Int.random(in: 0...20, using: &random)).map { _ in value(depth - 1, &random) })
        default:
            .object(
                Dictionary(
                    (0..<Int.random(in: 0...8, using: &random)).map { _ in
                        (text(&random), value(depth - 1, &random))
                    }, uniquingKeysWith: { $1 }))
        }
    }
}
