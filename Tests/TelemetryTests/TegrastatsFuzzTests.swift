import Foundation
import Testing

@testable import Telemetry

/// Damaged lines, the same in every run.
@Suite struct TegrastatsFuzzTests {
    /// How many lines in all; others with `JESSICA_FUZZ_ROUNDS`.
    static let rounds =
        ProcessInfo.processInfo.environment["JESSICA_FUZZ_ROUNDS"].flatMap(Int.init) ?? usual

    #if DEBUG
        /// Without optimisation a line takes ten times as long.
        private static let usual = 40_000
    #else
        private static let usual = 200_000
    #endif

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a damaged line is read or refused, never worse`(seed: UInt64) throws {
        var mutator = LineMutator(seed: seed << 32)
        let rounds = Self.rounds / 4
        var codes: [TegrastatsError.Code: Int] = [:]
        var read = 0
        for round in 0..<rounds {
            let line = mutator.next()
            do throws(TegrastatsError) {
                let reading = try TegrastatsReading(parsing: line)
                read += 1
                if let fault = Self.fault(in: reading) {
                    Issue.record("\(fault): \(String(decoding: line, as: UTF8.self))")
                    return
                }
            } catch {
                codes[error.code, default: 0] += 1
            }
            if round % 500 == 0 {
                let object = Data(TegrastatsJSON.object(for: line).utf8)
                _ = try JSONSerialization.jsonObject(with: object)
            }
        }
        // The damage must be neither so great nor so small that only one way is taken.
        #expect(read > rounds / 3)
        #expect(Set(codes.keys).isSuperset(of: [.notText, .unclosed]))
        print("tegrastats fuzz: \(rounds) lines of seed \(seed), \(read) read, refused \(codes)")
    }

    /// What no reading may have, whatever the line.
    private static func fault(in reading: TegrastatsReading) -> String? {
        let loads = reading.cores.compactMap(\.load) + reading.engines.compactMap(\.load)
        guard loads.allSatisfy({ (0...1).contains($0) }) else { return "a load" }
        guard reading.cores.allSatisfy({ $0.isOn || $0.load == nil }) else { return "an off core" }
        let heat = reading.sensors.flatMap { [$0.celsius] + ($0.peak.map { [$0] } ?? []) }
        guard heat.allSatisfy({ SensorRule.real.contains($0) }) else { return "a temperature" }
        guard reading.rails.allSatisfy({ $0.milliwatts >= 0 }) else { return "a rail" }
        for names in [reading.rails.map(\.name), reading.sensors.map(\.name)] {
            guard Set(names).count == names.count else { return "a repeated name" }
        }
        guard reading.hottest.map(\.isFinite) ?? true else { return "the hottest" }
        guard (reading.boardMilliwatts ?? 0) >= 0 else { return "the board" }
        return nil
    }
}

/// Damages published lines.
struct LineMutator {
    private var state: UInt64
    private let lines = Samples.all.map { Array($0.line.utf8) }
    private static let signs = Array("[](),@%/ -+.xC0123456789offmWkBMB\t\r\n\u{0}\u{7F}é".utf8)
    private static let words = [
        "99999999999999999999", "-256C", "@[0,0]", " off ", "nan", "1e308", "0x1F", "[[", "))",
        "9223372036854775807", "-9223372036854775808", "NC 0/0 ", "RAM ", "CPU [", "(lfb ", "GB",
    ].map { Array($0.utf8) }

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    private mutating func random(below bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return Int(value % UInt64(max(bound, 1)))
    }

    mutating func next() -> [UInt8] {
        var line = lines[random(below: lines.count)]
        for _ in 0...random(below: 4) { damage(&line) }
        return line
    }

    private mutating func damage(_ line: inout [UInt8]) {
        let place = random(below: line.count + 1)
        let length = min(random(below: 24), line.count - place)
        switch random(below: 12) {
        case 0: line.removeSubrange(place..<place + length)
        case 1: line.insert(contentsOf: line[place..<place + length], at: place)
        case 2, 3: line.insert(Self.signs[random(below: Self.signs.count)], at: place)
        case 4, 5:
            if place < line.count { line[place] = Self.signs[random(below: Self.signs.count)] }
        case 6: line.insert(contentsOf: Self.words[random(below: Self.words.count)], at: place)
        case 7: if random(below: 4) == 0 { line.removeSubrange(place...) }
        case 8: if place < line.count { line[place] ^= 1 << UInt8(random(below: 8)) }
        case 9:
            // The end of another line.
            let other = lines[random(below: lines.count)]
            line = Array(line[..<place] + other[random(below: other.count)...])
        case 10:
            // A piece of another place, as when two programs write over each other.
            let from = random(below: line.count + 1)
            let piece = line[from..<min(from + length, line.count)]
            line.insert(contentsOf: piece, at: place)
        default: if random(below: 50) == 0 { line += line + line + line + line + line + line }
        }
    }
}
