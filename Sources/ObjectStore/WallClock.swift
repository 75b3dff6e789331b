import Glibc

/// Tells the time of day, in seconds since 1970; signatures are the only thing here that depends on
/// it.
package struct WallClock: Sendable {
    package let now: @Sendable () -> Int

    /// For tests.
    package init(now: @escaping @Sendable () -> Int) { self.now = now }

    package static let system = WallClock {
        var time = timespec()
        return unsafe clock_gettime(CLOCK_REALTIME, &time) == 0 ? time.tv_sec : 0
    }
}
