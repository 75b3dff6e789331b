/// Why a line of tegrastats cannot be read.
package struct TegrastatsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of mistake.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Nothing but spaces.
        case empty
        /// More than `TegrastatsReading.lineMax` bytes.
        case tooLong
        /// A byte that is neither printable ASCII nor a space or tab.
        case notText
        /// A bracket or a parenthesis without its end: the line was cut.
        case unclosed
        /// Not one field that tegrastats is known to print: a banner, or words of an error.
        case nothingKnown
    }

    /// The kind of mistake.
    package let code: Code
    /// What is wrong, for people.
    package let reason: String

    /// In words.
    package var description: String { reason }
}
