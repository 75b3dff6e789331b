import FleetCore
import Hummingbird
import Settings

/// What a request wants of a log.
struct LogQuery: Sendable {
    /// Which attempt; nil for the last one.
    var attempt: Int?
    /// Whether to go on until the attempt has ended.
    var follow: Bool
    /// The place in the log to begin at.
    var from: UInt64
    /// Only the last so many lines of what is there now.
    var tail: Int?
    /// Only what was written in this time before now.
    var since: Duration?
    /// Whether each line begins with its time.
    var timestamps: Bool
    /// Whether records are given as they are kept, with time and source.
    var isRaw: Bool

    static let tailMax = 100_000
    private static let names = [
        "attempt", "follow", "from", "tail", "since", "timestamps", "format",
    ]

    init(_ request: Request) throws {
        try request.requireKnown(Self.names)
        let query = request.uri.queryParameters
        func value(_ name: String) -> String? { query[Substring(name)].map(String.init) }
        func number<Number: FixedWidthInteger>(
            _ name: String, _ range: ClosedRange<Number>
        ) throws -> Number? {
            guard let text = value(name) else { return nil }
            guard let number = Number(text), range.contains(number) else {
                throw APIError.invalid("\(name) must be \(range.lowerBound)…\(range.upperBound)")
            }
            return number
        }
        attempt = try number("attempt", 1...1_000_000)
        from = try number("from", 0...UInt64(1) << 62) ?? 0
        tail = try number("tail", 0...Self.tailMax)
        follow = try request.flag("follow")
        timestamps = try request.flag("timestamps")
        if let text = value("since") {
            guard let duration = try? DurationText.parse(text), duration > .zero else {
                throw APIError.invalid("since must be a duration such as 10m or 2h")
            }
            since = duration
        }
        switch value("format") ?? "text" {
        case "text": isRaw = false
        case "cri": isRaw = true
        default: throw APIError.invalid("format must be text or cri")
        }
    }
}
