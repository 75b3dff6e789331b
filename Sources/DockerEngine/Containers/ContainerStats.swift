/// One reading of what a container uses.
package struct ContainerStats: Sendable, Hashable {
    /// Memory in use in bytes, without the page cache that could be dropped.
    package var memoryBytes: Int64 = 0
    /// Its memory limit in bytes; the host's memory when it has none.
    package var memoryLimitBytes: Int64 = 0
    /// Processor time used since its start, in nanoseconds over all cores.
    package var cpuNanoseconds: Int64 = 0
    /// Processor time of the whole host, in nanoseconds over all cores.
    package var systemNanoseconds: Int64 = 0
    /// Processors it may use.
    package var onlineCPUs: Int = 0
    /// Its processes and threads.
    package var processes: Int = 0

    /// Creates an empty reading.
    package init() {}

    init(json: JSONValue) {
        let memory = json["memory_stats"]
        let cpu = json["cpu_stats"]
        // cgroup v1 counts the cache in and says total_inactive_file; v2 says inactive_file.
        let droppable =
            memory["stats"]["total_inactive_file"].int64 ?? memory["stats"]["inactive_file"].int64
            ?? 0
        let usage = max(0, memory["usage"].int64 ?? 0)
        memoryBytes = droppable > 0 && droppable < usage ? usage - droppable : usage
        memoryLimitBytes = memory["limit"].int64 ?? 0
        cpuNanoseconds = cpu["cpu_usage"]["total_usage"].int64 ?? 0
        systemNanoseconds = cpu["system_cpu_usage"].int64 ?? 0
        onlineCPUs = cpu["online_cpus"].int ?? 0
        processes = json["pids_stats"]["current"].int ?? 0
    }
}
