import FleetCore

/// Makes of a log's records what a reader has asked for.
struct LogWriter: Sendable {
    private let isRaw: Bool
    private let timestamps: Bool
    /// Times before it are passed over; as text, whose order is that of the times.
    private let since: [UInt8]?
    private var isAtLineStart = true

    init(_ query: LogQuery, now: Instant) {
        isRaw = query.isRaw
        timestamps = query.timestamps
        since = query.since.map {
            var text: [UInt8] = []
            UTCText.append((now - $0).nanoseconds, to: &text)
            return text
        }
    }

    /// The form of whole records.
    mutating func write(_ text: [UInt8]) throws -> [UInt8] {
        if isRaw, since == nil { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while let record = try LogText.record(in: text, at: index) {
            index = record.end
            let time = text[record.start..<record.start + UTCText.count]
            if let since, time.lexicographicallyPrecedes(since) { continue }
            if isRaw {
                out += text[record.start..<record.end]
            } else {
                add(record, text, time, &out)
            }
        }
        return out
    }

    private mutating func add(
        _ record: LogRecord, _ text: [UInt8], _ time: ArraySlice<UInt8>, _ out: inout [UInt8]
    ) {
        let newline = UInt8(ascii: "\n")
        if record.source == .system, !isAtLineStart {
            out.append(newline)
            isAtLineStart = true
        }
        if timestamps, isAtLineStart {
            out += time
            out.append(UInt8(ascii: " "))
        }
        if record.source == .system {
            out += Array("… ".utf8) + text[record.content] + Array(" …".utf8)
        } else {
            out += text[record.content]
        }
        if record.endsLine { out.append(newline) }
        isAtLineStart = record.endsLine
    }
}

/// The last lines of a log.
struct LogTail: Sendable {
    private let lines: Int
    /// Records of the last lines, and how many of them end one.
    private var records: [(text: ArraySlice<UInt8>, span: UInt64, endsLine: Bool)] = []
    private var first = 0
    private var ends = 0
    private var isOpen = false
    /// Where the lines begin in the log.
    private(set) var offset: UInt64

    init(lines: Int, from offset: UInt64) {
        self.lines = lines
        self.offset = offset
    }

    /// The records.
    var text: [UInt8] { records[first...].flatMap(\.text) }

    /// Adds whole records.
    mutating func add(_ text: [UInt8]) throws {
        var index = 0
        while let record = try LogText.record(in: text, at: index) {
            index = record.end
            records.append((text[record.start..<record.end], record.span, record.endsLine))
            if record.endsLine { ends += 1 }
            isOpen = !record.endsLine
            while first < records.count, ends + (isOpen ? 1 : 0) > lines {
                if records[first].endsLine { ends -= 1 }
                offset += records[first].span
                first += 1
                if first == records.count { isOpen = false }
            }
        }
        if first > 4_096 {
            records.removeFirst(first)
            first = 0
        }
    }
}
