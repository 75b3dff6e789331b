import FleetCore
import Foundation
import Testing

@Suite("The text of logs")
struct LogTextTests {
    private func records(_ text: [UInt8]) throws -> [LogRecord] {
        var records: [LogRecord] = []
        while let record = try LogText.record(in: text, at: records.last?.end ?? 0) {
            records.append(record)
        }
        return records
    }

    /// What the job wrote, with a zero for each byte that was left out.
    private func content(_ text: [UInt8]) throws -> [UInt8] {
        try records(text).flatMap { record -> [UInt8] in
            record.source == .system
                ? Array(repeating: 0, count: Int(record.span))
                : text[record.content] + (record.endsLine ? [10] : [])
        }
    }

    @Test("Whatever a job writes is kept to the byte, a line a record")
    func exact() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<40 {
            let bytes = (0..<Int.random(in: 0...60_000, using: &random)).map { _ in
                Int.random(in: 0..<40, using: &random) == 0 ? 10 : UInt8.random(in: 1...255)
            }
            var text: [UInt8] = []
            LogText.append(bytes, from: .stderr, at: 1, to: &text)
            let records = try records(text)
            #expect(try content(text) == bytes)
            #expect(records.map(\.span).reduce(0, +) == UInt64(bytes.count))
            #expect(records.allSatisfy { $0.content.count <= LogText.contentMax })
            #expect(records.count { $0.endsLine } == bytes.count { $0 == 10 })
        }
    }

    @Test("The part behind any place is exact")
    func parts() throws {
        var text: [UInt8] = []
        LogText.append(Array("one\ntwo".utf8), from: .stdout, at: 1, to: &text)
        LogText.appendGap(of: 5, at: 2, to: &text)
        LogText.append(Array("\n\nend\n".utf8), from: .stderr, at: 3, to: &text)
        let whole = try content(text)
        for place in 0...40 as ClosedRange<UInt64> {
            let part = try LogText.part(behind: place, of: text, at: 10)
            let skipped = max(0, Int(place) - 10)
            #expect(try content(part.text) == Array(whole.dropFirst(skipped)), "\(place)")
            #expect(part.end == 10 + UInt64(whole.count))
        }
    }

    @Test("Two texts of a log, each with holes, are one that has what either has")
    func joins() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Int.random(in: 0..<6, using: &random) == 0 ? 10 : UInt8.random(in: 65...90)
            }
            /// The log up to somewhere, in pieces of which some are missing.
            func told() -> [UInt8] {
                var rest = bytes.prefix(Int.random(in: 0...bytes.count, using: &random))
                var text: [UInt8] = []
                while !rest.isEmpty {
                    let piece = rest.prefix(Int.random(in: 1...20, using: &random))
                    if Bool.random(using: &random) {
                        LogText.append(piece, from: .stdout, at: 1, to: &text)
                    } else {
                        LogText.appendGap(of: UInt64(piece.count), at: 2, to: &text)
                    }
                    rest = rest.dropFirst(piece.count)
                }
                return text
            }
            let (first, other) = (told(), told())
            let (a, b) = (try content(first), try content(other))
            let all = (0..<max(a.count, b.count)).map { place in
                let byte = place < a.count ? a[place] : 0
                return byte == 0 && place < b.count ? b[place] : byte
            }
            #expect(try content(LogText.joined(first, other)) == all)
            #expect(try LogText.joined(first, first) == first)
            #expect(try LogText.joined(first, []) == first)
            #expect(try LogText.joined([], other) == other)
        }
        var loss: [UInt8] = []
        LogText.append(.deleted, at: 1, to: &loss)
        var hole: [UInt8] = []
        LogText.appendGap(of: 9, at: 2, to: &hole)
        // What is known of a hole stays while nothing fills it.
        let note = String(decoding: try LogText.joined(loss, hole), as: UTF8.self)
        #expect(note.contains("1 byte or more left out: Docker"))
        #expect(note.hasSuffix("system F 8 bytes left out\n"))
        #expect(throws: LogTextError.self) { try LogText.joined(Array("x".utf8), hole) }
    }

    @Test("Times are those of the calendar")
    func times() throws {
        let formatter = ISO8601DateFormatter()
        for seconds in [0, 951_782_399, 951_868_800, 1_709_164_800, 4_107_542_399, 9_223_372_036] {
            var text: [UInt8] = []
            UTCText.append(Int64(seconds) * 1_000_000_000 + 7, to: &text)
            let day = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(String(decoding: text, as: UTF8.self) == day.dropLast() + ".000000007Z")
        }
        for time in [Int64.min, -1, .max] {
            var text: [UInt8] = []
            UTCText.append(time, to: &text)
            #expect(text.count == UTCText.count)
        }
    }

    @Test("What is no log is refused, and nothing traps")
    func hostile() throws {
        var random = SystemRandomNumberGenerator()
        var good: [UInt8] = []
        LogText.append(Array("one\ntwo\nthree".utf8), from: .stdout, at: 1, to: &good)
        LogText.appendGap(of: 1 << 60, at: 2, to: &good)
        var refused = 0
        for _ in 0..<20_000 {
            var text = good
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: text.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text[index] = .random(in: 0...255, using: &random)
                case 1: text.remove(at: index)
                default: text.insert(.random(in: 48...57, using: &random), at: index)
                }
            }
            do {
                _ = try LogText.part(
                    behind: .random(in: 0 ... .max), of: text, at: .random(in: 0...(1 << 62)))
            } catch { refused += 1 }
        }
        #expect(refused > 1_000)
        for text in ["x\n", "2026-11-23T16:21:17.722532488Z system F no bytes left out\n"] {
            #expect(throws: LogTextError.self) {
                try LogText.part(behind: 0, of: Array(text.utf8), at: 0)
            }
        }
        var long: [UInt8] = []
        LogText.append([7], from: .stdout, at: 1, to: &long)
        long.insert(contentsOf: [UInt8](repeating: 7, count: LogText.contentMax), at: 40)
        #expect(throws: LogTextError.self) { try LogText.part(behind: 0, of: long, at: 0) }
    }
}
