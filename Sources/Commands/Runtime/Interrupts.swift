import Dispatch
import Foundation

/// ^C as a stream.
enum Interrupts {
    /// One element at the first ^C; the second one ends the process at once, whatever it is doing.
    static func stream() -> AsyncStream<Void> {
        AsyncStream { continuation in
            signal(SIGINT, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
            source.setEventHandler {
                signal(SIGINT, SIG_DFL)
                continuation.yield()
            }
            source.resume()
            // The source lives as long as the process: one jctl runs one command.
            unsafe kept.append(source)
        }
    }

    // Only the first command of the process appends, before anything else runs.
    nonisolated(unsafe) private static var kept: [any DispatchSourceSignal] = []
}
