/// Webhooks as a table.
enum WebhookTables {
    /// Each with how its deliveries go.
    static func webhooks(_ webhooks: [Webhook]) -> Table {
        Table(
            columns: [
                .init("NAME"), .init("STATE", isState: true), .init("BEHIND", isNumber: true),
                .init("DROPPED", isNumber: true), .init("TOPICS", shrinksTo: 8),
                .init("URL", shrinksTo: 16), .init("ERROR", shrinksTo: 12, wraps: true),
            ],
            rows: webhooks.map { webhook in
                [
                    webhook.name, webhook.state ?? "-", webhook.lag.map(String.init) ?? "-",
                    webhook.dropped.map(String.init) ?? "-",
                    (webhook.topics ?? []).joined(separator: ","), webhook.url ?? "-",
                    webhook.error ?? "-",
                ]
            })
    }
}
