package import Foundation

/// Where a command reads and writes; tests give one that records.
package protocol Console: Sendable {
    /// Whether stdin is a terminal.
    var inIsTerminal: Bool { get }
    /// Whether stdout is a terminal.
    var outIsTerminal: Bool { get }
    /// Whether stderr is a terminal.
    var errIsTerminal: Bool { get }
    /// The terminal's columns and rows, or nil without a terminal.
    var size: (columns: Int, rows: Int)? { get }
    /// Writes data to stdout.
    func writeOut(_ data: Data)
    /// Writes a message to stderr.
    func writeErr(_ text: String)
    /// Reads stdin to its end; throws when there is more than `limit` bytes.
    func readIn(limit: Int) throws -> Data
}

/// The process's own stdin, stdout and stderr.
struct StandardConsole: Console {
    var inIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }
    var outIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    var errIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    var size: (columns: Int, rows: Int)? {
        var window = winsize()
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0
            else { continue }
            return (Int(window.ws_col), Int(window.ws_row))
        }
        return nil
    }

    /// A closed pipe (`jctl get jobs | head`) ends the process quietly, as SIGPIPE would have; all else is said.
    func writeOut(_ data: Data) {
        guard let code = Descriptor.write(data, to: STDOUT_FILENO) else { return }
        guard code != EPIPE else { exit(128 + SIGPIPE) }
        let failure = CommandError(
            .failed, "cannot write to stdout", why: unsafe String(cString: strerror(code)))
        writeErr(failure.lines(debug: false).joined(separator: "\n") + "\n")
        exit(failure.status.rawValue)
    }

    /// Messages are best effort: with stderr closed there is nobody left to tell.
    func writeErr(_ text: String) {
        _ = Descriptor.write(Data(text.utf8), to: STDERR_FILENO)
    }

    func readIn(limit: Int) throws -> Data {
        var data = Data()
        while let more = try FileHandle.standardInput.read(upToCount: 65_536), !more.isEmpty {
            data.append(more)
            guard data.count <= limit else {
                throw CommandError.usage("stdin is too large", why: "at most \(limit) bytes")
            }
        }
        return data
    }
}
