/// A failure as the person at the terminal needs it: what failed, why, what to do next.
struct CommandError: Error, Equatable {
    /// The code the process exits with.
    var status: ExitStatus
    /// What failed, as the rest of a sentence: `cannot cancel job X`.
    var what: String
    /// Why, if known.
    var why: String?
    /// One line for each further fact, such as each mistake in a file.
    var details: [String]
    /// What to do next, if there is something.
    var hint: String?
    /// The controller's machine-readable code, if it gave one.
    var code: String?
    /// The id of the request in the controller's log, if it was reached.
    var requestID: String?
    /// Whether the request went out and nobody knows what came of it, so it may have been obeyed.
    var mayHaveArrived = false
    /// When to come back, if the controller said so.
    var retryAfter: Duration?
    /// Whether the controller only does not do it now: too much was asked for.
    var isTooMuchNow: Bool { retryAfter != nil && (status == .failed || code == "queue_full") }
    /// Whether the same can be had later.
    var isPassing: Bool { status.isPassing || isTooMuchNow }

    /// Creates an error.
    init(
        _ status: ExitStatus, _ what: String, why: String? = nil, details: [String] = [],
        hint: String? = nil, code: String? = nil, requestID: String? = nil
    ) {
        self.status = status
        self.what = what
        self.why = why
        self.details = details
        self.hint = hint
        self.code = code
        self.requestID = requestID
    }

    /// A wrong use of the command line.
    static func usage(_ what: String, why: String? = nil, hint: String? = nil) -> CommandError {
        CommandError(.usage, what, why: why, hint: hint)
    }

    /// The lines for stderr; text from the controller cannot steer the terminal.
    func lines(debug: Bool) -> [String] {
        var lines = ["jctl: " + what + (why.map { ": " + $0 } ?? "")]
        lines += details.map { "  " + $0 }
        if let hint { lines.append("hint: " + hint) }
        if debug {
            if let code { lines.append("code: " + code) }
            lines.append("request id: " + (requestID ?? "none, the controller gave none"))
        }
        return lines.map { SafeText.line($0) }
    }
}
