import Foundation
import Settings
import Testing

@testable import ControlPlane

/// Mutated files never trap, and always give a fleet or at least one mistake.
@Suite struct FleetFileFuzzTests {
    /// More rounds by `JESSICA_FUZZ_ROUNDS`.
    private static let rounds =
        ProcessInfo.processInfo.environment["JESSICA_FUZZ_ROUNDS"].flatMap(Int.init) ?? 50_000

    private static let small = """
        fleet: jessica
        clusters:
          vision: {nodes: [agx-01], kinds: [image], service: s, scaling: {release_idle: 5m}}
        s: {replicas: 1, image: "spark:5000/a/b:1@sha256:00", memory: 1.5GB}
        templates: {t: &t {image: x, startup_time: 2h30m}, u: *t}
        """

    private static let pieces: [String] = [
        "*", "&", "*a", "&a ", "<<: ", "!!int ", "? ", ": ", "- ", "[", "]", "{", "}", ",", "\n",
        "\t",
        "\r", "\"", "'", "|", ">", "#", "%", "@", "`", "\\", "\u{0}", "\u{85}", "\u{2028}",
        "\u{FEFF}",
        "é", "\u{1F600}", "\u{E000}0", "---\n", "...\n", "null", "~", "true", "-1", "0", "007",
        "9223372036854775808", "99999999999999999999GB", "1e9", "s", "GB", "\u{301}\u{301}", "  ",
        "image: x\n", "\"\\uD800\"", "\"\\x00\"", "%YAML 9.9\n", "%TAG ! !\n", "fleet: a\n", "..",
        "/",
    ]

    @Test func mutatedFilesNeverTrap() {
        var random = SplitMix(state: 0x6A65_7373_6963_61)
        let seeds = [Self.small, Self.small, Self.small, FleetFileTests.example]
        for round in 0..<Self.rounds {
            var bytes = Array((round % 500 == 0 ? UserBlocks.services : seeds[round % 4]).utf8)
            for _ in 0...random.below(6) { Self.mutate(&bytes, &random) }
            let text = String(decoding: bytes, as: UTF8.self)
            let parsed = FleetFile.parse(text: text, name: "f")
            #expect((parsed.spec == nil) == !parsed.mistakes.isEmpty, "round \(round): \(text)")
            for mistake in parsed.mistakes {
                #expect(!mistake.description.contains { $0.isNewline }, "round \(round)")
            }
        }
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        let at = random.below(bytes.count + 1)
        switch random.below(6) {
        case 0: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
        case 1: if at < bytes.count { bytes.remove(at: at) }
        case 2: if at < bytes.count { bytes[at] = UInt8(truncatingIfNeeded: random.next()) }
        case 3: bytes.insert(contentsOf: pieces[random.below(pieces.count)].utf8, at: at)
        case 4:
            let end = min(bytes.count, at + random.below(40))
            bytes.insert(contentsOf: bytes[at..<end], at: random.below(bytes.count + 1))
        default: bytes.removeSubrange(at..<min(bytes.count, at + random.below(40)))
        }
    }

    /// A small seeded generator, so that a failing round can be run again.
    fileprivate struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }

        mutating func below(_ bound: Int) -> Int {
            bound > 0 ? Int(next() % UInt64(bound)) : 0
        }
    }
}
