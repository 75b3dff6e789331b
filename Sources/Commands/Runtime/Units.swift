import ArgumentParser

/// A duration as people type it: `90s`, `5m`, `1h`, `250ms`, `1h30m`, `2d`.
struct Interval: ExpressibleByArgument, Sendable, Equatable {
    /// The seconds, at least 0 and at most ten years.
    let seconds: Double

    /// Parses the text; nil when it is no duration.
    init?(argument: String) {
        var total = 0.0
        var rest = Substring(argument)
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(digits), let factor = Self.factors[String(unit)] else {
                return nil
            }
            total += value * factor
        }
        guard !argument.isEmpty, total.isFinite, total <= 315_576_000 else { return nil }
        seconds = total
    }

    private static let factors: [String: Double] = [
        "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400,
    ]
}

/// A size as people type it: `18GB` (powers of 1000), `512MiB` (powers of 1024), `1024`.
struct ByteSize: ExpressibleByArgument, Sendable, Equatable {
    /// The bytes, from 0 to 2^53.
    let bytes: Int

    /// Parses the text; nil when it is no size.
    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = argument.dropFirst(digits.count).trimmingSpaces().lowercased()
        guard let value = Double(digits), let factor = Self.factors[unit] else { return nil }
        let size = (value * factor).rounded()
        guard size >= 0, size <= 9_007_199_254_740_992 else { return nil }
        bytes = Int(size)
    }

    private static let factors: [String: Double] = [
        "": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "k": 1024, "kib": 1024,
        "m": 1_048_576, "mib": 1_048_576, "g": 1_073_741_824, "gib": 1_073_741_824,
        "tib": 1_099_511_627_776,
    ]
}

extension StringProtocol {
    /// The text without spaces and tabs at its ends.
    func trimmingSpaces() -> String {
        var text = Substring(self)
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
