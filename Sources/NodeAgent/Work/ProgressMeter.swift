import FleetCore

/// Reads how far work is from its log: the last `N%` of a line.
struct ProgressMeter: Sendable {
    /// The shortest time between two reports.
    static let every = Duration.seconds(1)
    private var last: ContinuousClock.Instant?
    private var reported: Int?

    /// A progress worth a report, or nil.
    mutating func note(
        _ bytes: some BidirectionalCollection<UInt8>, at now: ContinuousClock.Instant = .now
    ) -> FleetCore.Progress? {
        if let last, now - last < Self.every { return nil }
        guard let percent = Self.percent(in: bytes), percent != reported else { return nil }
        last = now
        reported = percent
        return Progress(fraction: Double(percent) / 100, text: "\(percent)%")
    }

    /// The last number from 0 to 100 with a percent sign behind it, as in `12%` or `12.5 %`.
    static func percent(in bytes: some BidirectionalCollection<UInt8>) -> Int? {
        let text = Array(bytes.suffix(4_096))
        var index = text.count
        while index > 0 {
            index -= 1
            guard text[index] == UInt8(ascii: "%") else { continue }
            var start = index
            if start > 0, text[start - 1] == UInt8(ascii: " ") { start -= 1 }
            let end = start
            while start > 0, end - start < 8, isNumeral(text[start - 1]) { start -= 1 }
            let number = String(decoding: text[start..<end], as: UTF8.self)
            if let value = Double(number), (0...100).contains(value) { return Int(value) }
        }
        return nil
    }

    private static func isNumeral(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
    }
}
