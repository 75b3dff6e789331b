import FleetCore

/// A machine's own clock: it starts where it likes and runs a little fast or slow.
///
/// Like the boot clock of Linux it never goes back while the machine is up.
struct LocalClock: Hashable {
    /// What it shows at the world's `start`, both in nanoseconds.
    private let origin: Int64
    private let start: Int64
    /// How much faster than the world it runs, in parts per million.
    private let drift: Int64

    /// A clock that shows `local` at the world's `world`.
    init(showing local: Instant, at world: Instant, driftPPM: Int64 = 0) {
        origin = local.nanoseconds
        start = world.nanoseconds
        drift = driftPPM
    }

    /// What the clock shows at an instant of the world.
    func local(_ instant: Instant) -> Instant {
        let passed = instant.nanoseconds - start
        // In two parts, so that nothing overflows and a slow clock never goes back.
        let (whole, rest) = passed.quotientAndRemainder(dividingBy: 1_000_000)
        return Instant(
            nanoseconds: origin + passed + whole * drift + rest * drift / 1_000_000)
    }

    /// The first instant of the world at which the clock shows `instant` or more.
    func world(_ instant: Instant) -> Instant {
        guard instant != .distantFuture else { return instant }
        let passed = instant.nanoseconds - origin
        guard passed > 0 else { return Instant(nanoseconds: start) }
        guard drift != 0 else { return Instant(nanoseconds: start + passed) }
        var guess = Instant(nanoseconds: start + passed - passed / 1_000_000 * drift)
        while local(guess) < instant {
            let missing = instant.nanoseconds - local(guess).nanoseconds
            guess = Instant(nanoseconds: guess.nanoseconds + max(1, missing))
        }
        return guess
    }
}
