import FleetCore
import Foundation

/// The clock of the machine's boot: it runs on through sleep and never jumps, and goes on over the
/// agent's own restarts.
struct BootClock: Sendable {
    /// The machine's uptime when this process first asked, and when that was.
    ///
    /// To a hundredth of a second: enough for leases, and an absolute reading without C types, whose
    /// owning module differs between builds.
    private static let anchor: (uptime: Duration, at: ContinuousClock.Instant) = {
        let text = (try? String(contentsOfFile: "/proc/uptime", encoding: .utf8)) ?? ""
        let seconds = text.split(separator: " ").first.flatMap { Double($0) } ?? 0
        return (.milliseconds(Int64(seconds * 1_000)), .now)
    }()

    /// The present instant.
    var now: Instant {
        let (uptime, at) = Self.anchor
        return .zero + uptime + (ContinuousClock.now - at)
    }
}
