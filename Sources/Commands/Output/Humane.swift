import Foundation

/// Times, sizes and shares as people read them.
enum Humane {
    /// A duration in at most two units: `0.4s`, `12s`, `3m20s`, `5h`, `2d4h`.
    static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite else { return "-" }
        let value = max(0, seconds)
        if value < 10 {
            let tenths = (value * 10).rounded() / 10
            return tenths == tenths.rounded() ? "\(Int(tenths))s" : "\(tenths)s"
        }
        guard value < 1e9 else { return "ages" }
        let whole = Int(value.rounded())
        let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
        if days > 0 { return hours > 0 && days < 10 ? "\(days)d\(hours)h" : "\(days)d" }
        if hours > 0 { return minutes > 0 ? "\(hours)h\(minutes)m" : "\(hours)h" }
        if minutes > 0 { return whole % 60 > 0 ? "\(minutes)m\(whole % 60)s" : "\(minutes)m" }
        return "\(whole)s"
    }

    /// The time from one moment to another, or to now.
    static func span(_ from: Timestamp?, _ to: Timestamp?, now: Date) -> String {
        guard let start = from?.date else { return "-" }
        return duration((to?.date ?? now).timeIntervalSince(start))
    }

    /// A size: `812 B`, `1.4 MB`, `18 GB`.
    static func bytes(_ count: Double?) -> String {
        guard var value = count, value.isFinite, value >= 0 else { return "-" }
        var unit = "B"
        for next in ["kB", "MB", "GB", "TB", "PB"] where value >= 999.5 {
            value /= 1000
            unit = next
        }
        if unit == "B" || value >= 10 || value.rounded() == value {
            return "\(Int(min(value, 1e15).rounded())) \(unit)"
        }
        return "\((value * 10).rounded() / 10) \(unit)"
    }

    /// A whole number with a unit, or `-`.
    static func whole(_ value: Double?, _ unit: String = "") -> String {
        guard let value, value.isFinite, abs(value) < 1e12 else { return "-" }
        return "\(Int(value.rounded()))\(unit)"
    }

    /// A count and its noun: `1 job`, `3 jobs`.
    static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    /// A count that the controller gave, which may be any number.
    static func count(_ number: Double, _ noun: String) -> String {
        whole(number, " \(noun)\(number == 1 ? "" : "s")")
    }
}
