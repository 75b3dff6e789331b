/// Memory as /proc/meminfo tells it.
package struct MemoryFacts: Sendable, Hashable {
    /// Bytes there are.
    package let total: UInt64?
    /// Bytes in use: what is not available to a new program.
    package let used: UInt64?
    /// Bytes of swap there are; zero where there is none.
    package let swapTotal: UInt64?
    /// Bytes of swap in use.
    package let swapUsed: UInt64?

    /// Reads the text of /proc/meminfo.
    package init(parsing text: String) {
        var kibibytes: [Substring: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == " " || $0 == ":" })
            guard parts.count >= 2, let value = UInt64(parts[1]), value < 1 << 50 else { continue }
            kibibytes[parts[0]] = value
        }
        /// What of `all` is not `free`, in bytes.
        func used(_ all: Substring, _ free: Substring) -> UInt64? {
            guard let all = kibibytes[all], let free = kibibytes[free], free <= all else {
                return nil
            }
            return (all - free) << 10
        }
        total = kibibytes["MemTotal"].map { $0 << 10 }
        self.used = used("MemTotal", "MemAvailable")
        swapTotal = kibibytes["SwapTotal"].map { $0 << 10 }
        swapUsed = used("SwapTotal", "SwapFree")
    }
}
