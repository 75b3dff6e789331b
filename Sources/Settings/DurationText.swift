/// Durations as people write them: `45s`, `5m`, `1h`, `500ms`, `2h30m`.
package enum DurationText {
    /// Units in nanoseconds, the largest first.
    private static let units: [(name: String, size: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000),
        ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000), ("ns", 1),
    ]
    private static let example = "45s, 5m, 1h or 2h30m"

    /// Reads a duration of at most about 292 years; each unit at most once, the larger first.
    package static func parse(_ text: String) throws(TextProblem) -> Duration {
        var total: Int64 = 0
        var next = 0
        for part in try UnitNumber.split(text, example: example) {
            guard let index = units.firstIndex(where: { $0.name == part.unit }) else {
                let known = units.map(\.name).joined(separator: ", ")
                throw TextProblem(
                    "has an unknown unit \(Shown.quoted(part.unit)); the units are \(known)")
            }
            guard index >= next else {
                throw TextProblem(
                    "must have its units from large to small, like \(example), not \(Shown.quoted(text))"
                )
            }
            next = index + 1
            guard let value = part.times(units[index].size) else {
                throw TextProblem("is too large: \(Shown.quoted(text))")
            }
            let (sum, overflow) = total.addingReportingOverflow(value)
            guard !overflow else { throw TextProblem("is too large: \(Shown.quoted(text))") }
            total = sum
        }
        return .nanoseconds(total)
    }

    /// Writes a duration so that `parse` gives it back; whole nanoseconds, days as hours.
    package static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return "-" + format(.zero - duration) }
        var text = ""
        var rest = seconds
        for (name, size) in [("h", Int64(3600)), ("m", 60), ("s", 1)] where rest / size > 0 {
            text += "\(rest / size)\(name)"
            rest %= size
        }
        var nanoseconds = attoseconds / 1_000_000_000
        for (name, size) in [("ms", Int64(1_000_000)), ("us", 1000), ("ns", 1)]
        where nanoseconds / size > 0 {
            text += "\(nanoseconds / size)\(name)"
            nanoseconds %= size
        }
        return text.isEmpty ? "0s" : text
    }
}
