import FleetCore
import Glibc

/// Samples of this machine, as far as every Linux tells.
struct NodeTelemetry: Sendable {
    /// Whose file system's free space is told.
    let folder: String
    private var before: CPUTimes?

    /// How often a sample is taken.
    static let every = Duration.milliseconds(1_500)

    init(folder: String) { self.folder = folder }

    /// A sample; what cannot be read is left out.
    mutating func sample() -> Telemetry {
        let memory = Self.text("/proc/meminfo").map(MemoryFacts.init(parsing:))
        let now = Self.text("/proc/stat").flatMap { CPUTimes(parsing: $0) }
        let cpu = now.flatMap { now in before.flatMap { now.use(since: $0) } }
        before = now ?? before
        return Telemetry(
            cpu: cpu, memoryUsed: memory?.used, memoryTotal: memory?.total,
            diskFree: Self.freeBytes(folder))
    }

    /// What the machine has.
    static func facts(version: String) throws(AgentError) -> Agent.Facts {
        guard let memory = text("/proc/meminfo").map(MemoryFacts.init(parsing:))?.total else {
            throw AgentError(.machine, "/proc/meminfo does not tell how much memory there is")
        }
        let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return Agent.Facts(
            version: version, processors: UInt32(clamping: max(1, processors)), memory: memory)
    }

    private static func text(_ path: String) -> String? {
        guard let bytes = try? DurableFile.read(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func freeBytes(_ path: String) -> UInt64? {
        var facts = statvfs()
        guard unsafe statvfs(path, &facts) == 0 else { return nil }
        let (bytes, overflow) = UInt64(facts.f_bavail).multipliedReportingOverflow(
            by: UInt64(facts.f_frsize))
        return overflow ? nil : bytes
    }
}

/// Memory as /proc/meminfo tells it.
struct MemoryFacts: Sendable, Hashable {
    /// Bytes there are.
    let total: UInt64?
    /// Bytes in use: what is not available to a new program.
    let used: UInt64?

    init(parsing text: String) {
        var kibibytes: [Substring: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == " " || $0 == ":" })
            guard parts.count >= 2, let value = UInt64(parts[1]), value < 1 << 50 else { continue }
            kibibytes[parts[0]] = value
        }
        total = kibibytes["MemTotal"].map { $0 << 10 }
        if let all = kibibytes["MemTotal"], let free = kibibytes["MemAvailable"], free <= all {
            used = (all - free) << 10
        } else {
            used = nil
        }
    }
}

/// The processors' time as the first line of /proc/stat tells it.
struct CPUTimes: Sendable, Hashable {
    /// Ticks of all kinds.
    let total: UInt64
    /// Ticks with nothing to do.
    let idle: UInt64

    /// Nil when the text is not of that form.
    init?(parsing text: String) {
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
    func use(since before: CPUTimes) -> Double? {
        guard total > before.total else { return nil }
        let passed = Double(total - before.total)
        let rested = Double(idle > before.idle ? idle - before.idle : 0)
        return min(max(1 - rested / passed, 0), 1)
    }
}
