package import FleetCore

/// What happened in a run: always as a hash, on demand as lines.
///
/// Equal seeds give equal hashes, on every machine, in debug and in release. The hash is FNV-1a
/// over 64-bit words, fed with the time and kind of every action and the bytes of every frame.
package struct Trace: Sendable {
    /// One thing that happened.
    package struct Line: Hashable, Sendable {
        /// When, in the world's time.
        package let at: Instant
        /// Where: a node, `controller`, `store`, `fault`, `client`.
        package let place: String
        /// What, for people.
        package let text: String
    }

    /// The hash so far.
    package private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// The last lines, when they are kept.
    package private(set) var lines: [Line] = []
    /// Whether lines are kept.
    let keepsLines: Bool
    /// Lines kept; older ones are dropped.
    static let lineLimit = 2_000_000

    init(keepsLines: Bool) { self.keepsLines = keepsLines }

    mutating func mix(_ word: UInt64) { hash = (hash ^ word) &* 0x100_0000_01b3 }

    mutating func mix(_ bytes: [UInt8]) {
        var mixed = hash
        for byte in bytes { mixed = (mixed ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = mixed
    }

    mutating func note(_ at: Instant, _ place: String, _ text: () -> String) {
        guard keepsLines else { return }
        if lines.count >= Self.lineLimit { lines.removeFirst(Self.lineLimit / 2) }
        lines.append(Line(at: at, place: place, text: text()))
    }
}
