/// The form of a log on the link, on the controller's disk and in the object store.
///
/// A line of text for each record, as container runtimes of Kubernetes write them (CRI log format):
///
///     2026-11-23T16:21:17.722532488Z stdout F a line
///     2026-11-23T16:21:17.722532488Z stderr P the beginning of a line
///     2026-11-23T16:21:17.722532488Z system F 52428 bytes left out
///
/// A place in a log is counted in bytes of what the job wrote, without all that stands around them, and
/// including what was left out; so it is the same however the log was cut into records.
package enum LogText {
    /// The most bytes that a job wrote in one record.
    package static let contentMax = 16 << 10
    /// Bytes before a record's content.
    package static let headBytes = 40
    /// The most that one record may stand for: 1 EiB, so that one digit more overflows nothing.
    static let spanMax: UInt64 = 1 << 60

    /// Adds what a job wrote, in records of one line at most.
    ///
    /// - Parameters:
    ///   - bytes: What it wrote.
    ///   - source: Where it wrote it.
    ///   - time: When, in nanoseconds since 1970.
    ///   - text: The text to add it to.
    package static func append(
        _ bytes: some Collection<UInt8>, from source: LogSource, at time: Int64,
        to text: inout [UInt8]
    ) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(contentMax)
            let end = part.firstIndex(of: newline)
            appendHead(source, endsLine: end != nil, time, &text)
            text += part[..<(end ?? part.endIndex)]
            text.append(newline)
            rest = rest[(end.map { part.index(after: $0) } ?? part.endIndex)...]
        }
    }

    /// Adds a note that so many bytes are missing here.
    package static func appendGap(of count: UInt64, at time: Int64, to text: inout [UInt8]) {
        appendHead(.system, endsLine: true, time, &text)
        text += Array("\(count) bytes left out\n".utf8)
    }

    /// Adds a note that something is missing here, nobody knows how much; it stands for one byte.
    package static func append(_ loss: LogLoss, at time: Int64, to text: inout [UInt8]) {
        appendHead(.system, endsLine: true, time, &text)
        text += Array("1 byte or more left out: \(loss.rawValue)\n".utf8)
    }

    private static func appendHead(
        _ source: LogSource, endsLine: Bool, _ time: Int64, _ text: inout [UInt8]
    ) {
        UTCText.append(time, to: &text)
        text.append(space)
        text += source.name
        text.append(space)
        text.append(endsLine ? whole : partial)
        text.append(space)
    }

    /// The record that begins at an index; nil at the end.
    package static func record(
        in text: borrowing [UInt8], at start: Int
    ) throws(LogTextError) -> LogRecord? {
        guard start >= 0, start < text.count else { return nil }
        let content = start + headBytes
        guard content < text.count, UTCText.isOne(text, at: start),
            text[start + 30] == space, text[start + 37] == space, text[start + 39] == space,
            let source = LogSource(text, at: start + 31),
            text[start + 38] == whole || text[start + 38] == partial
        else { throw LogTextError(at: start) }
        var end = content
        while end < text.count, text[end] != newline { end += 1 }
        guard end < text.count else { throw LogTextError(at: start) }
        guard end - content <= contentMax else { throw LogTextError(at: start) }
        let endsLine = text[start + 38] == whole
        var span = UInt64(end - content) + (endsLine ? 1 : 0)
        if source == .system {
            guard let count = number(text, content..<end) else { throw LogTextError(at: start) }
            span = count
        }
        return LogRecord(
            start: start, content: content..<end, source: source, endsLine: endsLine, span: span)
    }

    /// What of a text is behind a place, and where in the log the text ends.
    ///
    /// - Parameters:
    ///   - place: The place, in bytes of the log.
    ///   - text: Whole records.
    ///   - offset: Where the text begins in the log.
    /// - Returns: The records behind the place, the first one cut if need be; the text's end.
    /// - Throws: `LogTextError` when it is no text of records.
    package static func part(
        behind place: UInt64, of text: [UInt8], at offset: UInt64
    ) throws(LogTextError) -> (text: [UInt8], end: UInt64) {
        var result: [UInt8] = []
        var kept = 0
        var end = offset
        var index = 0
        while let record = try record(in: text, at: index) {
            index = record.end
            let (sum, isTooMuch) = end.addingReportingOverflow(record.span)
            guard !isTooMuch, sum <= 1 << 62 else { throw LogTextError(at: record.start) }
            let begin = end
            end = sum
            if end <= place {
                kept = index
            } else if begin < place {
                kept = index
                appendRest(of: record, in: text, from: place - begin, to: &result)
            }
        }
        return (result.isEmpty && kept == 0 ? text : result + text[kept...], end)
    }

    /// Adds a record without its first bytes; `count` is less than what it stands for.
    private static func appendRest(
        of record: LogRecord, in text: [UInt8], from count: UInt64, to result: inout [UInt8]
    ) {
        let content = record.content
        if record.source == .system {
            result += text[record.start..<content.lowerBound]
            result += Array("\(record.span - count) bytes left out\n".utf8)
        } else {
            result += text[record.start..<content.lowerBound]
            result += text[content.dropFirst(Int(clamping: count))]
            result.append(newline)
        }
    }

    /// The number at the beginning of a note.
    private static func number(_ text: borrowing [UInt8], _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        var index = range.lowerBound
        while index < range.upperBound, (48...57).contains(text[index]) {
            value = value * 10 + UInt64(text[index] - 48)
            guard value <= spanMax else { return nil }
            index += 1
        }
        return index > range.lowerBound ? value : nil
    }

    private static let newline = UInt8(ascii: "\n")
    private static let space = UInt8(ascii: " ")
    private static let whole = UInt8(ascii: "F")
    private static let partial = UInt8(ascii: "P")
}

