import FleetCore

/// What is found of webhooks.
enum WebhookFindings {
    /// Looks at all of them; without one there is nothing to say.
    static func look(_ statuses: [WebhookEndpoint.Status]) -> [Finding] {
        let findings = statuses.compactMap { look($0) }
        guard findings.isEmpty, !statuses.isEmpty else { return findings }
        return [.ok("webhooks", "all \(statuses.count) take their events")]
    }

    private static func look(_ status: WebhookEndpoint.Status) -> Finding? {
        let record = status.record
        let name = record.name.rawValue
        let why = status.error ?? "the last try failed"
        if record.isFailing {
            return .failed(
                "webhook", "it has taken nothing for a day, and events are given up: \(why)",
                subject: name,
                action: "mend its receiver; `jctl webhook test \(name)` tells, or remove it")
        }
        guard status.error != nil || record.failingSince != nil else { return nil }
        return .warning(
            "webhook", "it does not take its events: \(why)", subject: name,
            action: "is its receiver up? `jctl webhook test \(name)` tells, and tries again at once"
        )
    }
}
