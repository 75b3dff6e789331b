/// Wall clock times as S3 writes them.
///
/// Only signatures need them.
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