/// Why something of a log is missing, nobody knows how much.
package enum LogLoss: String, Hashable, Sendable {
    /// Docker keeps only the end of a long log.
    case deleted = "Docker deleted it before it was read"
    /// A worker reports only the end of what has come since its last report.
    case unreported = "the worker told only the end of it"
}

/// Where a record of a log comes from.
package enum LogSource: Sendable {
    /// The job's standard output; also all of a terminal, and what a worker reports of a job.
    case stdout
    /// The job's standard error.
    case stderr
    /// The fleet: what is missing in the log.
    case system

    var name: [UInt8] {
        switch self {
        case .stdout: Array("stdout".utf8)
        case .stderr: Array("stderr".utf8)
        case .system: Array("system".utf8)
        }
    }

    /// The source whose name stands there; nil when none does.
    init?(_ text: borrowing [UInt8], at start: Int) {
        guard start >= 0, start <= text.count - 6 else { return nil }
        for source in [LogSource.stdout, .stderr, .system] {
            if text[start..<start + 6].elementsEqual(source.name) {
                self = source
                return
            }
        }
        return nil
    }
}

/// Where a record stands in a text.
package struct LogRecord: Hashable, Sendable {
    /// Where its line begins, with its time.
    package let start: Int
    /// Where what the job wrote is, without the line's end.
    package let content: Range<Int>
    /// Where it comes from.
    package let source: LogSource
    /// Whether the job ended the line.
    package let endsLine: Bool
    /// Bytes of the log that it stands for, at most 1 EiB.
    package let span: UInt64

    /// Where the next record begins.
    package var end: Int { content.upperBound + 1 }
}

/// A text is no log.
package struct LogTextError: Error, Hashable, CustomStringConvertible {
    /// Where the record begins that is none.
    package let offset: Int

    init(at offset: Int) { self.offset = offset }

    /// A sentence for people.
    package var description: String { "no record of a log begins at byte \(offset)" }
}

/// Times of records: RFC 3339 in UTC with nine decimals, 30 bytes.
package enum UTCText {
    /// Bytes of a time.
    package static let count = 30
    private static let pattern = Array("dddd-dd-ddTdd:dd:dd.dddddddddZ".utf8)

    /// Adds a time in nanoseconds since 1970; one before that counts as 1970.
    package static func append(_ nanoseconds: Int64, to text: inout [UInt8]) {
        let (seconds, rest) = max(0, nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
        let (days, ofDay) = seconds.quotientAndRemainder(dividingBy: 86_400)
        // The Gregorian calendar, with eras of 400 years and the year beginning in March.
        let shifted = days + 719_468
        let (era, ofEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        put(year, 4, "-", &text)
        put(month, 2, "-", &text)
        put(day, 2, "T", &text)
        put(ofDay / 3_600, 2, ":", &text)
        put(ofDay / 60 % 60, 2, ":", &text)
        put(ofDay % 60, 2, ".", &text)
        put(rest, 9, "Z", &text)
    }

    private static func put(
        _ number: Int64, _ digits: Int, _ end: Unicode.Scalar, _ text: inout [UInt8]
    ) {
        let start = text.count
        var rest = number
        for _ in 0..<digits { text.append(0) }
        for index in (start..<start + digits).reversed() {
            text[index] = UInt8(48 + rest % 10)
            rest /= 10
        }
        text.append(UInt8(ascii: end))
    }

    /// Whether a time stands there.
    static func isOne(_ text: borrowing [UInt8], at start: Int) -> Bool {
        guard start >= 0, start <= text.count - pattern.count else { return false }
        for index in pattern.indices {
            let byte = text[start + index]
            if pattern[index] == UInt8(ascii: "d") {
                guard (48...57).contains(byte) else { return false }
            } else if byte != pattern[index] {
                return false
            }
        }
        return true
    }
}
