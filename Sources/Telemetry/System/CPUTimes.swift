/// The processors' time as the first line of /proc/stat tells it.
package struct CPUTimes: Sendable, Hashable {
    /// Ticks of all kinds.
    package let total: UInt64
    /// Ticks with nothing to do.
    package let idle: UInt64

    /// Reads the text of /proc/stat; nil when it is not of that form.
    package init?(parsing text: String) {
        guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else {
            return nil
        }
        // user nice system idle iowait irq softirq steal; guest times are in user already.
        let ticks = line.split(separator: " ").dropFirst().prefix(8).map { UInt64($0) ?? 0 }
        guard ticks.count >= 5 else { return nil }
        total = ticks.reduce(0, &+)
        idle = ticks[3] &+ ticks[4]
    }

    /// Use from then to now, 0…1; nil when no time has passed.
    package func use(since before: CPUTimes) -> Double? {
        guard total > before.total else { return nil }
        let passed = Double(total - before.total)
        let rested = Double(idle > before.idle ? idle - before.idle : 0)
        return min(max(1 - rested / passed, 0), 1)
    }
}
