import FleetCore
import Foundation
import Testing

@testable import RedisStore

@Suite("Packed records")
struct PackedRecordTests {
    @Test(
        "What was packed is read as it was", arguments: [0, 1, 40, 127, 128, 700, 70_000, 300_000])
    func roundTrip(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        // Half of it repeats itself, half does not; it may have what stands for a digest.
        let record = [UInt8](
            (0..<size).map { $0 % 2 == 0 ? 0x7B : UInt8.random(in: 2...255, using: &random) })
        let packed = PackedRecord.pack(record, id: "a")
        #expect(packed.count <= max(record.count, 1))
        #expect(PackedRecord.unpack(packed, id: "a") == record)
    }

    @Test("Digests, UUIDs and times come back, and what only looks like one")
    func values() {
        let letters = Array("0123456789abcdef".utf8)
        var random = SeededGenerator(seed: 3)
        let times = [
            "1795903458154623161", "1795903467500301284", "9223372036854775807",
            "9223372036854775808", "1000000000000000000", "0999999999999999999",
            "-1795903458154623161",
            "17959034581546231610", "179590345815462316", "1795903458154623161.5",
        ]
        let uuids = [
            "0f8fad5b-d9cb-469f-a165-70867728950e", "0F8FAD5B-d9cb-469f-a165-70867728950e",
            "0f8fad5b-d9cb-469f-a165-70867728950ea", "a0f8fad5b-d9cb-469f-a165-70867728950e",
            "0f8fad5b-d9cb-469f-a165", "0f8fad5bd-9cb-469f-a165-70867728950e",
            "0f8fad5b-d9cb-469f-a165-70867728950e-0f8fad5b-d9cb-469f-a165-70867728950e",
        ]
        for _ in 0..<2_000 {
            var text = "{"
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let count =
                    [0, 1, 8, 15, 16, 17, 63, 64, 65, 128].randomElement(using: &random) ?? 0
                let run = (0..<count).map { _ in letters.randomElement(using: &random) ?? 0 }
                text += "\"sha256:\(String(decoding: run, as: UTF8.self))\",\"key\":\"outputs/\","
                text += "\"at\":\(times.randomElement(using: &random) ?? ""),"
                text += "\"key\":\"\(uuids.randomElement(using: &random) ?? "")\""
            }
            let json = Array(text.utf8)
            #expect(PackedRecord.unpack(PackedRecord.pack(json, id: "j"), id: "j") == json)
        }
    }

    @Test("A record of an older version is read")
    func earlier() throws {
        let record =
            "AfwBQ0k/sdgDItciy9jAqCzR0DKlpKrA2Cw3HVhslRdWkRtAWH2dqJCTmJ0ao1SLx/sU+dTS1NLA2MTUwtDUxMzI2NDMsBYA"
        let json =
            #"{"attempts":[],"failures":0,"id":"01m8j302va19dtzp36mgsagwqz","losses":0,"queue":"vision","#
            + #""request":{"command":[],"input":"{\"prompt\":\"a lake\"}","kind":"image","labels":[],"#
            + #""priority":0,"retries":2,"retrySafe":true},"submittedAt":1795903458154623161}"#
        let bytes = [UInt8](try #require(Data(base64Encoded: record)))
        #expect(PackedRecord.unpack(bytes, id: "01m8j302va19dtzp36mgsagwqz") == Array(json.utf8))
    }

    @Test("A damaged record is refused, and no bytes trap", arguments: [1, 2] as [UInt8])
    func damaged(mark: UInt8) {
        let digest = String(repeating: "0123456789abcdef", count: 4)
        let json = Array(
            (#"{"attempts":[],"id":"01m8j302va19dtzp36mgsagwqz","digest":"\#(digest)","#
                + #""request":{"idempotencyDigest":"0123456789abcdef","#
                + #""idempotencyKey":"0f8fad5b-d9cb-469f-a165-70867728950e"},"#
                + #""notBefore":9223372036854775807,"submittedAt":1795903458154623161}"#).utf8)
        let packed = PackedRecord.pack(json, id: "01m8j302va19dtzp36mgsagwqz")
        #expect(packed.first == PackedRecord.mark)
        let id = "01m8j302va19dtzp36mgsagwqz"
        #expect(PackedRecord.unpack(Array(packed.dropLast(3)), id: id) == nil)
        #expect(PackedRecord.unpack([mark], id: id) == nil)
        // A size that is not that of the rest.
        #expect(PackedRecord.unpack([mark, 0xFF, 0xFF, 0xFF, 0x7F], id: id) == nil)
        // More values than there are bytes.
        #expect(PackedRecord.unpack([PackedRecord.mark, 9, 0x7F, 0], id: id) == nil)
        var random = SeededGenerator(seed: 5)
        for _ in 0..<20_000 {
            var bytes: [UInt8] = [mark] + packed.dropFirst()
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            _ = PackedRecord.unpack(
                Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))), id: id)
        }
    }

    /// What a job's record says of its input, and whether it has ended.
    enum Kind: String, CaseIterable, Sendable {
        /// One that waits, with an input as large as stands in a record, its event and its idempotency key.
        case waiting
        /// A past one with a short prompt.
        case short
        /// Past ones whose input of 512 bytes was moved to the object store, text and what nothing packs.
        case text, random
        /// A past one with as long an input as its record has room for.
        case full
        /// A past one with two attempts, two outputs and two labels, whose input was moved.
        case rich
        /// One that failed three times, each for another reason, whose input was moved.
        case failed
        /// One of an image of its own with a command and two outputs, whose input was moved.
        case program
        /// A step of a plan that waited for two others, as a sentence was understood.
        case planned

        /// Bytes of Redis' memory that it may take.
        var most: Int {
            switch self {
            case .waiting: 1_536
            case .short: 360
            case .text, .random, .full, .rich, .failed, .planned: 520
            // A command stays in the record, and comes on top.
            case .program: 590
            }
        }
    }

    private static let prose = """
        A weathered fisherman mends his nets on the harbour wall while the first boats of the morning return \
        through thin mist; gulls circle above, and behind him the painted houses of the village climb the hill.
        """

    /// As `RecordKeeper` leaves it, with the first bytes of its prompt.
    private func job(_ number: Int, _ kind: Kind, length: Int) -> Job {
        var random = SeededGenerator(seed: UInt64(number))
        let bytes = (0..<369).map { _ in UInt8.random(in: 0...255, using: &random) }
        let prompt =
            switch kind {
            case .waiting: String(repeating: "x", count: 495)
            case .short, .text: Self.prose
            case .random, .full, .rich, .failed, .program, .planned:
                Data(bytes).base64EncodedString()
            }
        let isMoved = [.text, .random, .rich, .failed, .program, .planned].contains(kind)
        let input = length > 0 ? #"{"prompt":"\#(prompt.prefix(length))"}"# : "{}"
        let made = job(number, input: input, kind)
        guard isMoved else { return made }
        let digest = bytes.prefix(32).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 0xF, radix: 16)
        }.joined()
        return made.holding(
            input: made.request.input, of: StoredInput(size: 512, digest: digest))
    }

    /// How much of their prompts records of this kind have room for.
    private func room(_ kind: Kind) -> Int {
        switch kind {
        case .waiting: 495
        case .short: 64
        case .program: 0
        case .text, .random, .full, .rich, .failed, .planned:
            // A few records differ by a few bytes.
            stride(from: 300, through: 0, by: -2).first { length in
                (0..<20).allSatisfy { isShort(job($0, kind, length: length + 8)) }
            } ?? 0
        }
    }

    private func isShort(_ job: Job) -> Bool {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(job) else { return false }
        return PackedRecord.pack([UInt8](json), id: job.id.rawValue).count <= PackedRecord.goal
    }

    private static let reasons = [
        "the worker answered 500: CUDA out of memory", "not heard by the controller for 30 s",
        "the worker ended with code 139",
    ]

    /// A job as most are: a picture, with one attempt and one output; others have more of each.
    private func job(_ number: Int, input: String, _ kind: Kind) -> Job {
        var random = SeededGenerator(seed: UInt64(number))
        func hex(_ count: Int) -> String {
            (0..<count).map { _ in String(Int.random(in: 0..<16, using: &random), radix: 16) }
                .joined()
        }
        let at = Instant(
            nanoseconds: 1_795_903_458_154_623_161 + Int64(number) * 1_234_567_891)
        let id = JobID("01m8j302" + hex(18))
        let (attempts, outputs): (Int, Int) =
            switch kind {
            case .rich: (2, 2)
            case .failed: (3, 0)
            case .program: (1, 2)
            case .waiting, .short, .text, .random, .full, .planned: (1, 1)
            }
        var request = JobRequest(kind: kind == .program ? .custom : .image, input: input)
        if kind == .program {
            request.image = "spark:5000/tools/ffmpeg:7@sha256:\(hex(64))"
            request.command = [
                "ffmpeg", "-i", "/job/in/film.mp4", "-vf", "scale=1280:-2,fps=24", "-c:v",
                "libx264",
                "-crf", "23", "-preset", "slow", "-c:a", "aac", "-b:a", "128k", "/job/out/film.mp4",
            ]
        }
        request.labels = [.init(key: "album", value: "summer")]
        if kind == .rich { request.labels.append(.init(key: "customer", value: "aunt-emma")) }
        if kind == .planned {
            request.why = "understood as image: \"draw\""
            request.place = PlanPlace(plan: PlanID("01m8j302" + hex(18)), step: "poster", index: 3)
            request.after = ["poem", "voice"].map {
                Prerequisite(name: $0, job: JobID("01m8j302" + hex(18)))
            }
        }
        request.idempotencyKey = "\(hex(8))-\(hex(4))-\(hex(4))-\(hex(12))"
        request.idempotencyDigest = hex(16)
        var job = Job(
            id: id, request: request, queue: kind == .program ? "roamer" : "vision", submittedAt: at
        )
        guard kind != .waiting else { return job }
        for number in 1...attempts {
            let isLast = number == attempts
            var attempt = Attempt(
                number: number, node: NodeName("agx-0\(number)"), worker: "sdxl-api", roamer: false,
                hedge: false, assignedAt: at + .nanoseconds(9_245_678_123 * Int64(number - 1)))
            attempt.state = isLast && kind != .failed ? .succeeded : .failed
            attempt.startedAt = attempt.assignedAt + .nanoseconds(40_213_117)
            attempt.finishedAt = at + .nanoseconds(9_245_678_023 * Int64(number))
            if attempt.state == .failed {
                attempt.error = Failure(
                    .workFailed, Self.reasons[(number - 1) % Self.reasons.count])
            }
            job.attempts.append(attempt)
        }
        job.failures = kind == .failed ? attempts : attempts - 1
        job.ending = .init(
            outcome: kind == .failed ? .failed : .succeeded,
            at: at + .nanoseconds(9_345_678_123 * Int64(attempts)),
            outputs: (1...max(outputs, 1)).prefix(outputs).map { number in
                let name = number == 1 ? "output.png" : "output-\(number).png"
                return Output(
                    name: name, contentType: "image/png",
                    size: .random(in: 400_000...900_000, using: &random),
                    key: "outputs/images/\(id)/\(attempts)/\(name)", digest: "sha256:\(hex(64))")
            },
            error: kind == .failed ? job.attempts.last?.error : nil)
        return job
    }

    // One kind after the other: it packs thousands of jobs, and other tests have their times to keep.
    @Test(
        "A past job takes at most so many bytes of Redis' memory, a waiting one 1.5 KB",
        .serialized,
        arguments: Kind.allCases)
    func memory(kind: Kind) async throws {
        try await withRedis { fixture in
            let store = FleetStore(store: fixture.store)
            let term = try await store.store.bumpTerm(owner: "test", version: "0")
            let (count, length) = (2_000, room(kind))
            func write(_ numbers: Range<Int>) async throws {
                for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 500) {
                    var change = FleetChange(counters: .init(), clock: .zero)
                    change.jobs = (start..<min(start + 500, numbers.upperBound)).map {
                        job($0, kind, length: length)
                    }
                    if kind == .waiting {
                        change.accepted = change.jobs.compactMap { AcceptedRequest($0) }
                        change.events = zip(start..., change.jobs).map { number, job in
                            FleetEvent(
                                sequence: UInt64(number) + 1, at: job.submittedAt, kind: .job,
                                job: job.id, to: "queued")
                        }
                    }
                    try await store.commit(try store.seal(change, term: term))
                }
                // What `RecordKeeper` does; it finds no more input to move.
                while try await store.foldEnded() > 0 {}
                while kind == .program {
                    let long = try await store.longRecords(limit: 1_000)
                    if long.isEmpty { break }
                    for record in long { _ = try await store.shorten(record, to: nil) }
                }
            }
            // The first ones make Redis' tables and buffers.
            try await write(0..<count)
            let before = try await fixture.usedMemory()
            try await write(count..<count * 3)
            let each = (try await fixture.usedMemory() - before) / (count * 2)
            #expect(each <= kind.most, "\(each) bytes each")
            print("\(kind) job, \(length) bytes of its prompt: \(each) bytes")
            #expect(try await store.longRecords(limit: 1).isEmpty)
            let loaded = try await store.load(history: 10)
            let some = try #require(loaded.snapshot.jobs.first)
            #expect(some.request.labels.first?.value == "summer")
        }
    }
}
