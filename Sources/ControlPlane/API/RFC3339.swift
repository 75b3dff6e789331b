import FleetCore

/// Times as RFC 3339 writes them: `2026-01-31T12:00:00.5+02:00`.
enum RFC3339 {
    /// Milliseconds since 1970, before it negative; nil when the text is no such time.
    static func milliseconds(_ text: String) -> Int64? {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.number(4), reader.take("-"),
            let month = reader.number(2), reader.take("-"), let day = reader.number(2),
            reader.take("Tt "), let hour = reader.number(2), reader.take(":"),
            let minute = reader.number(2), reader.take(":"), let second = reader.number(2),
            (1...12).contains(month), day >= 1, day <= days(in: month, of: year), hour < 24,
            minute < 60, second <= 60, let fraction = reader.fraction(),
            let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let whole = daysSince1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
        return Int64(whole - offset * 60) * 1_000 + Int64(fraction)
    }

    /// The instant that a parameter of a request names.
    static func instant(_ text: String, of parameter: String) throws -> Instant {
        guard let milliseconds = milliseconds(text) else {
            throw APIError.invalid("`\(parameter)` must be a time such as 2026-01-31T12:00:00Z")
        }
        // What an instant can hold; nothing happened before or after.
        return Instant(nanoseconds: min(max(milliseconds, 0), 9_000_000_000_000) * 1_000_000)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    /// In the Gregorian calendar, counted in years that start in March.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    private struct Reader {
        let bytes: [UInt8]
        var place = 0

        var isAtEnd: Bool { place == bytes.count }

        mutating func take(_ any: StaticString) -> Bool {
            guard place < bytes.count, "\(any)".utf8.contains(bytes[place]) else { return false }
            place += 1
            return true
        }

        mutating func digit() -> Int? {
            guard place < bytes.count, (0x30...0x39).contains(bytes[place]) else { return nil }
            place += 1
            return Int(bytes[place - 1] - 0x30)
        }

        mutating func number(_ digits: Int) -> Int? {
            var value = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// The milliseconds of a fraction, 0 when there is none; more digits than three say nothing here.
        mutating func fraction() -> Int? {
            guard take(".") else { return 0 }
            guard var value = digit() else { return nil }
            var count = 1
            while let digit = digit() {
                count += 1
                if count <= 3 { value = value * 10 + digit }
            }
            while count < 3 {
                value *= 10
                count += 1
            }
            return value
        }

        /// Minutes east of Greenwich.
        mutating func offset() -> Int? {
            if take("Zz") { return 0 }
            let isWest = place < bytes.count && bytes[place] == UInt8(ascii: "-")
            guard take("+-"), let hours = number(2), take(":"), let minutes = number(2), hours < 24,
                minutes < 60
            else { return nil }
            return (hours * 60 + minutes) * (isWest ? -1 : 1)
        }
    }
}
