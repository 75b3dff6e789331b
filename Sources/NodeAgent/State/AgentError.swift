/// Why the agent cannot do its own work: start, keep its files.
package struct AgentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    package enum Code: String, Sendable {
        /// The state folder or a file in it cannot be used.
        case state
        /// The disk is full, or the agent's share of it is.
        case diskFull
        /// Another agent uses the same state folder.
        case locked
        /// A certificate or key is missing or wrong.
        case identity
        /// The machine's files under /proc cannot be read.
        case machine
    }

    /// The kind.
    package let code: Code
    /// One sentence for people.
    package let message: String

    /// Creates an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence.
    package var description: String { message }
}
