import Crypto
import FleetCore
import Foundation
import Testing

@testable import RedisStore

@Suite("Archives: only what a writer has written is read")
struct ArchiveTests {
    private func header(events: UInt64 = 9) -> ArchiveHeader {
        var counters = Controller.Counters()
        counters.event = events
        return ArchiveHeader(
            version: "0", at: .zero, fleet: "test", revision: 0, term: 3, counters: counters)
    }

    private func job(_ id: JobID) -> Job {
        Job(id: id, request: JobRequest(kind: .image), queue: "vision", submittedAt: .zero)
    }

    private func event(_ number: UInt64) -> FleetEvent {
        FleetEvent(sequence: number, at: .zero, kind: .job, job: "j")
    }

    /// Lines of an archive as they should be.
    private func lines() throws -> [String] {
        let encoder = ArchiveCoding.encoder()
        func text(_ kind: ArchiveKind, _ record: some Encodable) throws -> String {
            String(decoding: kind.opening + (try encoder.encode(record)) + [0x7D], as: UTF8.self)
        }
        return [
            try text(.backup, header()), try text(.job, job("a")), try text(.job, job("b")),
            try text(.event, event(1)), try text(.event, event(4)),
        ]
    }

    /// An archive of those lines, with an end that fits them.
    private func archive(_ lines: [String], jobs: Int = 2, events: Int = 2) throws -> [UInt8] {
        let text = lines.map { $0 + "\n" }.joined()
        let digest = SHA256.hash(data: Data(text.utf8)).hexadecimal
        let counts =
            #"{"events":\#(events),"jobs":\#(jobs),"nodes":0,"plans":0,"revisions":0,"tokens":0,"webhooks":0}"#
        return try packed(text + #"{"end":{"counts":\#(counts),"sha256":"\#(digest)"}}"# + "\n")
    }

    private func packed(_ text: String) throws -> [UInt8] {
        var gzip = try Gzip(.pack)
        var bytes: [UInt8] = []
        try gzip.feed(Array(text.utf8), isLast: true) { bytes += $0 }
        return bytes
    }

    private func read(_ bytes: [UInt8]) async throws -> ArchiveSummary {
        let path = "/tmp/ja-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try await ArchiveReader(path: path).read { _ in }
    }

    private func refusal(_ bytes: [UInt8]) async -> String? {
        do {
            _ = try await read(bytes)
            return nil
        } catch {
            return (error as? ArchiveError)?.description ?? "another error: \(error)"
        }
    }

    @Test("What a writer writes is read, its digest that of the file")
    func roundTrip() async throws {
        let path = "/tmp/ja-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var writer = try ArchiveWriter.begin(path: path, header: header(events: 20_000))
        for index in 0..<3_000 { try writer.add(job(JobID("job-\(index)"))) }
        for index in 1...20_000 { try writer.add(event(UInt64(index))) }
        let written = try writer.finish()
        var jobs: [JobID] = []
        let summary = try await ArchiveReader(path: path).read {
            if case .job(let job) = $0 { jobs.append(job.id) }
        }
        #expect(summary == written)
        #expect(jobs == (0..<3_000).map { JobID("job-\($0)") })
        let file = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(SHA256.hash(data: file).hexadecimal == summary.sha256)
        #expect(file.count == summary.size)
        // A file that is there is never written over.
        #expect(throws: ArchiveError.self) {
            _ = try ArchiveWriter.begin(path: path, header: header())
        }
    }

    @Test("Bans are kept, and an archive without one is as it was before there were any")
    func bans() async throws {
        let path = "/tmp/ja-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let ban = NodeBan(node: "agx-03", at: Instant(nanoseconds: 7))
        var writer = try ArchiveWriter.begin(path: path, header: header())
        try writer.add(ban)
        try writer.add(NodeRecord(name: "agx-03"))
        _ = try writer.finish()
        var bans: [NodeBan] = []
        let summary = try await ArchiveReader(path: path).read {
            if case .ban(let ban) = $0 { bans.append(ban) }
        }
        #expect(bans == [ban] && summary.counts.bans == 1)
        #expect(try await read(try archive(lines())).counts.bans == nil)
    }

    @Test("Each byte that is changed and each place where it is cut off is found")
    func damage() async throws {
        let whole = try archive(lines())
        #expect(await refusal(whole) == nil)
        for place in stride(from: 0, to: whole.count, by: 7) {
            #expect(await refusal(Array(whole[..<place])) != nil, "cut at \(place)")
            var bytes = whole
            bytes[place] ^= 0x10
            // Some bytes of gzip's own header say nothing: what is read is the same then.
            if place > 9 { #expect(await refusal(bytes) != nil, "changed at \(place)") }
        }
        #expect(await refusal(whole + [0]) != nil)
        #expect(await refusal(whole + whole) != nil)
    }

    @Test("Lines that no writer would write are refused, though the digest is right")
    func strangeLines() async throws {
        let good = try lines()
        func check(_ lines: [String], jobs: Int = 2, events: Int = 2, _ word: String) async throws {
            let why = await refusal(try archive(lines, jobs: jobs, events: events))
            #expect(why?.contains(word) == true, "\(why ?? "it was taken") instead of \(word)")
        }
        try await check([good[0], good[3], good[1], good[2], good[4]], "cannot")
        try await check([good[0], good[1], good[2], good[4], good[3]], "rise")
        try await check(good, jobs: 3, "missing")
        try await check(Array(good.dropFirst()), "cannot")
        try await check(good + [#"{"key":{"name":"x"}}"#], "known kind")
        try await check([good[0], ""] + good.dropFirst(), "known kind")
        let format = good[0].replacing(#""format":1"#, with: #""format":2"#)
        try await check([format] + good.dropFirst(), "newer")
        for name in ["event", "assignment", "cleaning", "term", "revision"] {
            let number = try Regex("\"\(name)\":[0-9]+")
            let high = good[0].replacing(number, with: "\"\(name)\":18446744073709551615")
            #expect(high != good[0])
            try await check([high] + good.dropFirst(), "number")
        }
        let more = good[1].replacing(#""failures":0"#, with: #""failures":0,"fate":1"#)
        try await check([good[0], more] + good.dropFirst(2), "`fate`")
        let odd = good[1].replacing(#""id":"a""#, with: #""id":"a b""#)
        try await check([good[0], odd] + good.dropFirst(2), "name")
        let late = good[4].replacing(#""sequence":4"#, with: #""sequence":10"#)
        try await check(good.dropLast() + [late], "rise")
    }

    @Test("A bomb is refused before it is unpacked")
    func bomb() async throws {
        var gzip = try Gzip(.pack)
        var bytes: [UInt8] = []
        let zeros = [UInt8](repeating: 0x20, count: 1 << 20)
        for _ in 0..<300 { try gzip.feed(zeros) { bytes += $0 } }
        try gzip.feed([], isLast: true) { bytes += $0 }
        #expect(bytes.count < 1 << 20)
        let begin = ContinuousClock.now
        let why = await refusal(bytes)
        #expect(why?.contains("longer than") == true)
        #expect(ContinuousClock.now - begin < .seconds(5))
    }

    @Test("What is no archive at all is said to be none")
    func noArchive() async throws {
        #expect(await refusal(Array("hello".utf8))?.contains("no gzip") == true)
        #expect(await refusal([])?.contains("cut off") == true)
        #expect(await refusal(try packed("hello\n"))?.contains("no backup") == true)
        let missing = await #expect(throws: ArchiveError.self) {
            _ = try await ArchiveReader(path: "/nowhere").read { _ in }
        }
        #expect(missing?.description.contains("/nowhere") == true)
    }
}
