/// A point in time: nanoseconds on a clock that never goes back.
///
/// The controller anchors its clock to the wall clock once, at start, and never below the last
/// instant it stored, so an instant can be kept in Redis and shown as a date. Decisions use only
/// differences and order.
package struct Instant: Hashable, Comparable, Sendable, Codable {
    /// Nanoseconds since the clock's origin.
    package let nanoseconds: Int64

    /// Creates an instant from nanoseconds.
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Decodes an instant from one number.
    package init(from decoder: any Decoder) throws {
        nanoseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Encodes the instant as one number.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(nanoseconds)
    }

    /// The clock's origin.
    package static let zero = Instant(nanoseconds: 0)
    /// Later than every real instant.
    package static let distantFuture = Instant(nanoseconds: .max)

    /// Orders by time.
    package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The instant `duration` later; saturates at the ends of the clock.
    package static func + (instant: Instant, duration: Duration) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        if overflow { return Instant(nanoseconds: duration.nanoseconds > 0 ? .max : .min) }
        return Instant(nanoseconds: sum)
    }

    /// The instant `duration` earlier; saturates at the ends of the clock.
    package static func - (instant: Instant, duration: Duration) -> Instant {
        let (sum, overflow) = instant.nanoseconds.subtractingReportingOverflow(duration.nanoseconds)
        if overflow { return Instant(nanoseconds: duration.nanoseconds > 0 ? .min : .max) }
        return Instant(nanoseconds: sum)
    }

    /// How long after `earlier` this is; negative when it is before.
    package func since(_ earlier: Instant) -> Duration {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return .nanoseconds(
            overflow ? (nanoseconds > earlier.nanoseconds ? .max : .min) : difference)
    }
}

extension Duration {
    /// The whole duration in nanoseconds; saturates beyond 292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds > 0 ? .max : .min }
        let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds > 0 ? .max : .min) : sum
    }

    /// The duration in seconds, for display and averages.
    package var inSeconds: Double { Double(nanoseconds) / 1e9 }
}
