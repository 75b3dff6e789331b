import FleetCore
import Foundation
import HTTPTypes
import JobCatalogue
import Logging
import RedisStore
import Testing

@testable import ControlPlane

@Suite("A record that does not grow without end", .serialized)
struct RecordKeeperTests {
    private static func keeper(
        _ plane: Plane, store: FleetStore? = nil, events: Duration = .seconds(7 * 86_400)
    ) -> RecordKeeper {
        RecordKeeper(
            store: store ?? plane.store, inputs: plane.api.inputs, clock: plane.loop.clock,
            keepEvents: events, keepAudit: .seconds(86_400), logger: plane.api.logger)
    }

    /// A prompt that makes an input of 512 bytes: prose, or what nothing packs.
    private static func prompt(isRandom: Bool) -> String {
        if isRandom {
            var random = SeededGenerator(seed: 9)
            let bytes = (0..<373).map { _ in UInt8.random(in: 0...255, using: &random) }
            return "lighthouse" + Data(bytes).base64EncodedString().prefix(489)
        }
        let words = """
            lighthouse keepers climb the winding stairs at dusk to trim the wick, polish brass and glass, and write \
            down what passed: two trawlers bound for home, a barque under reefed sails, one grey whale with its calf; \
            then they sit by the small stove, mend socks, quarrel kindly over cards, and listen how the sea works at \
            the rock below, patient as any clock, while moths beat against the panes and the great lamp turns, turns, \
            turns above them, sweeping its white arm over water nobody will ever own or fence again
            """
        return String(words.prefix(499))
    }

    /// A job that ended with an output and labels.
    private static func past(
        _ id: JobID, _ input: String, _ plane: Plane, age: Duration = .zero
    ) async throws {
        let now = plane.loop.clock.now - age
        var request = JobRequest(kind: .image, input: input)
        request.labels = [
            .init(key: "album", value: "summer"), .init(key: "customer", value: "aunt-emma"),
        ]
        request.idempotencyKey = UUID().uuidString.lowercased()
        request.idempotencyDigest = "0f9a33c2d1b07e55"
        var job = Job(id: id, request: request, queue: "vision", submittedAt: now)
        var random = SeededGenerator(seed: 4)
        let digest = (0..<64).map { _ in
            String(Int.random(in: 0..<16, using: &random), radix: 16)
        }.joined()
        var attempt = Attempt(
            number: 1, node: "agx-01", worker: "sdxl-api", roamer: false, hedge: false,
            assignedAt: now + .nanoseconds(2_123_457))
        attempt.state = .succeeded
        attempt.startedAt = now + .nanoseconds(40_213_117)
        attempt.finishedAt = now + .nanoseconds(9_345_678_123)
        job.attempts = [attempt]
        job.ending = Job.Ending(
            outcome: .succeeded, at: now,
            outputs: [
                Output(
                    name: "output.png", contentType: "image/png", size: 512_345,
                    key: "outputs/images/\(id)/1/output.png", digest: "sha256:\(digest)")
            ])
        var change = FleetChange(
            counters: await plane.loop.read { controller, _ in controller.counters }, clock: now)
        change.jobs = [job]
        try await plane.store.commit(try plane.store.seal(change, term: plane.loop.term))
    }

    @Test(
        "The input of a past job that would take much memory moves to the object store, and nothing is lost",
        arguments: [true, false])
    func moved(isRandom: Bool) async throws {
        try await Plane.with { plane, _ in
            let prompt = Self.prompt(isRandom: isRandom)
            let input = #"{"prompt":"\#(prompt)"}"#
            #expect(input.utf8.count == 512)
            let id = plane.api.mint.mint(at: plane.loop.clock.now)
            try await Self.past(id, input, plane)
            #expect(try await plane.store.longRecords(limit: 10).map(\.id) == [id])
            try await Self.keeper(plane).shorten()
            #expect(try await plane.store.longRecords(limit: 10).isEmpty)

            let record = try #require(try await plane.store.job(id))
            #expect(try plane.store.isShort(record))
            #expect(record.request.stored == InputStore.stored(input))
            #expect(record.request.input.hasPrefix(#"{"prompt":"light"#))
            #expect(record.attempts.count == 1 && record.ending?.outputs.count == 1)
            let (_, view) = try await plane.call(.get, "/api/v1/jobs/\(id)")
            #expect(view["input"]?["prompt"] == .string(prompt))
            #expect(view["inputAbridged"] == nil)

            // A catalogue made anew from the record finds its last words.
            let keeper = CatalogueKeeper(
                catalogue: plane.api.catalogue, store: plane.store, inputs: plane.api.inputs,
                clock: plane.loop.clock, logger: plane.api.logger)
            try await keeper.makeWhole()
            try await keeper.readInputs()
            let end = prompt.suffix(5).addingPercentEncoding(withAllowedCharacters: .alphanumerics)
            let (_, list) = try await plane.call(.get, "/api/v1/jobs?q=\(end ?? "")")
            #expect(list["items"]?[0]?["id"] == .string(id.rawValue), "\(list)")
            #expect(list["items"]?[0]?["inputAbridged"] == .bool(true))
        }
    }

    @Test("With the object store away a record stays as it is, and is shortened later")
    func storeAway() async throws {
        try await Plane.with { plane, _ in
            let id = plane.api.mint.mint(at: plane.loop.clock.now)
            let input = #"{"prompt":"\#(Self.prompt(isRandom: true))"}"#
            try await Self.past(id, input, plane)
            let folder = plane.directory + "/objects"
            try FileManager.default.moveItem(atPath: folder, toPath: folder + "-away")
            #expect(FileManager.default.createFile(atPath: folder, contents: nil))
            await #expect(throws: (any Error).self) { try await Self.keeper(plane).shorten() }
            #expect(try await plane.store.job(id)?.request.input == input)
            try FileManager.default.removeItem(atPath: folder)
            try FileManager.default.moveItem(atPath: folder + "-away", toPath: folder)
            try await Self.keeper(plane).shorten()
            #expect(try await plane.store.job(id)?.request.stored != nil)
        }
    }

