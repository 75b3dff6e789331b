package import FleetCore
import CoreFoundation
import Glibc

/// A clock that never goes back, anchored to the wall clock when it is made.
///
/// It advances with the boot-time clock, which runs on through suspend and knows no leap or step. The
/// anchor is never below `floor`, the last instant an earlier controller stored.
package struct AnchoredClock: Sendable {
    private let origin: Int64

    /// Anchors a clock now.
    package init(floor: Instant = .zero) {
        let wall = Self.read(CLOCK_REALTIME)
        let anchor = max(wall, floor.nanoseconds)
        origin = anchor &- Self.read(CLOCK_BOOTTIME)
    }

    /// The present instant.
    package var now: Instant { Instant(nanoseconds: origin &+ Self.read(CLOCK_BOOTTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Both clocks exist on every Linux we run on; a failure would leave zero.
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
