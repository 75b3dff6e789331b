import Foundation

/// A record of a log, in the form of container runtimes' logs: a line or a part of one.
struct LogRecord: Hashable, Sendable {
    /// When it was written, RFC 3339.
    var time: String
    /// `stdout`, `stderr`, or `system` for a note of what is missing.
    var source: String
    /// What was written, without the line's end.
    var bytes: [UInt8]
    /// Whether the line ends here.
    var endsLine: Bool
    /// Bytes of the log that it stands for.
    var span: UInt64
}

/// Takes a log's records out of bytes that are cut anywhere.
struct LogRecords {
    /// More than any record of a controller has.
    static let bytesMax = 1 << 20
    private var pending: [UInt8] = []

    /// The records that are whole by now.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws -> [LogRecord] {
        pending += bytes
        var records: [LogRecord] = []
        var start = 0
        while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
            records.append(try Self.record(pending[start..<end]))
            start = end + 1
        }
        pending.removeFirst(start)
        guard pending.count <= Self.bytesMax else { throw Self.damage }
        return records
    }

    static let damage = CommandError(.failed, "the controller sent a log that is none")

    private static func record(_ line: ArraySlice<UInt8>) throws -> LogRecord {
        let parts = line.split(
            separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[2].count == 1 else { throw damage }
        var record = LogRecord(
            time: String(decoding: parts[0], as: UTF8.self),
            source: String(decoding: parts[1], as: UTF8.self), bytes: Array(parts[3]),
            endsLine: parts[2].first == UInt8(ascii: "F"), span: UInt64(parts[3].count))
        if record.source == "system" {
            let count = String(decoding: parts[3].prefix { $0 != 0x20 }, as: UTF8.self)
            guard let span = UInt64(count), span <= 1 << 62 else { throw damage }
            record.span = span
        } else if record.endsLine {
            record.span += 1
        }
        return record
    }
}

/// Records on their way to stdout: exact into a pipe, harmless on a terminal.
struct LogPrinter {
    let console: any Console
    let timestamps: Bool
    let isExact: Bool
    private var pieces = TextPieces()
    private var isAtLineStart = true

    init(console: any Console, timestamps: Bool, isRaw: Bool) {
        self.console = console
        self.timestamps = timestamps
        isExact = isRaw || !console.outIsTerminal
    }

    mutating func write(_ record: LogRecord) {
        var bytes: [UInt8] = []
        let isNote = record.source == "system"
        if isNote, !isAtLineStart {
            bytes.append(UInt8(ascii: "\n"))
            isAtLineStart = true
        }
        if timestamps, isAtLineStart { bytes += Array("\(record.time) ".utf8) }
        if isNote { bytes += Array("… ".utf8) }
        bytes += record.bytes
        if isNote { bytes += Array(" …".utf8) }
        if record.endsLine { bytes.append(UInt8(ascii: "\n")) }
        isAtLineStart = record.endsLine
        guard !isExact else { return console.writeOut(Data(bytes)) }
        console.writeOut(Data(SafeText.block(pieces.feed(bytes)).utf8))
    }

    mutating func finish() {
        let rest = pieces.finish()
        if !rest.isEmpty { console.writeOut(Data(SafeText.block(rest).utf8)) }
    }
}
