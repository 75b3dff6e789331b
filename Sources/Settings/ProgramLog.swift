import FoundationEssentials
import Glibc
package import Logging

extension LoggingSystem {
    /// Makes all loggers of this program write to standard error; to be called once.
    ///
    /// - Parameters:
    ///   - level: The least severe line written, as swift-log names it; `info` when it names none.
    ///   - json: Whether lines are JSON objects.
    package static func writeToStandardError(level: String, json: Bool) {
        let level = Logger.Level(rawValue: level) ?? .info
        bootstrap { label in
            if json { return JSONLogHandler(label: label, level: level) }
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
    }
}

/// Writes log lines as JSON objects to standard error.
struct JSONLogHandler: LogHandler {
    /// The least severe line written.
    var logLevel: Logger.Level
    /// What every line tells.
    var metadata: Logger.Metadata = [:]
    private let label: String

    /// Creates a handler for a logger's label.
    init(label: String, level: Logger.Level) {
        self.label = label
        self.logLevel = level
    }

    /// One of the things that every line tells.
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        var line: [String: String] = [:]
        for (key, value) in all { line[key] = "\(value)" }
        line["at"] = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        line["level"] = event.level.rawValue
        line["logger"] = label
        line["message"] = "\(event.message)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(line) else { return }
        let bytes = [UInt8](data) + [UInt8(ascii: "\n")]
        // One call, so that lines of several threads do not mix.
        _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    }
}
