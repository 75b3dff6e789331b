import FleetCore
import Glibc

/// The clock of the machine's boot: it runs on through sleep and never jumps.
struct BootClock: Sendable {
    /// The present instant.
    var now: Instant {
        var time = timespec()
        // The clock exists on every Linux we run on.
        _ = unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }
}
