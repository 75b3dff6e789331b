/// What went wrong while talking to a worker, or while reading what it sent.
package struct WorkerError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// No connection, or it broke before the whole answer came.
        case unreachable
        /// No answer in time. A start that timed out may still have begun.
        case timeout
        /// The calling task was cancelled.
        case cancelled
        /// The worker answered something that is not its contract.
        case badResponse
        /// The result was readable but its outputs cannot be taken.
        case badOutput
        /// A body, a value or the outputs passed a bound.
        case tooLarge
        /// The caller asked for something that cannot be sent.
        case invalidRequest
        /// The webhook listener could not be bound.
        case listenFailed
    }

    package let code: Code
    /// One sentence for a person; never contains a secret.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
