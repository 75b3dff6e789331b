import Foundation

/// What the screen shows, to write only what is different.
struct TopFrame: Sendable {
    private var lines: [String] = []
    private var size: TopSize?

    /// The bytes that bring the screen to these lines: at once, and none when nothing has changed.
    mutating func update(_ new: [String], size: TopSize) -> Data {
        let isWhole = size != self.size
        var text = isWhole ? "\u{1B}[0m\u{1B}[2J" : ""
        for (row, line) in new.enumerated() {
            guard isWhole || row >= lines.count || lines[row] != line else { continue }
            text += "\u{1B}[\(row + 1);1H\u{1B}[2K\(line)"
        }
        lines = new
        self.size = size
        guard !text.isEmpty else { return Data() }
        // Terminals that know it show all of it at one moment; others pass over it.
        return Data("\u{1B}[?2026h\(text)\u{1B}[?2026l".utf8)
    }

    /// Forgets what the screen shows, which somebody else has changed.
    mutating func forget() { size = nil }
}
