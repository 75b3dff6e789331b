/// What is found of Redis, from the text of its INFO and its settings.
enum StoreFindings {
    /// Judges how Redis is set up; `sync` is its `appendfsync`, nil when it does not tell.
    static func judge(info text: String, sync: String?, commit: Double?) -> [Finding] {
        let facts = parse(text)
        var findings: [Finding] = []
        let used = facts["used_memory"].flatMap { UInt64($0) } ?? 0
        let most = facts["maxmemory"].flatMap { UInt64($0) } ?? 0
        let hasLog = facts["aof_enabled"] != "0"
        if !hasLog {
            findings.append(
                .warning(
                    "store", "Redis keeps no log on disk, so a crash of it loses jobs",
                    action: "set `appendonly yes` and `appendfsync always`"))
        }
        if hasLog, let sync, sync != "always" {
            findings.append(
                .warning(
                    "store",
                    """
                    Redis answers before its log is on disk (`appendfsync \(sync)`), so a crash of \
                    its machine loses jobs
                    """,
                    action: "set `appendfsync always`"))
        }
        if facts["aof_last_write_status"] == "err" {
            findings.append(
                .failed(
                    "store", "Redis cannot write its log",
                    action: "look at the disk under Redis, and at its own log"))
        }
        if most > 0, let policy = facts["maxmemory_policy"], policy != "noeviction" {
            findings.append(
                .failed(
                    "store", "Redis throws records away when its memory is full (\(policy))",
                    action: "set `maxmemory-policy noeviction`"))
        }
        if most > 0, used > most / 10 * 8 {
            findings.append(
                .warning(
                    "store", "Redis uses \(humaneBytes(used)) of \(humaneBytes(most))",
                    action: "raise `maxmemory`"))
        }
        if findings.isEmpty {
            let version = facts["redis_version"].map { "Redis \($0)" } ?? "Redis"
            let speed = commit.map { ", the last batch took \(($0 * 10_000).rounded() / 10) ms" }
            findings.append(
                .ok("store", "\(version), \(humaneBytes(used)) of memory\(speed ?? "")"))
        }
        if hasLog, sync == nil {
            findings.append(
                .ok("store", "whether `appendfsync` is `always` cannot be told: Redis does not say")
            )
        }
        return findings
    }

    private static func parse(_ text: String) -> [String: String] {
        var facts: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { facts[String(parts[0])] = String(parts[1]) }
        }
        return facts
    }
}
