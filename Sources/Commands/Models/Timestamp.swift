import Foundation

/// An RFC 3339 time; one that cannot be read keeps its text.
struct Timestamp: Decodable, Sendable, Equatable {
    /// The text as sent.
    let text: String
    /// The moment, nil when the text is no time.
    let date: Date?

    /// Creates a time from its text.
    init(_ text: String) {
        self.text = text
        date = Self.parse(text)
    }

    init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    /// The time of day for a list of events: `14:03:07.250`.
    var clock: String {
        guard let mark = text.firstIndex(of: "T") else { return text }
        return String(text[text.index(after: mark)...].prefix(12).prefix { $0 != "Z" && $0 != "+" })
    }

    private static func parse(_ text: String) -> Date? {
        let bytes = Array(text.utf8)
        func number(_ start: Int, _ count: Int) -> Int? {
            guard start + count <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[start..<start + count] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
            let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2),
            (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var fraction = 0.0
        var index = 19
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            var unit = 0.1
            index += 1
            while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 {
                fraction += Double(bytes[index] - 0x30) * unit
                unit /= 10
                index += 1
            }
        }
        guard index < bytes.count, let offset = Self.offset(bytes[index...], number) else {
            return nil
        }
        let days = daysFromEpoch(year, month, day)
        let whole = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Date(timeIntervalSince1970: Double(whole) + fraction)
    }

    private static func offset(_ zone: ArraySlice<UInt8>, _ number: (Int, Int) -> Int?) -> Int? {
        guard let sign = zone.first else { return nil }
        if sign == UInt8(ascii: "Z") || sign == UInt8(ascii: "z") { return 0 }
        let start = zone.startIndex + 1
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hours = number(start, 2), let minutes = number(start + 3, 2)
        else { return nil }
        return (hours * 3600 + minutes * 60) * (sign == UInt8(ascii: "-") ? -1 : 1)
    }

    /// Days since 1970-01-01 in the Gregorian calendar, counted in years that start in March.
    private static func daysFromEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }
}
