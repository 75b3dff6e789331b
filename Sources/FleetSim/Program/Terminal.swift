import Foundation
import Synchronization

/// What people read while a command works: on standard error.
enum Terminal {
    /// Writes a line.
    static func say(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    static let isInteractive = isatty(STDERR_FILENO) == 1

    /// A line of progress: at most one in `every`, overwritten on a terminal.
    final class Progress: Sendable {
        private let last = Mutex(ContinuousClock.now)
        private let every: Duration

        init(every: Duration = Terminal.isInteractive ? .milliseconds(250) : .seconds(10)) {
            self.every = every
        }

        func show(_ text: () -> String) {
            let isDue = last.withLock { last in
                guard ContinuousClock.now - last >= every else { return false }
                last = .now
                return true
            }
            guard isDue else { return }
            let line = Terminal.isInteractive ? "\r\u{1B}[K\(text())" : text() + "\n"
            FileHandle.standardError.write(Data(line.utf8))
        }

        func clear() {
            if Terminal.isInteractive { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        }
    }
}
