import WorkerContracts

/// Finds what is new in a log that comes as a whole, or as its end, again and again.
struct LogSplitter: Sendable {
    /// Whether something is missing before what was new in the last text.
    private(set) var followsLoss = false
    private var last: [UInt8] = []

    /// A text of so many bytes may be only the end, cut between characters.
    private static let cutFrom = CogResult.logsBytesMax - 3

    /// What was not in the last text: its longest end that the new one begins with is known.
    mutating func fresh(in text: String) -> ArraySlice<UInt8> {
        let now = Array(text.utf8)
        let known = Self.overlap(end: last, start: now)
        // An outdated report, which may come later than a newer one, has nothing new.
        if known == 0, !now.isEmpty, last.count >= now.count, last.starts(with: now) { return [] }
        followsLoss =
            known == 0 && !now.isEmpty && (!last.isEmpty || now.count >= Self.cutFrom)
        last = now
        return now[known...]
    }

    /// The length of the longest end of one text that is a start of the other; linear in both.
    static func overlap(end: [UInt8], start: [UInt8]) -> Int {
        guard !start.isEmpty else { return 0 }
        var fallback = [Int](repeating: 0, count: start.count)
        var matched = 0
        for index in start.indices.dropFirst() {
            while matched > 0, start[index] != start[matched] { matched = fallback[matched - 1] }
            if start[index] == start[matched] { matched += 1 }
            fallback[index] = matched
        }
        matched = 0
        for byte in end {
            if matched == start.count { matched = fallback[matched - 1] }
            while matched > 0, byte != start[matched] { matched = fallback[matched - 1] }
            if byte == start[matched] { matched += 1 }
        }
        return matched
    }
}
