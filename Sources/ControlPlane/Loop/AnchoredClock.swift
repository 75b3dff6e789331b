package import FleetCore
import Foundation

/// A clock that never goes back, anchored to the wall clock when it is made.
///
/// It advances with `ContinuousClock` (boot time on Linux), which runs on through suspend and knows no
/// leap or step. The anchor is never below `floor`, the last instant an earlier controller stored.
package struct AnchoredClock: Sendable {
    private let origin: Instant
    private let start: ContinuousClock.Instant

    /// Anchors a clock now.
    package init(floor: Instant = .zero) {
        let wall = Instant(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e6) * 1_000)
        origin = max(wall, floor)
        start = .now
    }

    /// The present instant.
    package var now: Instant { origin + (ContinuousClock.now - start) }
}
