/// Whole numbers and truth values as they stand in files, flags and variables.
package enum ScalarText {
    /// Reads a whole number within `range`; no leading zeros, which some readers take for octal.
    package static func int(_ text: String, in range: ClosedRange<Int>) throws(TextProblem) -> Int {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            digits.first != UInt8(ascii: "0") || digits.count == 1
        else {
            throw TextProblem(
                "must be a whole number \(words(range)), not \(Shown.quoted(text))")
        }
        guard let value = Int(text), range.contains(value) else {
            throw TextProblem(
                "must be a whole number \(words(range)), is \(Shown.oneLine(text, limit: 40))")
        }
        return value
    }

    /// Reads `true` or `false`.
    package static func bool(_ text: String) throws(TextProblem) -> Bool {
        switch text {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: throw TextProblem("must be true or false, not \(Shown.quoted(text))")
        }
    }

    /// Reads a duration within `range`.
    package static func duration(
        _ text: String, in range: ClosedRange<Duration>
    ) throws(TextProblem) -> Duration {
        let value = try DurationText.parse(text)
        guard range.contains(value) else {
            let low = DurationText.format(range.lowerBound)
            let high = DurationText.format(range.upperBound)
            throw TextProblem(
                "must be from \(low) to \(high), is \(Shown.oneLine(text, limit: 40))")
        }
        return value
    }

    /// Reads a size in bytes within `range`.
    package static func size(
        _ text: String, in range: ClosedRange<Int64>
    ) throws(TextProblem) -> Int64 {
        let value = try SizeText.parse(text)
        guard range.contains(value) else {
            let low = SizeText.format(range.lowerBound)
            let high = SizeText.format(range.upperBound)
            throw TextProblem(
                "must be from \(low) to \(high), is \(Shown.oneLine(text, limit: 40))")
        }
        return value
    }

    /// `from 1 to 65535`, `of at least 1` or nothing.
    static func words(_ range: ClosedRange<Int>) -> String {
        if range.upperBound == Int.max {
            return range.lowerBound == Int.min ? "" : "of at least \(range.lowerBound)"
        }
        return "from \(range.lowerBound) to \(range.upperBound)"
    }
}
