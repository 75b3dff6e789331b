import Logging
import Synchronization

/// Hands on what the HTTP server logs, until the controller ends.
///
/// Then its connections are cut on purpose, and its word for that is no error of anybody's.
struct ServerLog: LogHandler {
    /// Whether the controller ends.
    final class Ending: Sendable {
        private let flag = Atomic<Bool>(false)

        /// From now on nothing is handed on.
        func begin() { flag.store(true, ordering: .relaxed) }
        var hasBegun: Bool { flag.load(ordering: .relaxed) }
    }

    private var logger: Logger
    private let ending: Ending
    var metadata: Logger.Metadata = [:]

    /// A logger for the server whose lines go to another.
    static func logger(to logger: Logger, until ending: Ending) -> Logger {
        Logger(label: logger.label) { _ in ServerLog(logger: logger, ending: ending) }
    }

    private init(logger: Logger, ending: Ending) {
        self.logger = logger
        self.ending = ending
    }

    var logLevel: Logger.Level {
        get { logger.logLevel }
        set { logger.logLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        if ending.hasBegun { return }
        logger.log(
            level: event.level, event.message,
            metadata: metadata.merging(event.metadata ?? [:]) { $1 }, source: event.source,
            file: event.file, function: event.function, line: event.line)
    }
}
