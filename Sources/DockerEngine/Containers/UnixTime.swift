/// Times as the API's `since` parameters want them.
enum UnixTime {
    /// Seconds with nine decimals.
    static func text(_ nanoseconds: Int64) -> String {
        let (seconds, rest) = max(0, nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
        let digits = String(rest)
        return "\(seconds)." + String(repeating: "0", count: 9 - digits.utf8.count) + digits
    }
}

extension UnixTime {
    /// Bytes of a log time: `2026-11-23T16:21:17.722532488Z`.
    static let logTimeBytes = 30

    /// Reads the time that the daemon puts before a log message; nil when it is none.
    static func parseLogTime(_ bytes: some Collection<UInt8>) -> Int64? {
        let text = Array(bytes.prefix(logTimeBytes))
        let pattern = Array("dddd-dd-ddTdd:dd:dd.dddddddddZ".utf8)
        guard text.count == pattern.count,
            zip(text, pattern).allSatisfy({ byte, wanted in
                wanted == UInt8(ascii: "d")
                    ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == wanted
            })
        else { return nil }
        func number(_ range: Range<Int>) -> Int64 {
            text[range].reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        // Nanoseconds since 1970 fit until 2262.
        guard (1970..<2200).contains(year), (1...12).contains(month), (1...31).contains(day) else {
            return nil
        }
        // Days since 1970 in the Gregorian calendar, with the year beginning in March.
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        let seconds = ((days * 24 + number(11..<13)) * 60 + number(14..<16)) * 60 + number(17..<19)
        return seconds * 1_000_000_000 + number(20..<29)
    }
}