    @Test("Past jobs are listed for as long as they are kept: after a restore, whatever their age")
    func listed() async throws {
        try await Plane.with { plane, _ in
            let now = plane.loop.clock.now
            let at = now - FleetStore.jobRetention - .seconds(60)
            var job = Job(
                id: "old", request: JobRequest(kind: .image), queue: "vision", submittedAt: at)
            job.ending = Job.Ending(outcome: .succeeded, at: at)
            plane.api.catalogue.record([job])
            let keeper = CatalogueKeeper(
                catalogue: plane.api.catalogue, store: plane.store, inputs: plane.api.inputs,
                clock: plane.loop.clock, logger: plane.api.logger)
            let (client, mark) = (
                plane.store.store.client, plane.store.store.keys.key("restored")
            )
            _ = try await client.read(RedisCommand("SET", .text(mark), "1"))
            try await keeper.tidy(at: now)
            #expect(try await plane.api.catalogue.count() == 1)
            _ = try await client.read(RedisCommand("DEL", .text(mark)))
            try await keeper.tidy(at: now)
            #expect(try await plane.api.catalogue.count() == 0)
        }
    }

    @Test("Events go by their time; that there are too many for it is told")
    func events() async throws {
        try await Plane.with(fleet: nil) { plane, _ in
            let now = plane.loop.clock.now
            let store = FleetStore(store: plane.store.store, eventMax: 300)
            let first = await plane.loop.read { controller, _ in controller.counters.event } + 1
            // More than stay in any case.
            let count = UInt64(EventFeed.kept) + 500
            let keeper = Self.keeper(plane, store: store, events: .seconds(86_400))
            func write(_ numbers: Range<UInt64>, at: Instant, to store: FleetStore) async throws {
                var change = FleetChange(
                    counters: await plane.loop.read { controller, _ in controller.counters },
                    clock: now)
                change.events = numbers.map {
                    FleetEvent(sequence: $0, at: at, kind: .job, job: "j")
                }
                try await store.commit(try store.seal(change, term: plane.loop.term))
            }
            try await write(
                first..<first + count, at: now - .seconds(2 * 86_400), to: plane.store)
            #expect(try await keeper.forget(at: now) == nil)
            let kept = try await plane.store.events(after: 0, limit: 1).first?.sequence
            #expect(kept == first + 500)
            try await write(first + count..<first + count + 1_000, at: now, to: store)
            #expect(try await keeper.forget(at: now) == now)
            // They are as old as they may be.
            #expect(try await keeper.forget(at: now + .seconds(86_401)) == nil)
        }
    }

    @Test("Events are listed from a time on, in memory and in the record")
    func since() async throws {
        try await Plane.with(fleet: nil) { plane, _ in
            let now = plane.loop.clock.now
            let old = FleetEvent(
                sequence: 1_000, at: now - .seconds(7_200), kind: .job, job: "j")
            let young = FleetEvent(
                sequence: 1_001, at: now + .seconds(7_200), kind: .job, job: "j")
            var change = FleetChange(
                counters: await plane.loop.read { controller, _ in controller.counters },
                clock: now)
            change.events = [old, young]
            try await plane.store.commit(try plane.store.seal(change, term: plane.loop.term))
            func numbers(_ query: String) async throws -> [Int64] {
                let (status, page) = try await plane.call(.get, "/api/v1/events?\(query)")
                #expect(status == .ok, "\(page)")
                guard case .array(let items)? = page["items"] else { return [] }
                return items.compactMap {
                    if case .int(let number)? = $0["seq"] { number } else { nil }
                }
            }
            let hour = now + .seconds(3_600)
            #expect(try await numbers("since=\(hour.rfc3339)") == [1_001])
            // Some filter, and some page.
            #expect(try await numbers("since=\(hour.rfc3339)&job=j&limit=1") == [1_001])
            #expect(try await numbers("since=\((hour + .seconds(7_200)).rfc3339)") == [])
            let wrong = try await plane.call(.get, "/api/v1/events?since=yesterday").0
            #expect(wrong == .badRequest)
        }
        let feed = EventFeed(
            earlier: (1...9).map {
                FleetEvent(sequence: $0, at: .zero + .seconds(Int64($0)), kind: .job)
            })
        #expect(feed.last(before: .zero + .seconds(5)) == 4)
        #expect(feed.last(before: .zero + .seconds(1)) == nil)
    }

    @Test("Past jobs are moved into pieces, and go when their time is over")
    func forgotten() async throws {
        try await Plane.with { plane, _ in
            let now = plane.loop.clock.now
            let ids = [now - FleetStore.jobRetention - .seconds(5), now].map {
                plane.api.mint.mint(at: $0)
            }
            for (id, age) in zip(ids, [FleetStore.jobRetention + .seconds(5), .zero]) {
                try await Self.past(id, "{}", plane, age: age)
            }
            try await Self.keeper(plane).forget(at: now)
            #expect(try await plane.store.readable(ids).jobs.map(\.id) == [ids[1]])
            #expect(try await plane.store.endedJobs(since: 0) == [ids[1]])
            // It is out of the list that takes more memory.
            #expect(try await plane.store.foldEnded() == 0)
        }
    }
}
