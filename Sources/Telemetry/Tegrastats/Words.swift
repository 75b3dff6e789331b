/// The words of a line, from the first on.
///
/// Spaces end a word, but not within `[…]` or `(…)`: `(lfb 4x2MB)` is one word, and so is
/// `0/252kB(lfb 252kB)`.
struct Words {
    private var words: ArraySlice<ArraySlice<UInt8>>

    /// Splits a line; the error says why it cannot be one.
    init(_ line: some Collection<UInt8>) throws(TegrastatsError) {
        guard line.count <= TegrastatsReading.lineMax else {
            throw TegrastatsError(
                code: .tooLong,
                reason: "the line has more than \(TegrastatsReading.lineMax) bytes")
        }
        let bytes = Array(line)
        guard bytes.allSatisfy({ (0x20..<0x7F).contains($0) || Self.isBlank($0) }) else {
            throw TegrastatsError(code: .notText, reason: "the line has a byte that is no text")
        }
        words = try Self.split(bytes)[...]
        guard !words.isEmpty else {
            throw TegrastatsError(code: .empty, reason: "the line is empty")
        }
    }

    /// The next word, which stays.
    var next: ArraySlice<UInt8>? { words.first }

    /// Takes the next word.
    mutating func take() -> ArraySlice<UInt8>? { words.popFirst() }

    private static func split(_ bytes: [UInt8]) throws(TegrastatsError) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        var start: Int?
        var closing: UInt8?
        for (index, byte) in bytes.enumerated() {
            if let end = closing {
                if byte == end { closing = nil }
            } else if isBlank(byte) {
                if let begin = start { found.append(bytes[begin..<index]) }
                start = nil
                continue
            } else if byte == UInt8(ascii: "[") {
                closing = UInt8(ascii: "]")
            } else if byte == UInt8(ascii: "(") {
                closing = UInt8(ascii: ")")
            }
            if start == nil { start = index }
        }
        guard closing == nil else {
            throw TegrastatsError(code: .unclosed, reason: "a bracket of the line has no end")
        }
        if let start { found.append(bytes[start...]) }
        return found
    }

    /// A carriage return ends lines that went over a serial console.
    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }
}
