import NIOCore

@testable import DockerEngine

/// Writes tar archives that the module's own writer refuses to write.
struct TestTar {
    private(set) var bytes: [UInt8] = []

    mutating func add(
        _ name: String, typeflag: Character = "0", content: String = "", size: Int? = nil,
        link: String = "", prefix: String = "", gnu: Bool = false
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int, _ limit: Int) {
            for (index, byte) in text.utf8.prefix(limit).enumerated() {
                block[offset + index] = byte
            }
        }
        put(name, 0, 100)
        put("0000644\0", 100, 8)
        put("0000000\0", 108, 8)
        put("0000000\0", 116, 8)
        let octal = String(size ?? content.utf8.count, radix: 8)
        put(String(repeating: "0", count: max(0, 11 - octal.count)) + octal + "\0", 124, 12)
        put("00000000000\0", 136, 12)
        put(String(typeflag), 156, 1)
        put(link, 157, 100)
        put(gnu ? "ustar  \0" : "ustar\u{0}00", 257, 8)
        put(prefix, 345, 155)
        Self.sign(&block, at: 0)
        bytes += block + Array(content.utf8)
        bytes += [UInt8](repeating: 0, count: TarBlock.padding(content.utf8.count))
    }

    mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }

    /// Corrects the checksum of the header block at an offset.
    static func sign(_ bytes: inout [UInt8], at offset: Int) {
        guard bytes.count >= offset + 512 else { return }
        for index in 148..<156 { bytes[offset + index] = 0x20 }
        var sum = 0
        for index in offset..<offset + 512 { sum += Int(bytes[index]) }
        let octal = String(sum, radix: 8)
        let text = String(repeating: "0", count: 6 - octal.count) + octal + "\0 "
        for (index, byte) in text.utf8.enumerated() { bytes[offset + 148 + index] = byte }
    }
}

/// A small seeded generator, so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
