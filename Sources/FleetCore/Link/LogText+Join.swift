extension LogText {
    /// One log of two texts that each tell of it from its beginning, with different holes.
    ///
    /// All of the first stays as it is, but for its holes, which are filled with what the other has there; what
    /// the other has beyond its end is added.
    ///
    /// - Throws: `LogTextError` when one is no text of records.
    package static func joined(
        _ first: [UInt8], _ other: [UInt8]
    ) throws(LogTextError) -> [UInt8] {
        var result: [UInt8] = []
        var own = try LogWalk(first)
        var rest = try LogWalk(other)
        while let record = own.record {
            var filling: [UInt8] = []
            var filled = own.place
            if record.source == .system, record.span > 0 {
                filled = try rest.takeContent(own.place..<own.end, to: &filling)
            }
            result += filling
            if filled < own.end || record.span == 0 {
                append(filled - own.place..<record.span, of: record, in: first, to: &result)
            }
            try own.advance()
        }
        try rest.take(own.place..<UInt64.max, to: &result)
        return result
    }

    /// Adds some of the bytes that a record stands for.
    fileprivate static func append(
        _ range: Range<UInt64>, of record: LogRecord, in text: [UInt8], to result: inout [UInt8]
    ) {
        guard range != 0..<record.span else {
            result += text[record.start..<record.end]
            return
        }
        let count = range.upperBound - range.lowerBound
        // Whether it ends a line stands before the last space of its head.
        let kind = record.content.lowerBound - 2
        result += text[record.start..<kind]
        if record.source == .system {
            result += Array("F \(count) bytes left out".utf8)
        } else {
            let endsLine = record.endsLine && range.upperBound == record.span
            result += Array((endsLine ? "F " : "P ").utf8)
            result += text[record.content].dropFirst(Int(clamping: range.lowerBound))
                .prefix(Int(clamping: count))
        }
        result.append(UInt8(ascii: "\n"))
    }
}

/// Goes through a text of records once, from the log's beginning.
private struct LogWalk {
    private let text: [UInt8]
    /// The record it stands at; nil at the end.
    private(set) var record: LogRecord?
    /// Where that begins and ends in the log.
    private(set) var place: UInt64 = 0
    private(set) var end: UInt64 = 0

    init(_ text: [UInt8]) throws(LogTextError) {
        self.text = text
        try stand(at: 0)
    }

    mutating func advance() throws(LogTextError) {
        guard let record else { return }
        place = end
        try stand(at: record.end)
    }

    private mutating func stand(at index: Int) throws(LogTextError) {
        record = try LogText.record(in: text, at: index)
        guard let record else { return }
        let (sum, isTooMuch) = place.addingReportingOverflow(record.span)
        guard !isTooMuch, sum <= 1 << 62 else { throw LogTextError(at: record.start) }
        end = sum
    }

    /// Adds what it has in a part of the log that begins no sooner than the one before; says where that
    /// ends, and whether a job wrote any of it.
    @discardableResult
    mutating func take(
        _ part: Range<UInt64>, to result: inout [UInt8]
    ) throws(LogTextError) -> (end: UInt64, hasContent: Bool) {
        var taken = (end: part.lowerBound, hasContent: false)
        while let record, place < part.upperBound {
            if end > part.lowerBound {
                let begin = max(place, part.lowerBound)
                taken.end = min(end, part.upperBound)
                LogText.append(
                    begin - place..<taken.end - place, of: record, in: text, to: &result)
                if record.source != .system { taken.hasContent = true }
            }
            guard end <= part.upperBound else { break }
            try advance()
        }
        return taken
    }

    /// As ``take(_:to:)``, but nothing when all of it is holes.
    mutating func takeContent(
        _ part: Range<UInt64>, to result: inout [UInt8]
    ) throws(LogTextError) -> UInt64 {
        var found: [UInt8] = []
        let taken = try take(part, to: &found)
        guard taken.hasContent else { return part.lowerBound }
        result += found
        return taken.end
    }
}
