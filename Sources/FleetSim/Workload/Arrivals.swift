import FleetCore

/// When jobs come: the patterns that scheduling policies are compared on.
package struct Arrivals {
    /// The patterns.
    package enum Pattern: String, Hashable, Sendable, Codable, CaseIterable {
        /// One after the other, by chance.
        case steady
        /// Many at once, then nothing for a while.
        case bursts
        /// Three times as many by day as by night; a day is as long as the run, at most 24 h.
        case dayNight = "day-night"
    }

    private let pattern: Pattern
    private let length: Duration
    private var burst: (at: Duration, left: Int) = (.zero, 0)

    init(_ pattern: Pattern, _ length: Duration) {
        self.pattern = pattern
        self.length = length
    }

    /// When the next job comes; not in order.
    mutating func next(_ random: inout SeededGenerator) -> Duration {
        switch pattern {
        case .steady: return random.duration(upTo: length)
        case .bursts:
            if burst.left == 0 {
                burst = (random.duration(upTo: length), Int.random(in: 5...40, using: &random))
            }
            burst.left -= 1
            return min(length, burst.at + random.duration(0...2_000))
        case .dayNight:
            let at = random.duration(upTo: length)
            let day = min(length.nanoseconds, 86_400_000_000_000)
            // By night two of three do not come, but by day.
            guard day > 0, (at.nanoseconds % day) * 2 > day, !random.permille(333) else {
                return at
            }
            return at - .nanoseconds(day / 2)
        }
    }
}
