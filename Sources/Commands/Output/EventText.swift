/// Events in words.
enum EventText {
    /// Who it is about: a job, a node or the fleet.
    static func subject(_ event: Event) -> String {
        event.job ?? event.plan ?? event.node ?? "fleet"
    }

    /// What happened: `queued → running on agx-01 after 3s: reason`.
    static func change(_ event: Event) -> String {
        var text = [event.from, event.to].compactMap { $0 }.joined(separator: " → ")
        if event.job != nil, let node = event.node { text += " on \(node)" }
        if let attempt = event.attempt, attempt > 1 { text += ", attempt \(attempt)" }
        if let took = event.durationSeconds { text += " after \(Humane.duration(took))" }
        guard let reason = event.reason, !reason.isEmpty else { return text.trimmingSpaces() }
        return (text.isEmpty ? reason : "\(text): \(reason)").trimmingSpaces()
    }

    /// One line of a running stream, as long as it has to be.
    static func line(_ event: Event) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.displayWidth))
        }
        let time = padded(event.at?.clock ?? "-", 12)
        let type = padded(event.type ?? "-", 12)
        return SafeText.line("\(time)  \(type)  \(subject(event))  \(change(event))")
    }

    /// Events as a table.
    static func table(_ events: [Event]) -> Table {
        Table(
            columns: [
                .init("SEQ", isNumber: true, isWide: true), .init("TIME"), .init("TYPE"),
                .init("SUBJECT", shrinksTo: 12), .init("CHANGE", shrinksTo: 20, wraps: true),
            ],
            rows: events.map {
                [
                    $0.seq.map(String.init) ?? "-", $0.at?.clock.prefix(8).description ?? "-",
                    $0.type ?? "-", subject($0), change($0),
                ]
            })
    }
}
