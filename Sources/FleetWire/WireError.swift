/// Why a message cannot be sent or is refused.
package struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, for programs.
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// The message is larger than `WireLimits.message`.
        case messageTooLarge
        /// The bytes are no message, or would need too much memory.
        case malformed
        /// A required part is absent.
        case missing
        /// A text has too many bytes, or too few.
        case textLength
        /// A text is not UTF-8 or has a character that is not allowed there.
        case textContent
        /// A list has too many elements.
        case tooMany
        /// A number is outside its bounds.
        case outOfRange
        /// The value cannot be carried, or is of a newer version where it must not be ignored.
        case unsupported
    }

    /// What is wrong.
    package let code: Code
    /// The message and its field, such as `WorkerSpec.image`.
    package let field: String
    /// One sentence for people; holds nothing of what the peer sent but lengths and numbers.
    package let message: String

    /// Creates an error.
    package init(_ code: Code, _ field: String, _ message: String) {
        self.code = code
        self.field = field
        self.message = message
    }

    /// `FIELD: MESSAGE`.
    package var description: String { "\(field): \(message)" }
}
