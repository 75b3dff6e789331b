import Dispatch
import Foundation

/// The terminal of this process, on stdin and stdout, without line editing.
final class TerminalScreen: Screen {
    private let saved: termios
    private let queue = DispatchQueue(label: "jctl.terminal")

    /// Takes the terminal over; whatever ends the process gives it back.
    init() throws(CommandError) {
        var settings = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw CommandError(
                .failed, "cannot use the terminal", why: unsafe String(cString: strerror(errno)),
                hint: "jctl top --once prints the fleet once")
        }
        saved = settings
        TerminalGuard.arm(settings)
        enter()
    }

    private func enter() {
        var raw = saved
        unsafe cfmakeraw(&raw)
        unsafe tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        write(Data(TerminalGuard.enter.utf8))
    }

    var size: TopSize {
        var window = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0 else {
            return TopSize(columns: 80, rows: 24)
        }
        return TopSize(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    func inputs() -> AsyncStream<ScreenInput> {
        // Whoever holds a key down fills it; what does not fit is as if not pressed.
        AsyncStream(bufferingPolicy: .bufferingOldest(1_000)) { continuation in
            let reader = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: queue)
            reader.setEventHandler {
                guard let bytes = Self.read() else {
                    reader.cancel()
                    continuation.yield(.ended)
                    return
                }
                if !bytes.isEmpty { continuation.yield(.bytes(bytes)) }
            }
            let resize = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: queue)
            resize.setEventHandler { continuation.yield(.resized) }
            let resume = DispatchSource.makeSignalSource(signal: SIGCONT, queue: queue)
            resume.setEventHandler { [weak self] in
                self?.enter()
                continuation.yield(.resized)
            }
            // Dispatch's own objects may be used from everywhere, though they do not say so.
            nonisolated(unsafe) let sources: [any DispatchSourceProtocol] = [
                reader, resize, resume,
            ]
            continuation.onTermination = { _ in
                for source in unsafe sources { source.cancel() }
            }
            for source in unsafe sources { source.resume() }
        }
    }

    /// What was typed; nil at the terminal's end.
    private static func read() -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        repeat {
            let count = unsafe Foundation.read(STDIN_FILENO, &chunk, chunk.count)
            guard count > 0 else {
                return count < 0 && [EINTR, EAGAIN].contains(errno) ? bytes : nil
            }
            bytes += chunk.prefix(count)
            // An escape may be a key or the start of one, which over a network takes a moment.
        } while bytes.last == 0x1B && bytes.count < 65_536 && isReadable(withinMilliseconds: 30)
        return bytes
    }

    private static func isReadable(withinMilliseconds patience: Int32) -> Bool {
        var wanted = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&wanted, 1, patience) > 0
    }

    func write(_ data: Data) { _ = Descriptor.write(data, to: STDOUT_FILENO) }

    func close() { TerminalGuard.disarm() }
}

/// Gives the terminal back however the process ends, by a signal or a crash of its own too.
enum TerminalGuard {
    /// The other screen, without cursor, nothing wrapped: what was there comes back afterwards.
    static let enter: StaticString = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J"
    /// The way back.
    static let leave: StaticString = "\u{1B}[?2026l\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

    /// The signals that end a process which does not mind them, and those of its own faults.
    ///
    /// Not SIGPIPE: a controller that closes its connection while something is written to it must not end
    /// the process.
    static let signals = [
        SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV,
        SIGSYS,
    ]

    // Written by `arm` before a handler is there, and read by handlers and `disarm` only.
    nonisolated(unsafe) private static var saved = termios()
    nonisolated(unsafe) private static var isArmed = false

    static func arm(_ settings: termios) {
        unsafe saved = settings
        unsafe isArmed = true
        for number in signals {
            _ = signal(number) { number in
                // Only what a signal's handler may call.
                TerminalGuard.restore()
                _ = signal(number, SIG_DFL)
                raise(number)
            }
        }
        atexit { TerminalGuard.restore() }
    }

    static func disarm() {
        restore()
        for number in signals { _ = signal(number, SIG_DFL) }
    }

    private static func restore() {
        guard unsafe isArmed else { return }
        unsafe isArmed = false
        _ = unsafe write(STDOUT_FILENO, leave.utf8Start, leave.utf8CodeUnitCount)
        unsafe tcsetattr(STDIN_FILENO, TCSANOW, &saved)
    }
}

extension StaticString {
    fileprivate var utf8: [UInt8] {
        unsafe Array(UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount))
    }
}
