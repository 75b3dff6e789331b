/// Something that happened to a container.
package struct ContainerEvent: Sendable, Hashable {
    /// What happened, such as `create`, `start`, `die`, `oom`, `stop`, `kill` or `destroy`.
    package var action: String
    /// What follows the action after a colon, such as `unhealthy`; empty when nothing does.
    package var detail: String
    /// The container's id.
    package var id: String
    /// The container's name.
    package var name: String
    /// Its labels, together with the few attributes the daemon adds (`image`, `name`, `exitCode`).
    package var labels: [String: String]
    /// The exit code of a `die`.
    package var exitCode: Int?
    /// When, in nanoseconds since 1970 by the daemon's clock.
    package var time: Int64

    /// Creates an event.
    package init(
        action: String, detail: String = "", id: String, name: String = "",
        labels: [String: String] = [:], exitCode: Int? = nil, time: Int64 = 0
    ) {
        self.action = action
        self.detail = detail
        self.id = id
        self.name = name
        self.labels = labels
        self.exitCode = exitCode
        self.time = time
    }

    /// Reads a message; nil when it is not about one container.
    ///
    /// Uses Type, Action and Actor: the older `status`, `id` and `from` are gone since API 1.52.
    init?(json: JSONValue) {
        guard json["Type"].string == "container", let action = json["Action"].string,
            let id = json["Actor"]["ID"].string, !id.isEmpty
        else { return nil }
        let parts = action.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let attributes = json["Actor"]["Attributes"].stringMap
        let seconds = max(0, json["time"].int64 ?? 0)
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        self.init(
            action: String(parts.first ?? ""),
            detail: parts.count > 1 ? String(parts[1]).trimmingWhitespace() : "",
            id: id, name: attributes["name"] ?? "", labels: attributes,
            exitCode: attributes["exitCode"].flatMap { Int($0) },
            time: json["timeNano"].int64 ?? (overflow ? 0 : nanoseconds))
    }
}
