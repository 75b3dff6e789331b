import Glibc

/// Wall clock times as S3 writes them: in signatures, and in listings.
struct Timestamp: Sendable, Equatable {
    /// Seconds since 1970.
    let seconds: Int

    /// `20130524T000000Z`.
    var long: String {
        let day = Self.floorDivide(seconds, 86_400)
        let rest = seconds - day * 86_400
        return short + "T" + Self.two(rest / 3600) + Self.two(rest / 60 % 60) + Self.two(rest % 60)
            + "Z"
    }

    /// `20130524`.
    var short: String {
        // Days are counted from 1 March of the year 0, so that leap days come last (the usual civil
        // calendar method).
        let shifted = Self.floorDivide(seconds, 86_400) + 719_468
        let era = Self.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return String(year) + Self.two(month) + Self.two(day)
    }

    private static func floorDivide(_ value: Int, _ by: Int) -> Int {
        value >= 0 ? value / by : -((-value + by - 1) / by)
    }

    private static func two(_ value: Int) -> String {
        value < 10 ? "0\(value)" : "\(value)"
    }
}

extension Timestamp {
    /// Reads `2013-05-24T00:00:00.000Z`, as listings have it; nil when it is nothing of the kind.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        let marks: [(place: Int, byte: UInt8)] = [
            (4, UInt8(ascii: "-")), (7, UInt8(ascii: "-")), (10, UInt8(ascii: "T")),
            (13, UInt8(ascii: ":")), (16, UInt8(ascii: ":")),
        ]
        guard (20...40).contains(bytes.count), bytes.last == UInt8(ascii: "Z"),
            marks.allSatisfy({ bytes[$0.place] == $0.byte }),
            // Parts of a second say nothing here.
            bytes.count == 20 || bytes[19] == UInt8(ascii: "."),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10]), let hour = Self.number(bytes[11..<13]),
            let minute = Self.number(bytes[14..<16]), let second = Self.number(bytes[17..<19]),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var parts = unsafe tm()
        unsafe (parts.tm_year, parts.tm_mon, parts.tm_mday) =
            (Int32(year - 1_900), Int32(month - 1), Int32(day))
        unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec) =
            (Int32(hour), Int32(minute), Int32(second))
        seconds = unsafe timegm(&parts)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
