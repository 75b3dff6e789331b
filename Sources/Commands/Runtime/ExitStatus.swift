/// What the process reports to the shell; fixed numbers that scripts rely on.
enum ExitStatus: Int32, Sendable {
    case success = 0
    case failed = 1
    case usage = 2
    case notAuthorised = 4
    case notFound = 5
    case conflict = 6
    case unreachable = 7
    case timedOut = 8
    case interrupted = 130
}

/// Ends the command with a code and no further message, since all was said already.
struct QuietExit: OwnError {
    let code: Int32
}

/// An error of a command's own, which the HTTP client hands on as it is.
protocol OwnError: Error {}

extension ExitStatus {
    /// Whether trying again later can help.
    var isPassing: Bool { self == .unreachable || self == .timedOut }
}
