/// An error of the Redis store: what kind it is, and one sentence for a person.
package struct RedisStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// Redis could not be reached or did not answer. With `outcomeUnknown` the commands may or
        /// may not have run; without it they certainly did not.
        case unavailable(outcomeUnknown: Bool)
        /// The term of a commit is not the current one: another controller leads. Nothing was
        /// written.
        case fenced
        /// A later batch is already committed, so this one was skipped.
        case superseded
        /// Redis refused a command.
        case rejected
        /// Redis refused the user name, the password or the database number.
        case authentication
        /// The peer sent bytes that are not the Redis protocol, or more than the limits allow.
        case protocolViolation
        /// The caller asked for something that cannot be sent: empty, or above a limit.
        case invalidArgument
        /// The private server cannot be started or used.
        case server
    }

    /// What went wrong, for code.
    package let code: Code
    /// What went wrong, for people.
    package let message: String

    /// Creates an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the commands may have run although no answer came.
    package var outcomeUnknown: Bool { code == .unavailable(outcomeUnknown: true) }

    /// The message.
    package var description: String { message }
}
