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
        // Half of it repeats itself, half does not.
        let record = [UInt8](
            (0..<size).map { $0 % 2 == 0 ? 0x7B : UInt8.random(in: 2...255, using: &random) })
        let packed = PackedRecord.pack(record)
        #expect(packed.count <= max(record.count, 1))
        #expect(PackedRecord.unpack(packed) == record)
    }

    @Test("A damaged record is refused, and no bytes trap")
    func damaged() {
        let json = Array(
            #"{"attempts":[],"failures":0,"id":"01m8j302va19dtzp36mgsagwqz","losses":0}"#.utf8)
        let packed = PackedRecord.pack(json)
        #expect(packed.first == PackedRecord.mark)
        #expect(PackedRecord.unpack(Array(packed.dropLast(3))) == nil)
        #expect(PackedRecord.unpack([PackedRecord.mark]) == nil)
        // A size that is not that of the rest.
        #expect(PackedRecord.unpack([PackedRecord.mark, 0xFF, 0xFF, 0xFF, 0x7F]) == nil)
        var random = SeededGenerator(seed: 5)
        for _ in 0..<20_000 {
            var bytes = packed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            _ = PackedRecord.unpack(
                Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
        }
    }

    /// A job as most are: a picture, with one attempt and one output.
    private func job(_ number: Int, input: String, isEnded: Bool) -> Job {
        var random = SeededGenerator(seed: UInt64(number))
        func hex(_ count: Int) -> String {
            (0..<count).map { _ in String(Int.random(in: 0..<16, using: &random), radix: 16) }
                .joined()
        }
        let at = Instant(
            nanoseconds: 1_795_903_458_154_623_161 + Int64(number) * 1_234_567_891)
        let id = JobID("01m8j302" + hex(18))
        var request = JobRequest(kind: .image, input: input)
        request.labels = [.init(key: "album", value: "summer")]
        request.idempotencyKey = "\(hex(8))-\(hex(4))-\(hex(4))-\(hex(12))"
        request.idempotencyDigest = hex(16)
        var job = Job(id: id, request: request, queue: "vision", submittedAt: at)
        guard isEnded else { return job }
        var attempt = Attempt(
            number: 1, node: "agx-01", worker: "sdxl-api", roamer: false, hedge: false,
            assignedAt: at + .milliseconds(3))
        attempt.state = .succeeded
        attempt.startedAt = at + .milliseconds(40)
        attempt.finishedAt = at + .milliseconds(9_345)
        job.attempts = [attempt]
        job.ending = .init(
            outcome: .succeeded, at: at + .milliseconds(9_345),
            outputs: [
                Output(
                    name: "output.png", contentType: "image/png",
                    size: .random(in: 400_000...900_000, using: &random),
                    key: "outputs/images/\(id)/1/output.png", digest: "sha256:\(hex(64))")
            ])
        return job
    }

    @Test(
        "A past job takes at most 600 bytes of Redis' memory, a waiting one 1.5 KB",
        arguments: [true, false])
    func memory(isEnded: Bool) async throws {
        try await withRedis { fixture in
            func used() async throws -> Int {
                let info = try await fixture.read("INFO", "memory").text ?? ""
                let line = info.split(whereSeparator: \.isNewline).first {
                    $0.hasPrefix("used_memory:")
                }
                return try #require(line.flatMap { Int($0.dropFirst("used_memory:".count)) })
            }
            let store = FleetStore(store: fixture.store)
            let term = try await store.store.bumpTerm(owner: "test", version: "0")
            let prompt = "a quiet lake between mountains at dawn, oil painting, soft light"
            let input = isEnded ? prompt : String(repeating: "x", count: 495)
            let count = 4_000
            func write(_ numbers: Range<Int>) async throws {
                for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 500) {
                    var change = FleetChange(counters: .init(), clock: .zero)
                    change.jobs = (start..<min(start + 500, numbers.upperBound)).map {
                        job($0, input: #"{"prompt":"\#(input)"}"#, isEnded: isEnded)
                    }
                    try await store.commit(try store.seal(change, term: term))
                }
            }
            // The first ones make Redis' tables and buffers.
            try await write(0..<count)
            let before = try await used()
            try await write(count..<count * 3)
            let each = (try await used() - before) / (count * 2)
            #expect(each <= (isEnded ? 600 : 1_500), "\(each) bytes each")
            print("\(isEnded ? "past" : "waiting") job: \(each) bytes")
            let loaded = try await store.load(history: 10)
            let some = try #require(loaded.snapshot.jobs.first)
            #expect(some.request.kind == .image)
        }
    }
}
