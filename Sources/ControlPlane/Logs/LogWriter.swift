import FleetCore

/// Makes of a log's records what a reader has asked for.
struct LogWriter: Sendable {
    private let isRaw: Bool
    private let timestamps: Bool
    private var isAtLineStart = true

    init(_ query: LogQuery) {
        isRaw = query.isRaw
        timestamps = query.timestamps
    }

    /// The form of whole records.
    mutating func write(_ text: [UInt8]) throws -> [UInt8] {
        if isRaw { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while let record = try LogText.record(in: text, at: index) {
            index = record.end
            add(record, text, text[record.start..<record.start + UTCText.count], &out)
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

/// A log from the first record on that was not written before a time.
struct LogSince: Sendable {
    /// As text, whose order is that of the times.
    private let time: [UInt8]
    /// What is there from that record on; empty before it is reached.
    private(set) var text: [UInt8] = []
    /// Where that record begins in the log, or is to come.
    private(set) var offset: UInt64

    init(_ time: Instant, from offset: UInt64) {
        var text: [UInt8] = []
        UTCText.append(time.nanoseconds, to: &text)
        self.time = text
        self.offset = offset
    }

    /// Whether the record has come: all that follows belongs to it.
    var isReached: Bool { !text.isEmpty }

    /// Adds whole records.
    mutating func add(_ new: [UInt8]) throws {
        var index = 0
        while let record = try LogText.record(in: new, at: index) {
            let written = new[record.start..<record.start + UTCText.count]
            guard written.lexicographicallyPrecedes(time) else {
                text = Array(new[index...])
                return
            }
            index = record.end
            offset += record.span
        }
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
